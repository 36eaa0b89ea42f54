// A function of kernels IR as C++.
#ifndef BLUEC_TARGETS_CPP_FUNCTION_PRINTER_H
#define BLUEC_TARGETS_CPP_FUNCTION_PRINTER_H

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include <string>
#include <vector>

namespace bluec::targets {

/// An identifier of C++ for a symbol: what is no letter or digit becomes '_'.
std::string identifierOf(llvm::StringRef symbol);

/// What its arguments are called: a kernel's buffers "in1", "out1", then its count, position and
/// range.
std::vector<std::string> argumentNamesOf(mlir::func::FuncOp function);

/// A kernel's or an entry's function, without a ';' or a body: `void linear_4x8_k16(...)`.
std::string signatureOf(mlir::func::FuncOp function);

/// The function with its body. Fails with an error at the first op that has no form in C++.
///
/// Each op is a statement; one that is used once, and that nothing it reads can change before, is
/// written where it is used. Loops and conditions are C++'s. Vectors are support/Vectors.h's.
mlir::FailureOr<std::string> printFunction(mlir::func::FuncOp function);

} // namespace bluec::targets

#endif // BLUEC_TARGETS_CPP_FUNCTION_PRINTER_H
