# The runtime for another kind of machine, built alone by that machine's compiler, as an app would:
# target runtime-ARCHITECTURE, in the build's folder of that name. The variable
# BLUEC_COMPILER_ARCHITECTURE is the compiler, or NOTFOUND, and then there is no target. What
# `bluec compile --emit exe` makes programs of is target ask-ARCHITECTURE, what an emulator runs code with serve-ARCHITECTURE.
include(ExternalProject)

function(bluec_foreign_runtime architecture)
  find_program(BLUEC_COMPILER_${architecture} ${architecture}-linux-gnu-g++)
  mark_as_advanced(BLUEC_COMPILER_${architecture})
  if(NOT BLUEC_COMPILER_${architecture})
    message(STATUS "no ${architecture}-linux-gnu-g++: nothing is run for ${architecture}")
    return()
  endif()
  set(folder ${PROJECT_BINARY_DIR}/runtime-${architecture})
  string(REPLACE ";" "|" launcher "${CMAKE_CXX_COMPILER_LAUNCHER}")
  ExternalProject_Add(runtime-${architecture}
    SOURCE_DIR ${PROJECT_SOURCE_DIR}/runtime
    BINARY_DIR ${folder}
    PREFIX ${CMAKE_CURRENT_BINARY_DIR}/runtime-${architecture}
    LIST_SEPARATOR |
    CMAKE_ARGS --toolchain ${PROJECT_SOURCE_DIR}/runtime/cmake/${architecture}-linux-gnu.cmake
               -DCMAKE_BUILD_TYPE=Release -DBLUEC_WERROR=${BLUEC_WERROR}
               -DCMAKE_CXX_COMPILER_LAUNCHER=${launcher}
    BUILD_ALWAYS ON
    INSTALL_COMMAND ""
    BUILD_BYPRODUCTS ${folder}/bluec-run ${folder}/libbluec_runtime.a ${folder}/bluec_ask.o ${folder}/bluec-serve
    USES_TERMINAL_BUILD ON)
  bluec_share(ask-${architecture} ask/${architecture}-linux.o ${folder}/bluec_ask.o runtime-${architecture})
  bluec_share(serve-${architecture} serve/${architecture}-linux ${folder}/bluec-serve runtime-${architecture})
endfunction()

# bluec_share(NAME PLACE FILE TARGET): target NAME puts the file that TARGET made where bluec looks for it, which is PLACE in
# share/bluec.
function(bluec_share name place file target)
  set(shared ${PROJECT_BINARY_DIR}/share/bluec/${place})
  cmake_path(GET shared PARENT_PATH parent)
  add_custom_command(OUTPUT ${shared}
    COMMAND ${CMAKE_COMMAND} -E make_directory ${parent}
    COMMAND ${CMAKE_COMMAND} -E copy ${file} ${shared}
    DEPENDS ${file} ${target}
    VERBATIM)
  add_custom_target(${name} ALL DEPENDS ${shared})
endfunction()
