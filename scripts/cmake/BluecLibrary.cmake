# How every library and tool of the compiler side is built: one place for include paths, warnings
# and the precompiled MLIR headers, all of it target-scoped.

# What all targets of the project share.
add_library(bluec_options INTERFACE)
target_include_directories(bluec_options INTERFACE ${PROJECT_SOURCE_DIR} ${PROJECT_BINARY_DIR})
# clang sees libstdc++ 12's own stable_sort call a function that it deprecates.
target_compile_options(bluec_options INTERFACE -Wall -Wextra -Wno-unused-parameter
                                               -Wno-deprecated-declarations
                                               $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>
                                               $<$<BOOL:${BLUEC_WERROR}>:-Werror>)
if(BLUEC_SANITIZE)
  target_compile_options(bluec_options INTERFACE
    -fsanitize=address,undefined -fno-sanitize-recover=undefined
    $<$<CXX_COMPILER_ID:Clang>:-fsanitize-ignorelist=${PROJECT_SOURCE_DIR}/scripts/cmake/sanitizer_ignorelist.txt>)
  target_link_options(bluec_options INTERFACE -fsanitize=address,undefined)
endif()
if(BLUEC_FUZZ)
  # Coverage for libFuzzer in the libraries; the fuzzers themselves link its main function.
  target_compile_options(bluec_options INTERFACE -fsanitize=fuzzer-no-link)
  target_link_options(bluec_options INTERFACE -fsanitize=fuzzer-no-link)
endif()

# MLIR's headers are the system's, not ours: no warnings from them.
add_library(bluec_mlir INTERFACE)
target_include_directories(bluec_mlir SYSTEM INTERFACE ${LLVM_INCLUDE_DIRS} ${MLIR_INCLUDE_DIRS})
separate_arguments(bluec_llvm_definitions NATIVE_COMMAND "${LLVM_DEFINITIONS}")
target_compile_options(bluec_mlir INTERFACE ${bluec_llvm_definitions})
target_link_libraries(bluec_mlir INTERFACE MLIR LLVM bluec_options)
if(BLUEC_SANITIZE)
  # Where MLIR's headers are used, these checks are a third of the code. A null pointer ends in
  # AddressSanitizer's report anyway.
  target_compile_options(bluec_mlir INTERFACE -fno-sanitize=null,vptr,alignment,object-size)
endif()

include(runtime/cmake/Precompiled.cmake)
bluec_precompile(bluec_pch ${PROJECT_SOURCE_DIR}/compiler/dialect/PrecompiledHeaders bluec_mlir)
add_dependencies(bluec_pch bluec_blue_tablegen bluec_onnx_tablegen bluec_onnx_interfaces_tablegen
                 bluec_plan_tablegen bluec_abi_tablegen bluec_kernel_tablegen)

# What bluec_library and bluec_executable share.
#
# Everything is optimised: without it, compiling bluec takes a third less time, and compiling a model
# a quarter more, since MLIR's headers are small functions that have to be inlined. But only those
# are: larger ones make compiling a tenth slower (a fifth for dialects) and the program larger, and
# nothing that runs often gains by it but loops over weights (HOT).
function(bluec_target name no_mlir hot precompiled scope depends)
  if(no_mlir)
    target_link_libraries(${name} ${scope} bluec_options ${depends})
  else()
    target_link_libraries(${name} ${scope} bluec_mlir ${depends})
  endif()
  if(precompiled)
    bluec_use_precompiled(${name} ${precompiled})
  elseif(NOT no_mlir)
    bluec_use_precompiled(${name} bluec_pch)
  endif()
  if(NOT hot AND NOT BLUEC_SANITIZE)
    target_compile_options(${name} PRIVATE
      "$<$<CXX_COMPILER_ID:Clang>:SHELL:-mllvm -inline-threshold=25>")
  endif()
endfunction()

# bluec_library(NAME [NO_MLIR] [HOT] SOURCES a.cpp... [DEPENDS lib...] [GENERATED target...])
# DEPENDS are public: who links the library sees what its headers need. HOT: it computes with weights.
function(bluec_library name)
  cmake_parse_arguments(arg "NO_MLIR;HOT" "" "SOURCES;DEPENDS;GENERATED" ${ARGN})
  add_library(${name} STATIC ${arg_SOURCES})
  bluec_target(${name} "${arg_NO_MLIR}" "${arg_HOT}" "" PUBLIC "${arg_DEPENDS}")
  if(arg_GENERATED)
    add_dependencies(${name} ${arg_GENERATED})
  endif()
endfunction()

# bluec_executable(NAME [NO_MLIR] SOURCES a.cpp... [DEPENDS lib...] [PRECOMPILED target])
# PRECOMPILED: other headers than those that all who use MLIR share (bluec_precompile).
function(bluec_executable name)
  cmake_parse_arguments(arg "NO_MLIR" "PRECOMPILED" "SOURCES;DEPENDS" ${ARGN})
  add_executable(${name} ${arg_SOURCES})
  bluec_target(${name} "${arg_NO_MLIR}" "" "${arg_PRECOMPILED}" PRIVATE "${arg_DEPENDS}")
  if(arg_PRECOMPILED OR NOT arg_NO_MLIR)
    # The precompiled headers are PIC; an executable's default, PIE, would not accept them.
    set_target_properties(${name} PROPERTIES POSITION_INDEPENDENT_CODE OFF)
    target_compile_options(${name} PRIVATE -fPIC)
  endif()
endfunction()

# bluec_dialect(DIR-RELATIVE-NAME Ops.td dialect): declarations and definitions of a dialect.
#   bluec_dialect(blue Blue) in compiler/dialect/blue makes BlueOps.h.inc, BlueDialect.h.inc,
#   BlueAttrs.h.inc, BlueTypes.h.inc, BlueEnums.h.inc and their .cpp.inc twins; the target is bluec_blue_tablegen.
function(bluec_dialect dialect prefix)
  set(LLVM_TARGET_DEFINITIONS ${prefix}Ops.td)
  set(flags -I${PROJECT_SOURCE_DIR} -I${MLIR_INCLUDE_DIRS})
  mlir_tablegen(${prefix}Ops.h.inc -gen-op-decls ${flags})
  mlir_tablegen(${prefix}Ops.cpp.inc -gen-op-defs ${flags})
  mlir_tablegen(${prefix}Dialect.h.inc -gen-dialect-decls -dialect=${dialect} ${flags})
  mlir_tablegen(${prefix}Dialect.cpp.inc -gen-dialect-defs -dialect=${dialect} ${flags})
  mlir_tablegen(${prefix}Attrs.h.inc -gen-attrdef-decls -attrdefs-dialect=${dialect} ${flags})
  mlir_tablegen(${prefix}Attrs.cpp.inc -gen-attrdef-defs -attrdefs-dialect=${dialect} ${flags})
  mlir_tablegen(${prefix}Types.h.inc -gen-typedef-decls -typedefs-dialect=${dialect} ${flags})
  mlir_tablegen(${prefix}Types.cpp.inc -gen-typedef-defs -typedefs-dialect=${dialect} ${flags})
  mlir_tablegen(${prefix}Enums.h.inc -gen-enum-decls ${flags})
  mlir_tablegen(${prefix}Enums.cpp.inc -gen-enum-defs ${flags})
  add_public_tablegen_target(bluec_${dialect}_tablegen)
endfunction()
