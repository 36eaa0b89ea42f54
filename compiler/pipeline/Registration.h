// The one place that knows every dialect and every pass of bluec.
#ifndef BLUEC_COMPILER_PIPELINE_REGISTRATION_H
#define BLUEC_COMPILER_PIPELINE_REGISTRATION_H

namespace mlir {
class DialectRegistry;
} // namespace mlir

namespace bluec {

/// Adds the dialects that bluec reads, makes or passes through.
void registerAllDialects(mlir::DialectRegistry &registry);

/// Adds bluec's passes, and the few of MLIR that its pipelines use, to the command line.
void registerAllPasses();

} // namespace bluec

#endif // BLUEC_COMPILER_PIPELINE_REGISTRATION_H
