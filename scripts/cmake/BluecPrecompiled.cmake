# Headers that are parsed once for all libraries that use them.

# bluec_precompile(TARGET): precompiles the headers for the libraries that bluec_use_precompiled()
# names.
function(bluec_precompile target)
  set(headers ${PROJECT_SOURCE_DIR}/compiler/dialect/PrecompiledHeaders)
  add_library(${target} OBJECT ${headers}.cpp)
  target_link_libraries(${target} PRIVATE bluec_mlir)
  target_precompile_headers(${target} PRIVATE ${headers}.h)
  add_dependencies(${target} bluec_blue_tablegen bluec_onnx_tablegen bluec_onnx_interfaces_tablegen)
  if(BLUEC_CCACHE AND CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    bluec_write_checksum(${target} ${headers}.h)
  endif()
endfunction()

function(bluec_use_precompiled name target)
  target_precompile_headers(${name} REUSE_FROM ${target})
  if(TARGET ${target}_checksum)
    add_dependencies(${name} ${target}_checksum)
  endif()
endfunction()

# clang writes absolute paths into a precompiled header, so that its bytes differ from clone to clone
# and ccache would find nothing of another clone's. It takes a file NAME.pch.sum for the bytes of
# NAME.pch (CCACHE_PCH_EXTSUM): here the checksum of what the header comes to when all its includes
# are in place, of the flags and of the compiler's version.
function(bluec_write_checksum target header)
  set(pch ${CMAKE_CURRENT_BINARY_DIR}/CMakeFiles/${target}.dir/cmake_pch.hxx.pch)
  set(flags "${CMAKE_CXX_FLAGS} ${CMAKE_CXX_FLAGS_RELEASE} -std=c++${CMAKE_CXX_STANDARD}")
  separate_arguments(flags)
  list(APPEND flags $<TARGET_PROPERTY:${target},COMPILE_OPTIONS>)
  add_custom_command(OUTPUT ${pch}.sum
    COMMAND ${CMAKE_CXX_COMPILER} -E -P -x c++ ${flags}
            -fmacro-prefix-map=${PROJECT_BINARY_DIR}= -fmacro-prefix-map=${PROJECT_SOURCE_DIR}=
            "-I$<JOIN:$<TARGET_PROPERTY:${target},INCLUDE_DIRECTORIES>,;-I>"
            -o ${pch}.ii ${header}
    COMMAND ${CMAKE_COMMAND} -D TEXT=${pch}.ii -D SUM=${pch}.sum -D ROOT=${PROJECT_SOURCE_DIR}
            -D "ABOUT=${CMAKE_CXX_COMPILER_VERSION} ${LLVM_PACKAGE_VERSION} $<JOIN:${flags}, >"
            -P ${PROJECT_SOURCE_DIR}/scripts/cmake/write_checksum.cmake
    DEPENDS ${pch} ${PROJECT_SOURCE_DIR}/scripts/cmake/write_checksum.cmake
    COMMAND_EXPAND_LISTS VERBATIM
    COMMENT "Checksum of ${target} for ccache")
  add_custom_target(${target}_checksum DEPENDS ${pch}.sum)
endfunction()
