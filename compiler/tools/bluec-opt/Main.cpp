// bluec-opt runs any of bluec's passes alone; it is the driver of the lit tests.
#include "compiler/driver/session/Registration.h"

#include "mlir/IR/DialectRegistry.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  bluec::registerAllDialects(registry);
  bluec::registerAllPasses();
  return mlir::asMainReturnCode(
      mlir::MlirOptMain(argc, argv, "bluec's optimiser driver\n", registry));
}
