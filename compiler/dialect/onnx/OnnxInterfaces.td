// What every op that stands for an ONNX node can be asked.
#ifndef BLUEC_DIALECT_ONNX_INTERFACES
#define BLUEC_DIALECT_ONNX_INTERFACES

include "mlir/IR/OpBase.td"

def Onnx_NodeInterface : OpInterface<"NodeOpInterface"> {
  let cppNamespace = "::bluec::onnx";
  let description = [{
    An op that stands for one ONNX node. Its schema is static: the importer and `bluec list-ops`
    read it, so the list of supported nodes is the dialect itself.
  }];
  let methods = [
    StaticInterfaceMethod<"The ONNX node type that the op stands for.",
                          "::bluec::onnx::NodeSchema", "getSchema">
  ];
}

#endif // BLUEC_DIALECT_ONNX_INTERFACES
