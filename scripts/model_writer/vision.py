"""SigLIP's tower, VILA's 2x2 downsampler and a projector, as the dynamo exporter writes them."""

from dataclasses import dataclass

import numpy as np

from .graph import Graph
from .layers import gelu, gelu_tanh, layer_norm, linear

OPSET = 18


@dataclass(frozen=True)
class Vision:
    image: int = 384
    patch: int = 14
    width: int = 1152
    mlp: int = 4304
    layers: int = 27
    heads: int = 16
    epsilon: float = 1e-6
    downsampled: int = 2304
    projected: int = 2304

    @property
    def side(self) -> int:
        return self.image // self.patch

    @property
    def tokens_per_tile(self) -> int:
        return ((self.side + 1) // 2) ** 2


def vision_encoder(vision: Vision, hidden: int, source, dtype) -> Graph:
    """pixel_values [num_tiles, 3, image, image] -> image_features [num_tiles, tokens, hidden]."""
    graph = Graph("main_graph", OPSET, dtype, dynamo=True)
    width, side, tokens = vision.width, vision.side, vision.side**2
    pixels = graph.input("pixel_values", ("num_tiles", 3, vision.image, vision.image))

    with graph.module("vision_tower"):
        x = _patches(graph, vision, source, pixels)
        for layer in range(vision.layers):
            name = f"vision_tower.layers.{layer}"
            with graph.module(f"layers.{layer}"):
                with graph.module("layer_norm1"):
                    h = layer_norm(graph, source, name + ".layer_norm1", x, width, vision.epsilon)
                with graph.module("self_attn"):
                    h = _attention(graph, vision, source, name + ".self_attn", h, tokens)
                x = graph.node("Add", x, h)
                with graph.module("layer_norm2"):
                    h = layer_norm(graph, source, name + ".layer_norm2", x, width, vision.epsilon)
                with graph.module("mlp"):
                    with graph.module("fc1"):
                        h = linear(
                            graph, source, name + ".mlp.fc1", h, width, vision.mlp, bias=True
                        )
                    h = gelu_tanh(graph, h)
                    with graph.module("fc2"):
                        h = linear(
                            graph, source, name + ".mlp.fc2", h, vision.mlp, width, bias=True
                        )
                x = graph.node("Add", x, h)
        with graph.module("post_layernorm"):
            x = layer_norm(
                graph, source, "vision_tower.post_layernorm", x, width, vision.epsilon
            )
    with graph.module("downsampler"):
        x = _downsample(graph, side, width, x)
        with graph.module("linear"):
            x = linear(
                graph, source, "downsampler.linear", x, 4 * width, vision.downsampled, bias=True
            )
    with graph.module("projector"):
        with graph.module("linear_1"):
            x = linear(
                graph, source, "projector.linear_1", x, vision.downsampled, vision.projected,
                bias=True,
            )
        x = gelu(graph, x)
        with graph.module("linear_2"):
            linear(
                graph, source, "projector.linear_2", x, vision.projected, hidden, bias=True,
                output="image_features",
            )
    graph.output("image_features", ("num_tiles", vision.tokens_per_tile, hidden))
    return graph


def _patches(graph, vision, source, pixels):
    width, side, patch = vision.width, vision.side, vision.patch
    name = "vision_tower.patch_embedding"
    inputs = 3 * patch * patch
    rows = source.linear(name, width, inputs, fan_in=inputs)
    with graph.module("patch_embedding"):
        x = graph.node(
            "Conv",
            pixels,
            graph.weight(
                name + ".weight",
                (width, 3, patch, patch),
                lambda begin, end: rows(begin, end).reshape(end - begin, 3, patch, patch),
            ),
            graph.weight(name + ".bias", (width,), source.bias(name, width)),
            group=1,
            pads=[0, 0, 0, 0],
            auto_pad="NOTSET",
            strides=[patch, patch],
            dilations=[1, 1],
            kernel_shape=[patch, patch],
        )
    x = graph.node("Reshape", x, graph.constant([-1, width, side * side]), allowzero=1)
    x = graph.node("Transpose", x, perm=[0, 2, 1])
    positions = source.table("vision_tower.position_embedding", side * side, width, 0.3)
    table = graph.weight(
        "vision_tower.position_embedding",
        (1, side * side, width),
        lambda begin, end: positions(0, side * side)[None],
    )
    return graph.node("Add", x, table)


def _attention(graph, vision, source, name, x, tokens):
    width, heads = vision.width, vision.heads
    split, head_dim = graph.constant([-1, tokens, heads, width // heads]), width // heads
    parts = []
    for part in ("q_proj", "k_proj", "v_proj"):
        with graph.module(part):
            y = linear(graph, source, f"{name}.{part}", x, width, width, bias=True)
        parts.append(graph.node("Reshape", y, split, allowzero=1))
    query = graph.node("Transpose", parts[0], perm=[0, 2, 1, 3])
    value = graph.node("Transpose", parts[2], perm=[0, 2, 1, 3])
    key = graph.node("Transpose", parts[1], perm=[0, 2, 3, 1])
    scores = graph.node("MatMul", query, key)
    scores = graph.node("Mul", scores, graph.number(np.float32(head_dim**-0.5)))
    mixed = graph.node("MatMul", graph.node("Softmax", scores, axis=-1), value)
    mixed = graph.node("Transpose", mixed, perm=[0, 2, 1, 3])
    mixed = graph.node("Reshape", mixed, graph.constant([-1, tokens, width]), allowzero=1)
    with graph.module("out_proj"):
        return linear(graph, source, name + ".out_proj", mixed, width, width, bias=True)


def _downsample(graph, side, width, x):
    half = (side + 1) // 2
    odd = 2 * half - side
    x = graph.node("Reshape", x, graph.constant([-1, side, side, width]), allowzero=1)
    if odd:
        x = graph.node("Pad", x, graph.constant([0, 0, 0, 0, 0, odd, odd, 0]), mode="constant")
    x = graph.node("Reshape", x, graph.constant([-1, half, 2, half, 2, width]), allowzero=1)
    x = graph.node("Transpose", x, perm=[0, 1, 3, 2, 4, 5])
    return graph.node("Reshape", x, graph.constant([-1, half * half, 4 * width]), allowzero=1)
