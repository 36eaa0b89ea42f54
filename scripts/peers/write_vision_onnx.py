"""The graph that onnxruntime encodes pictures with: float32, and from it INT8.

    write_vision_onnx.py PACKAGE FLOAT.onnx INT8.onnx

FLOAT is the package's vision_encoder.onnx with its half-precision weights as floats, fused by
onnxruntime's own optimizer for transformers. INT8 is what onnxruntime's dynamic quantization makes of
it: weights in 8 bits with a scale a column, activations in 8 bits with a scale a tensor.
"""

import os
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic
from onnxruntime.transformers import optimizer
from onnxruntime.transformers.fusion_options import FusionOptions

MS = "com.microsoft"


def as_float(model):
    """All that is half precision becomes float, in place."""
    graph = model.graph
    for tensor in graph.initializer:
        if tensor.data_type == TensorProto.FLOAT16:
            values = numpy_helper.to_array(tensor).astype(np.float32)
            tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))
    for value in [*graph.input, *graph.output, *graph.value_info]:
        if value.type.tensor_type.elem_type == TensorProto.FLOAT16:
            value.type.tensor_type.elem_type = TensorProto.FLOAT
    for node in graph.node:
        for attribute in node.attribute:
            if node.op_type == "Cast" and attribute.i == TensorProto.FLOAT16:
                attribute.i = TensorProto.FLOAT
            if attribute.t.data_type == TensorProto.FLOAT16:
                values = numpy_helper.to_array(attribute.t).astype(np.float32)
                attribute.t.CopyFrom(numpy_helper.from_array(values))
    return model


def save(model, path):
    data = os.path.basename(path) + ".data"
    if os.path.exists(os.path.join(os.path.dirname(path), data)):
        os.remove(os.path.join(os.path.dirname(path), data))
    onnx.save(model, path, save_as_external_data=True, location=data)


def write(package, float_path, int8_path, heads, width):
    plain = float_path + ".plain.onnx"
    save(as_float(onnx.load(os.path.join(package, "vision_encoder.onnx"))), plain)
    fused = optimizer.optimize_model(plain, model_type="vit", num_heads=heads, hidden_size=width,
                                     opt_level=0, optimization_options=FusionOptions("vit"))
    print("fused:", {name: count for name, count in
                     fused.get_fused_operator_statistics().items() if count}, file=sys.stderr)
    if all(each.domain != MS for each in fused.model.opset_import):
        fused.model.opset_import.append(helper.make_opsetid(MS, 1))
    save(fused.model, float_path)
    quantize_dynamic(float_path, int8_path, per_channel=True, weight_type=QuantType.QInt8,
                     op_types_to_quantize=["MatMul"], use_external_data_format=True,
                     extra_options={"MatMulConstBOnly": True,
                                    "DefaultTensorType": TensorProto.FLOAT})
    os.remove(plain)
    os.remove(plain + ".data")


if __name__ == "__main__":
    write(*sys.argv[1:4], heads=16, width=1152)
