# Headers that are parsed once for all libraries that use them. Parsing headers of the C++ library,
# of JSON or of MLIR is most of what a small file takes to compile.

# bluec_precompile(TARGET HEADERS [LIBRARY...]): precompiles HEADERS.h for the libraries that
# bluec_use_precompiled() names. HEADERS.cpp holds it and has no code of its own. Who uses it has to
# be compiled with the same flags, which LIBRARY... give.
function(bluec_precompile target headers)
  add_library(${target} OBJECT ${headers}.cpp)
  target_link_libraries(${target} PRIVATE ${ARGN})
  target_precompile_headers(${target} PRIVATE ${headers}.h)
  # What who uses it waits for.
  set(files $<TARGET_OBJECTS:${target}>)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang" AND "${CMAKE_CXX_COMPILER_LAUNCHER}" MATCHES "ccache")
    # Without time stamps in it, ccache can tell that a precompiled header is the same.
    target_compile_options(${target} PRIVATE -Xclang=-fno-pch-timestamp)
    bluec_write_checksum(${target} ${headers}.h)
    list(APPEND files ${CMAKE_CURRENT_BINARY_DIR}/CMakeFiles/${target}.dir/cmake_pch.hxx.pch.sum)
  endif()
  add_custom_target(${target}_files DEPENDS ${files})
endfunction()

# clang is given the file by the option that ccache knows; CMake's way names the text of the header
# too, by its absolute path and past ccache, which then finds nothing of another clone's.
function(bluec_use_precompiled name target)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    get_target_property(folder ${target} BINARY_DIR)
    target_compile_options(${name} PRIVATE
      "$<$<COMPILE_LANGUAGE:CXX>:SHELL:-Winvalid-pch -include-pch ${folder}/CMakeFiles/${target}.dir/cmake_pch.hxx.pch>")
    add_dependencies(${name} ${target}_files)
  else()
    target_precompile_headers(${name} REUSE_FROM ${target})
  endif()
endfunction()

# clang writes absolute paths into a precompiled header, so that its bytes differ from clone to clone.
# ccache takes a file NAME.pch.sum for the bytes of NAME.pch (CCACHE_PCH_EXTSUM): here the checksum of
# what the header comes to when all its includes are in place, of the flags and of the compiler's
# version.
function(bluec_write_checksum target header)
  set(script ${CMAKE_CURRENT_FUNCTION_LIST_DIR}/WriteChecksum.cmake)
  set(pch ${CMAKE_CURRENT_BINARY_DIR}/CMakeFiles/${target}.dir/cmake_pch.hxx.pch)
  set(flags "${CMAKE_CXX_FLAGS} ${CMAKE_CXX_FLAGS_RELEASE} -std=c++20")
  separate_arguments(flags)
  list(APPEND flags $<TARGET_PROPERTY:${target},COMPILE_OPTIONS>)
  add_custom_command(OUTPUT ${pch}.sum
    COMMAND ${CMAKE_CXX_COMPILER} -E -P -x c++ ${flags}
            -fmacro-prefix-map=${CMAKE_BINARY_DIR}= -fmacro-prefix-map=${CMAKE_SOURCE_DIR}=
            "-I$<JOIN:$<TARGET_PROPERTY:${target},INCLUDE_DIRECTORIES>,;-I>"
            -o ${pch}.ii ${header}
    COMMAND ${CMAKE_COMMAND} -D TEXT=${pch}.ii -D SUM=${pch}.sum -D ROOT=${CMAKE_SOURCE_DIR}
            -D "ABOUT=${CMAKE_CXX_COMPILER_VERSION} ${LLVM_PACKAGE_VERSION} $<JOIN:${flags}, >"
            -P ${script}
    DEPENDS ${pch} ${script}
    COMMAND_EXPAND_LISTS VERBATIM
    COMMENT "Checksum of ${target} for ccache")
endfunction()
