// The one place that knows every dialect and every pass of bluec.
#ifndef BLUEC_COMPILER_DRIVER_SESSION_REGISTRATION_H
#define BLUEC_COMPILER_DRIVER_SESSION_REGISTRATION_H

namespace mlir {
class DialectRegistry;
} // namespace mlir

namespace bluec {

/// Adds the dialects that bluec reads, makes or passes through.
void registerAllDialects(mlir::DialectRegistry &registry);

/// Adds bluec's passes to the command line. CMake writes it, from every bluec_pass() of the tree.
void registerOwnPasses();
/// Those, the few of MLIR that bluec's pipelines use, and the pipelines (Pipelines.h).
void registerAllPasses();

} // namespace bluec

#endif // BLUEC_COMPILER_DRIVER_SESSION_REGISTRATION_H
