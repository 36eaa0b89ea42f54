// The functions that a model brings for its nodes.
#ifndef BLUEC_COMPILER_IMPORT_ONNX_LOCALFUNCTIONS_H
#define BLUEC_COMPILER_IMPORT_ONNX_LOCALFUNCTIONS_H

#include <onnx/onnx_pb.h>

#include "llvm/ADT/StringMap.h"
#include "llvm/Support/Error.h"

#include <string>
#include <vector>

namespace bluec {

struct LocalFunction {
  const ::onnx::FunctionProto *proto;
  /// Attributes that a call may leave out, with what they are then.
  std::vector<::onnx::AttributeProto> defaults;
};

class LocalFunctions {
public:
  explicit LocalFunctions(const ::onnx::ModelProto &model);

  /// The one that `node` calls; null: none.
  const LocalFunction *find(const ::onnx::NodeProto &node) const;

private:
  llvm::StringMap<LocalFunction> functions; // by domain, name and overload
};

/// `node` of the function's body, called by `call`, whose attributes are values: what it says by
/// reference to an attribute of the function is said itself, or left out where neither the call nor
/// a default says it. Nodes in graphs of `node` too.
::onnx::NodeProto withAttributesOf(const ::onnx::NodeProto &node, const LocalFunction &function,
                                   const ::onnx::NodeProto &call);

} // namespace bluec

#endif // BLUEC_COMPILER_IMPORT_ONNX_LOCALFUNCTIONS_H
