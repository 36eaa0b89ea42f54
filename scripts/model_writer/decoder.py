"""An embedding and a LLaMA-style decoder with its cache as inputs and outputs, as the TorchScript
exporter writes them."""

from dataclasses import dataclass

import numpy as np

from .graph import Graph
from .layers import FLOAT, HALF, INT64, is_half, layer_norm, linear, rms_norm

OPSET = 17


@dataclass(frozen=True)
class Decoder:
    vocabulary: int = 122753
    width: int = 2304
    mlp: int = 5760
    layers: int = 40
    heads: int = 36
    kv_heads: int = 36
    head_dim: int = 64
    epsilon: float = 1e-6
    theta: float = 10000.0
    # BlueLM's "stable embedding": a LayerNorm on what the decoder is given.
    stable_embedding: bool = True
    stable_epsilon: float = 1e-5


def embedding(decoder: Decoder, source, dtype) -> Graph:
    """input_ids [batch, rows] -> inputs_embeds [batch, rows, width]."""
    graph = Graph("main_graph", OPSET, dtype)
    rows = ("batch_size", "sequence_length")
    ids = graph.input("input_ids", rows, np.int64)
    table = graph.weight(
        "embed_tokens.weight",
        (decoder.vocabulary, decoder.width),
        source.embedding(decoder.vocabulary, decoder.width),
    )
    graph.node("Gather", table, ids, output="inputs_embeds")
    graph.output("inputs_embeds", (*rows, decoder.width))
    return graph


def decoder_model(decoder: Decoder, source, dtype) -> Graph:
    """Any past length, 0 included, so there is no If."""
    graph = Graph("main_graph", OPSET, dtype)
    rows = ("batch_size", "sequence_length")
    total = "total_sequence_length"
    x = graph.input("inputs_embeds", (*rows, decoder.width))
    mask = graph.input("attention_mask", ("batch_size", total), np.int64)
    positions = graph.input("position_ids", rows, np.int64)
    graph.output("logits", (*rows, decoder.vocabulary))
    for layer in range(decoder.layers):
        for part in ("key", "value"):
            shape = ("batch_size", decoder.kv_heads, "past_sequence_length", decoder.head_dim)
            graph.input(f"past_key_values.{layer}.{part}", shape)
            graph.output(f"present.{layer}.{part}", (*shape[:2], total, shape[3]))

    with graph.module("decoder"):
        cos, sin = _rotary(graph, decoder, positions)
        scores_mask = _mask(graph, x, mask)
        if decoder.stable_embedding:
            with graph.module("embed_layer_norm"):
                x = layer_norm(
                    graph, source, "embed_layer_norm", x, decoder.width, decoder.stable_epsilon
                )
        for layer in range(decoder.layers):
            with graph.module(f"layers.{layer}"):
                x = _layer(graph, decoder, source, layer, x, cos, sin, scores_mask)
        with graph.module("norm"):
            x = rms_norm(graph, source, "norm", x, decoder.width, decoder.epsilon)
        with graph.module("lm_head"):
            head = graph.weight(
                "lm_head.weight",
                (decoder.width, decoder.vocabulary),
                source.head(decoder.vocabulary, decoder.width),
            )
            graph.node("MatMul", x, head, output="logits")
    return graph


def _dim(graph, x, axis):
    return graph.node("Gather", graph.node("Shape", x), graph.constant(axis), axis=0)


def _shape(graph, *dims):
    """The operand of a Reshape: numbers, and scalars that the graph computes."""
    parts = [
        graph.constant([dim])
        if isinstance(dim, int)
        else graph.node("Unsqueeze", dim, graph.constant([0]))
        for dim in dims
    ]
    return graph.node("Concat", *parts, axis=0)


def _rotary(graph, decoder, positions):
    half = np.arange(0, decoder.head_dim, 2, dtype=np.float32) / np.float32(decoder.head_dim)
    frequencies = np.float32(1.0) / np.power(np.float32(decoder.theta), half)
    at = graph.node("Unsqueeze", positions, graph.constant([1]))
    at = graph.node("Cast", graph.node("Unsqueeze", at, graph.constant([3])), to=FLOAT)
    angles = graph.node("Mul", at, graph.constant(frequencies, np.float32))
    angles = graph.node("Concat", angles, angles, axis=-1)
    tables = graph.node("Cos", angles), graph.node("Sin", angles)
    if is_half(graph):
        tables = tuple(graph.node("Cast", table, to=HALF) for table in tables)
    return tables


def _mask(graph, x, mask):
    length, total = _dim(graph, x, 1), _dim(graph, mask, 1)

    def count(until):
        end = graph.node("Cast", until, to=INT64)
        return graph.node("Range", graph.constant(0), end, graph.constant(1))

    keys = count(total)
    queries = graph.node("Add", count(length), graph.node("Sub", total, length))
    causal = graph.node(
        "LessOrEqual",
        graph.node("Unsqueeze", keys, graph.constant([0])),
        graph.node("Unsqueeze", queries, graph.constant([1])),
    )
    for axis in (0, 1):
        causal = graph.node("Unsqueeze", causal, graph.constant([axis]))
    present = mask
    for axis in (1, 2):
        present = graph.node("Unsqueeze", present, graph.constant([axis]))
    allowed = graph.node("And", causal, graph.node("Greater", present, graph.constant(0)))
    lowest = np.finfo(graph.dtype).min
    return graph.node("Where", allowed, graph.number(0.0), graph.number(lowest))


def _layer(graph, decoder, source, layer, x, cos, sin, mask):
    name = f"layers.{layer}"
    width, epsilon = decoder.width, decoder.epsilon
    with graph.module("input_layernorm"):
        h = rms_norm(graph, source, name + ".input_layernorm", x, width, epsilon)
    with graph.module("self_attn"):
        h = _attention(graph, decoder, source, layer, h, cos, sin, mask)
    x = graph.node("Add", x, h)
    with graph.module("post_attention_layernorm"):
        h = rms_norm(graph, source, name + ".post_attention_layernorm", x, width, epsilon)
    with graph.module("mlp"):

        def project(part, y, inputs, outputs):
            with graph.module(part):
                return linear(graph, source, f"{name}.mlp.{part}", y, inputs, outputs)

        gate = project("gate_proj", h, width, decoder.mlp)
        gate = graph.node("Mul", gate, graph.node("Sigmoid", gate))
        h = graph.node("Mul", gate, project("up_proj", h, width, decoder.mlp))
        h = project("down_proj", h, decoder.mlp, width)
    return graph.node("Add", x, h)


def _attention(graph, decoder, source, layer, x, cos, sin, mask):
    heads, kv_heads, head_dim = decoder.heads, decoder.kv_heads, decoder.head_dim
    name = f"layers.{layer}.self_attn"
    batch, length = _dim(graph, x, 0), _dim(graph, x, 1)

    def project(part, count):
        with graph.module(part):
            y = linear(graph, source, f"{name}.{part}", x, decoder.width, count * head_dim)
        y = graph.node("Reshape", y, _shape(graph, batch, length, count, head_dim), allowzero=0)
        return graph.node("Transpose", y, perm=[0, 2, 1, 3])

    def rotate(y):
        half = graph.node("Div", _dim(graph, y, 3), graph.constant(2))
        half = graph.node("Cast", half, to=INT64)

        def part(begin, end):
            ends = [
                graph.node("Unsqueeze", half, graph.constant([0])) if at is None
                else graph.constant([at])
                for at in (begin, end)
            ]
            return graph.node("Slice", y, *ends, graph.constant([3]), graph.constant([1]))

        low, high = part(0, None), part(None, np.iinfo(np.int64).max)
        turned = graph.node("Concat", graph.node("Neg", high), low, axis=-1)
        return graph.node("Add", graph.node("Mul", y, cos), graph.node("Mul", turned, sin))

    query = project("q_proj", heads)
    key = project("k_proj", kv_heads)
    value = project("v_proj", kv_heads)
    query, key = rotate(query), rotate(key)
    present = [
        graph.node(
            "Concat", f"past_key_values.{layer}.{part}", new, axis=2,
            output=f"present.{layer}.{part}",
        )
        for part, new in (("key", key), ("value", value))
    ]
    key, value = (_repeat(graph, decoder, batch, part) for part in present)
    scores = graph.node("MatMul", query, graph.node("Transpose", key, perm=[0, 1, 3, 2]))
    scores = graph.node("Mul", scores, graph.number(np.float32(head_dim**-0.5)))
    scores = graph.node("Add", scores, mask)
    if is_half(graph):
        scores = graph.node("Cast", scores, to=FLOAT)
    weights = graph.node("Softmax", scores, axis=-1)
    if is_half(graph):
        weights = graph.node("Cast", weights, to=HALF)
    mixed = graph.node("Transpose", graph.node("MatMul", weights, value), perm=[0, 2, 1, 3])
    mixed = graph.node("Reshape", mixed, _shape(graph, batch, length, heads * head_dim), allowzero=0)
    with graph.module("o_proj"):
        return linear(graph, source, name + ".o_proj", mixed, heads * head_dim, decoder.width)


def _repeat(graph, decoder, batch, x):
    """Each key-value head for all query heads that read it."""
    groups = decoder.heads // decoder.kv_heads
    if groups == 1:
        return x
    total = _dim(graph, x, 2)
    wanted = _shape(graph, batch, decoder.kv_heads, groups, total, decoder.head_dim)
    repeated = graph.node(
        "Expand", graph.node("Unsqueeze", x, graph.constant([2])), wanted
    )
    flat = _shape(graph, batch, decoder.heads, total, decoder.head_dim)
    return graph.node("Reshape", repeated, flat, allowzero=0)
