"""Models whose weights are published as integers, in the forms that onnxruntime and the standard have
for them.

A model's weights are first put on the grid of their integers, so that PyTorch computes with exactly
the values that the integers stand for; after the export the integers take the weights' places.
"""

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import (
    CalibrationDataReader,
    QuantFormat,
    QuantType,
    quantize_dynamic,
    quantize_static,
)

# Bits, columns that share a scale, zero points: by weight, in turn. No row of the models here is a
# multiple of any block.
NBITS = [(4, 16, False), (4, 32, True), (8, 16, True), (8, 32, False), (4, 64, True)]
# The standard's: type, columns that share a scale (0: a whole row, -1: all), zero points.
STANDARD = [
    (TensorProto.INT4, 16, False),
    (TensorProto.UINT4, 8, True),
    (TensorProto.INT8, 0, False),
    (TensorProto.UINT8, -1, True),
    (TensorProto.UINT8, 32, True),
    (TensorProto.UINT4, 16, False),
]


class Weight:
    """Integers [rows, columns] with scales and zero points [rows, blocks]."""

    def __init__(self, values, low, high, block, zero):
        rows, columns = values.shape
        self.block = min(block, columns) if block > 0 else columns
        blocks = -(-columns // self.block)
        padded = np.zeros((rows, blocks * self.block), np.float32)
        padded[:, :columns] = values
        grouped = padded.reshape(rows, blocks, self.block)
        if block < 0:
            grouped = padded.reshape(1, 1, -1)
        if zero is None:  # anywhere
            least, most = grouped.min(-1).clip(max=0), grouped.max(-1).clip(min=0)
            scales = (most - least) / (high - low)
            zeros = np.round(low - least / scales)
        else:
            reach = np.abs(grouped).max(-1)
            scales = reach / max(high - zero, zero - low)
            zeros = np.full(scales.shape, zero)
        self.scales = np.broadcast_to(scales, (rows, blocks)).astype(np.float32)
        self.zeros = np.broadcast_to(zeros, (rows, blocks)).astype(np.int64)
        wide = lambda each: np.repeat(each, self.block, 1)[:, :columns]  # noqa: E731
        self.integers = np.clip(
            np.round(values / wide(self.scales)) + wide(self.zeros), low, high
        ).astype(np.int64)
        self.values = wide(self.scales) * (self.integers - wide(self.zeros)).astype(np.float32)


def nbits_weight(values, bits, block, zeros):
    return Weight(values, 0, 2**bits - 1, block, None if zeros else 2 ** (bits - 1))


def standard_weight(values, kind, block, zeros):
    bits = 4 if kind in (TensorProto.INT4, TensorProto.UINT4) else 8
    is_signed = kind in (TensorProto.INT4, TensorProto.INT8)
    low = -(2 ** (bits - 1)) if is_signed else 0
    return Weight(values, low, low + 2**bits - 1, block, None if zeros else 0)


class Quantized:
    """A model on the grid of its integers. `make` turns float values and a form into a Weight."""

    def __init__(self, model, forms, make):
        self.model, self.known = model, {}
        matrices = [(n, p) for n, p in sorted(model.named_parameters()) if p.dim() == 2]
        for index, (_, parameter) in enumerate(matrices):
            form = forms[index % len(forms)]
            weight = make(parameter.detach().numpy(), *form)
            with torch.no_grad():
                parameter.copy_(torch.from_numpy(weight.values))
            self.known[weight.values.tobytes()] = (form, weight)

    def find(self, tensor, transposed):
        values = numpy_helper.to_array(tensor)
        values = np.ascontiguousarray(values.T if transposed else values)
        return self.known.get(values.tobytes())


def _packed(integers, bits):
    """Rows of integers in bytes; two of 4 bits in each, the first one in the low half."""
    if bits == 8:
        return integers.astype(np.uint8)
    if integers.shape[-1] % 2:
        integers = np.pad(integers, [(0, 0)] * (integers.ndim - 1) + [(0, 1)])
    return (integers[..., ::2] | integers[..., 1::2] << 4).astype(np.uint8)


def _replace(model, nodes, initializers, gone):
    del model.graph.value_info[:]
    kept = [tensor for tensor in model.graph.initializer if tensor.name not in gone]
    del model.graph.initializer[:]
    model.graph.initializer.extend([*kept, *initializers])
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    return model


def with_nbits(model: onnx.ModelProto, quantized: Quantized) -> onnx.ModelProto:
    """MatMulNBits for every product with a weight, GatherBlockQuantized for the embedding."""
    tensors = {tensor.name: tensor for tensor in model.graph.initializer}
    nodes, initializers, gone = [], [], set()
    for node in model.graph.node:
        is_product, is_table = node.op_type == "MatMul", node.op_type == "Gather"
        place = 1 if is_product else 0
        name = node.input[place] if is_product or is_table else ""
        found = quantized.find(tensors[name], is_product) if name in tensors else None
        if not found:
            nodes.append(node)
            continue
        (bits, block, has_zeros), weight = found
        rows, columns = weight.integers.shape
        stored = weight.integers
        if is_product:
            blocks = -(-columns // block)
            stored = np.pad(stored, ((0, 0), (0, blocks * block - columns)))
            stored = stored.reshape(rows, blocks, block)
        parts = [_packed(stored, bits), weight.scales]
        if has_zeros:
            parts.append(_packed(weight.zeros, bits))
        inputs = []
        for part, suffix in zip(parts, ("integers", "scales", "zeros")):
            initializers.append(numpy_helper.from_array(part, f"{name}_{suffix}"))
            inputs.append(initializers[-1].name)
        other = node.input[1 - place]
        settings = {"bits": bits, "block_size": block}
        if is_product:
            kind, inputs = "MatMulNBits", [other, *inputs]
            settings |= {"K": columns, "N": rows}
        else:
            kind, inputs = "GatherBlockQuantized", [inputs[0], other, *inputs[1:]]
            settings |= {"gather_axis": 0, "quantize_axis": 1}
        nodes.append(
            helper.make_node(
                kind, inputs, node.output, name=node.name, domain="com.microsoft", **settings
            )
        )
        gone.add(name)
    assert gone, "expected weights to quantize"
    model.opset_import.append(helper.make_opsetid("com.microsoft", 1))
    return _replace(model, nodes, initializers, gone)


def _tensor(name, integers, kind):
    bits = 4 if kind in (TensorProto.INT4, TensorProto.UINT4) else 8
    flat = (integers.reshape(-1) & (2**bits - 1)).astype(np.int64)
    return helper.make_tensor(name, kind, integers.shape, _packed(flat, bits).tobytes(), raw=True)


def with_dequantize(model: onnx.ModelProto, quantized: Quantized) -> onnx.ModelProto:
    """DequantizeLinear in front of every product with a weight; the embedding stays as it is."""
    tensors = {tensor.name: tensor for tensor in model.graph.initializer}
    nodes, initializers, gone = [], [], set()
    for node in model.graph.node:
        name = node.input[1] if node.op_type == "MatMul" else ""
        found = quantized.find(tensors[name], True) if name in tensors else None
        if not found:
            nodes.append(node)
            continue
        (kind, block, has_zeros), weight = found
        scales, zeros = weight.scales.T, weight.zeros.T  # as the weight, [columns, rows]
        settings = {}
        if block > 0:
            settings = {"axis": 0, "block_size": weight.block}
        elif block == 0:
            settings, scales, zeros = {"axis": 1}, scales[0], zeros[0]
        else:
            scales, zeros = scales[0, 0], zeros[0, 0]
        initializers += [
            _tensor(f"{name}_integers", np.ascontiguousarray(weight.integers.T), kind),
            numpy_helper.from_array(np.ascontiguousarray(scales), f"{name}_scales"),
        ]
        inputs = [f"{name}_integers", f"{name}_scales"]
        if has_zeros:
            initializers.append(_tensor(f"{name}_zeros", np.ascontiguousarray(zeros), kind))
            inputs.append(f"{name}_zeros")
        nodes.append(
            helper.make_node(
                "DequantizeLinear", inputs, [f"{name}_floats"], name=f"{name}_dq", **settings
            )
        )
        node.input[1] = f"{name}_floats"
        nodes.append(node)
        gone.add(name)
    assert gone, "expected weights to quantize"
    return _replace(model, nodes, initializers, gone)


class _Prompts(CalibrationDataReader):
    def __init__(self, config, cache_names, head_dim):
        rng = np.random.default_rng(9)
        self.calls = []
        for length in (7, 5):
            call = {
                "input_ids": rng.integers(3, config.vocab_size, (1, length)),
                "attention_mask": np.ones((1, length), np.int64),
            }
            for name in cache_names:
                call[name] = np.zeros((1, config.num_key_value_heads, 0, head_dim), np.float32)
            self.calls.append(call)

    def get_next(self):
        return self.calls.pop() if self.calls else None


def with_dynamic_activations(source, target) -> None:
    """What onnxruntime's quantize_dynamic makes: bytes for weights, and for activations at run
    time."""
    quantize_dynamic(source, target, weight_type=QuantType.QUInt8)


def with_static_activations(source, target, config, cache_names, head_dim) -> None:
    """What quantize_static makes of products and tables: QuantizeLinear and DequantizeLinear around
    each of their operands and results, a scale for each column of a weight."""
    quantize_static(
        source,
        target,
        _Prompts(config, cache_names, head_dim),
        quant_format=QuantFormat.QDQ,
        op_types_to_quantize=["MatMul", "Gather"],
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
        per_channel=True,
    )
