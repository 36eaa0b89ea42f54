# bluec_pass(Name SOURCES a.cpp... [DEPENDS lib...]) in a pass's own folder, which holds Name.td,
# Name.h and its sources. The .td makes Name.h.inc (declarations, definitions, registration); the
# library is bluec_pass_<folder>.
function(bluec_pass name)
  cmake_parse_arguments(arg "" "" "SOURCES;DEPENDS" ${ARGN})
  get_filename_component(folder ${CMAKE_CURRENT_SOURCE_DIR} NAME)
  set(LLVM_TARGET_DEFINITIONS ${name}.td)
  mlir_tablegen(${name}.h.inc -gen-pass-decls -name=${name}
                -I${PROJECT_SOURCE_DIR} -I${MLIR_INCLUDE_DIRS})
  add_public_tablegen_target(bluec_pass_${folder}_tablegen)
  bluec_library(bluec_pass_${folder}
    SOURCES ${arg_SOURCES}
    DEPENDS ${arg_DEPENDS}
    GENERATED bluec_pass_${folder}_tablegen)
endfunction()
