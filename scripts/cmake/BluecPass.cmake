# bluec_pass(Name SOURCES a.cpp... [DEPENDS lib...]) in a pass's own folder, which holds Name.td,
# Name.h and its sources. The .td makes Name.h.inc (declarations, definitions, registration); the
# library is bluec_pass_<folder>. That call is all it takes for bluec and bluec-opt to know the pass.
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
  file(RELATIVE_PATH header ${PROJECT_SOURCE_DIR} ${CMAKE_CURRENT_SOURCE_DIR}/${name}.h)
  set_property(GLOBAL APPEND PROPERTY BLUEC_PASS_LIBRARIES bluec_pass_${folder})
  set_property(GLOBAL APPEND PROPERTY BLUEC_PASS_HEADERS ${header})
  set_property(GLOBAL APPEND PROPERTY BLUEC_PASS_NAMES ${name})
endfunction()

# bluec_write_pass_registration(FILE): the source of bluec::registerOwnPasses(), which registers what
# every bluec_pass() before this call has made.
function(bluec_write_pass_registration file)
  get_property(headers GLOBAL PROPERTY BLUEC_PASS_HEADERS)
  get_property(names GLOBAL PROPERTY BLUEC_PASS_NAMES)
  set(includes "")
  foreach(header ${headers})
    string(APPEND includes "#include \"${header}\"\n")
  endforeach()
  set(calls "")
  foreach(name ${names})
    string(APPEND calls "  register${name}();\n")
  endforeach()
  file(CONFIGURE OUTPUT ${file} @ONLY CONTENT
"#include \"compiler/driver/session/Registration.h\"

@includes@
using namespace bluec;
using namespace bluec::kernels;
using namespace bluec::targets;

void bluec::registerOwnPasses() {
@calls@}
")
endfunction()
