// Which PyTorch module a node came from.
#ifndef BLUEC_COMPILER_IMPORT_ONNX_MODULESCOPE_H
#define BLUEC_COMPILER_IMPORT_ONNX_MODULESCOPE_H

#include <onnx/onnx_pb.h>

#include <string>

namespace bluec {

/// The path of the module that the node was exported from ("model.layers.0.self_attn.q_proj"), as
/// the dynamo exporter writes it into the node's metadata; "" when it is not there. (TorchScript
/// exports have the path in the node's name.)
std::string modulePathOf(const ::onnx::NodeProto &node);

} // namespace bluec

#endif // BLUEC_COMPILER_IMPORT_ONNX_MODULESCOPE_H
