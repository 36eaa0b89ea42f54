"""Writes the ONNX decoder that onnxruntime runs, with the weights of a GGUF file.

The graph is what exporters for onnxruntime make: MatMulNBits (4 bits, blocks of 32), packed QKV,
GroupQueryAttention over a KV cache that it updates in place, fused skip and norm, the head on the
last token only. The nibbles and scales are those of the GGUF file, in MatMulNBits' order, so
llama.cpp and onnxruntime compute the same model and their logits can be compared.
"""

import os

import gguf
import numpy as np
from onnx import NodeProto, TensorProto, helper, save

from write_gguf import BLOCK, BYTES

MS = "com.microsoft"


class Weights:
    """Appends tensors to the external data file and names them in the graph."""

    def __init__(self, path):
        self.stream = open(path, "wb")
        self.location = os.path.basename(path)
        self.tensors = []

    def add(self, name, array):
        types = {"float32": TensorProto.FLOAT, "uint8": TensorProto.UINT8}
        tensor = TensorProto(name=name, data_type=types[array.dtype.name], dims=array.shape,
                             data_location=TensorProto.EXTERNAL)
        self.stream.seek(-self.stream.tell() % 4096, os.SEEK_CUR)
        for key, value in (("location", self.location), ("offset", self.stream.tell()),
                           ("length", array.nbytes)):
            tensor.external_data.add(key=key, value=str(value))
        array.tofile(self.stream)
        self.tensors.append(tensor)
        return name


def unpack(tensor):
    """Q4_0 blocks as (nibbles [rows, blocks, 16], two neighbours a byte; scales [rows, blocks])."""
    blocks = tensor.data.reshape(tensor.data.shape[0], -1, BYTES)
    scales = np.ascontiguousarray(blocks[..., :2]).view("<f2")[..., 0].astype(np.float32)
    low, high = blocks[..., 2:] & 15, blocks[..., 2:] >> 4
    values = np.concatenate([low, high], -1)
    return values[..., 0::2] | values[..., 1::2] << 4, scales


def halves(rows, heads):
    """Rows of a query or key projection from interleaved pairs (GGUF) to halves (ONNX)."""
    paired = rows.reshape(heads, -1, 2, *rows.shape[1:])
    return paired.swapaxes(1, 2).reshape(rows.shape)


class Decoder:
    def __init__(self, geometry, source, weights):
        self.g, self.source, self.weights = geometry, source, weights
        self.nodes = []

    def node(self, kind, inputs, outputs, domain="", **attributes):
        self.nodes.append(helper.make_node(kind, inputs, outputs, domain=domain,
                                           name=f"{kind}_{len(self.nodes)}", **attributes))
        return outputs[0]

    def norm(self, name):
        return self.weights.add(name, np.asarray(self.source[name].data, np.float32))

    def linear(self, value, parts, out, order=None):
        """One MatMulNBits over the rows of all `parts`."""
        unpacked = [unpack(self.source[part]) for part in parts]
        if order:
            unpacked = [tuple(order(part, i) for part in both) for i, both in enumerate(unpacked)]
        packed = np.concatenate([nibbles for nibbles, _ in unpacked])
        scales = np.concatenate([scale for _, scale in unpacked])
        self.weights.add(out + ".q", packed)
        self.weights.add(out + ".s", scales.reshape(-1))
        return self.node("MatMulNBits", [value, out + ".q", out + ".s"], [out], MS, bits=4,
                         block_size=BLOCK, K=packed.shape[1] * BLOCK, N=packed.shape[0])

    def add_norm(self, value, skip, gamma, out):
        """(normed sum, sum)"""
        self.node("SkipSimplifiedLayerNormalization", [value, skip, self.norm(gamma)],
                  [out, "", "", out + ".sum"], MS, epsilon=self.g.rms_eps)
        return out, out + ".sum"

    def attention(self, qkv, i):
        return self.node(
            "GroupQueryAttention",
            [qkv, "", "", f"past_key_{i}", f"past_value_{i}", "seqlens_k", "total_sequence_length",
             "cos", "sin"],
            [f"attention_{i}", f"present_key_{i}", f"present_value_{i}"], MS,
            num_heads=self.g.heads, kv_num_heads=self.g.heads, do_rotary=1)

    def block(self, i, normed, residual, following):
        at = f"blk.{i}."

        def order(rows, part):
            return halves(rows, self.g.heads) if part < 2 else rows

        qkv = self.linear(normed, [at + f"attn_{x}.weight" for x in "qkv"], f"qkv_{i}", order)
        out = self.linear(self.attention(qkv, i), [at + "attn_output.weight"], f"out_{i}")
        normed, residual = self.add_norm(out, residual, at + "ffn_norm.weight", f"ffn_norm_{i}")
        both = self.linear(normed, [at + "ffn_gate.weight", at + "ffn_up.weight"], f"gate_up_{i}")
        self.node("Split", [both], [f"gate_{i}", f"up_{i}"], axis=-1, num_outputs=2)
        self.node("Sigmoid", [f"gate_{i}"], [f"sigmoid_{i}"])
        self.node("Mul", [f"gate_{i}", f"sigmoid_{i}"], [f"silu_{i}"])
        self.node("Mul", [f"silu_{i}", f"up_{i}"], [f"swiglu_{i}"])
        down = self.linear(f"swiglu_{i}", [at + "ffn_down.weight"], f"down_{i}")
        return self.add_norm(down, residual, following, f"norm_{i + 1}")

    def build(self):
        g = self.g
        nibbles, scales = unpack(self.source["token_embd.weight"])
        self.weights.add("embedding.q", nibbles.reshape(g.vocabulary, -1))
        self.weights.add("embedding.s", scales)
        residual = self.node("GatherBlockQuantized", ["embedding.q", "input_ids", "embedding.s"],
                             ["embedded"], MS, bits=4, block_size=BLOCK, gather_axis=0,
                             quantize_axis=1)
        angles = np.outer(np.arange(g.context),
                          g.rope_theta ** (-np.arange(0, g.head_width, 2) / g.head_width))
        self.weights.add("cos", np.cos(angles).astype(np.float32))
        self.weights.add("sin", np.sin(angles).astype(np.float32))
        normed = self.node("SimplifiedLayerNormalization",
                           [residual, self.norm("blk.0.attn_norm.weight")], ["norm_0"], axis=-1,
                           epsilon=g.rms_eps, stash_type=1)
        for i in range(g.layers):
            following = f"blk.{i + 1}.attn_norm" if i + 1 < g.layers else "output_norm"
            normed, residual = self.block(i, normed, residual, following + ".weight")
        self.nodes.append(helper.make_node("Constant", [], ["last"], value_ints=[-1]))
        self.node("Gather", [normed, "last"], ["last_token"], axis=1)
        head = "token_embd.weight" if g.tied_head else "output.weight"
        self.linear("last_token", [head], "logits")

    def model(self, accuracy_level):
        """The graph; 0: MatMulNBits without the attribute."""
        g, f32 = self.g, TensorProto.FLOAT
        cache = [1, g.heads, "capacity", g.head_width]
        inputs = [helper.make_tensor_value_info("input_ids", TensorProto.INT64, [1, "tokens"]),
                  helper.make_tensor_value_info("seqlens_k", TensorProto.INT32, [1]),
                  helper.make_tensor_value_info("total_sequence_length", TensorProto.INT32, [])]
        outputs = [helper.make_tensor_value_info("logits", f32, [1, 1, g.vocabulary])]
        for i in range(g.layers):
            for what in ("key", "value"):
                inputs.append(helper.make_tensor_value_info(f"past_{what}_{i}", f32, cache))
                outputs.append(helper.make_tensor_value_info(f"present_{what}_{i}", f32, cache))
        nodes = []
        for node in self.nodes:
            nodes.append(NodeProto())
            nodes[-1].CopyFrom(node)
            if accuracy_level and node.op_type == "MatMulNBits":
                nodes[-1].attribute.append(
                    helper.make_attribute("accuracy_level", accuracy_level))
        graph = helper.make_graph(nodes, g.name, inputs, outputs, self.weights.tensors)
        return helper.make_model(graph, ir_version=10, opset_imports=[
            helper.make_opsetid("", 21), helper.make_opsetid(MS, 1)])


def write(paths, data, geometry, gguf_path):
    """Writes a graph for each {accuracy level: path}, all over the same weights, in file `data`."""
    source = {tensor.name: tensor for tensor in gguf.GGUFReader(gguf_path).tensors}
    weights = Weights(data)
    decoder = Decoder(geometry, source, weights)
    decoder.build()
    weights.stream.close()
    for level, path in paths.items():
        save(decoder.model(level), path)
