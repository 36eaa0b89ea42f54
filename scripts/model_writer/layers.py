"""Layers as torch.onnx writes them out, shared by the parts of a model."""

import math

import numpy as np
from onnx import TensorProto

FLOAT, HALF, INT64 = TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.INT64


def is_half(graph) -> bool:
    return graph.dtype == np.float16


def linear(graph, source, name, x, inputs, outputs, bias=False, output=None):
    """x W + b with W stored [inputs, outputs]: both exporters fold the transpose of a Linear."""
    weight = graph.weight(name + ".weight", (inputs, outputs), source.linear(name, inputs, outputs))
    if not bias:
        return graph.node("MatMul", x, weight, output=output)
    product = graph.node("MatMul", x, weight)
    return graph.node(
        "Add", product, graph.weight(name + ".bias", (outputs,), source.bias(name, outputs)),
        output=output,
    )


def layer_norm(graph, source, name, x, width, epsilon):
    weight = graph.weight(name + ".weight", (width,), source.norm(name, width))
    bias = graph.weight(name + ".bias", (width,), source.bias(name, width))
    return graph.node("LayerNormalization", x, weight, bias, axis=-1, epsilon=epsilon)


def rms_norm(graph, source, name, x, width, epsilon):
    """Half-precision models take the mean of squares in float."""
    weight = graph.weight(name + ".weight", (width,), source.norm(name, width))
    if is_half(graph):
        x = graph.node("Cast", x, to=FLOAT)
    squares = graph.node("Pow", x, graph.constant(2.0, np.float32))
    mean = graph.node("ReduceMean", squares, axes=[-1], keepdims=1)
    root = graph.node("Sqrt", graph.node("Add", mean, graph.constant(epsilon, np.float32)))
    inverse = graph.node("Div", graph.constant(1.0, np.float32), root)
    normed = graph.node("Mul", x, inverse)
    if is_half(graph):
        normed = graph.node("Cast", normed, to=HALF)
    return graph.node("Mul", weight, normed)


def gelu_tanh(graph, x):
    cube = graph.node("Mul", graph.number(0.044715), graph.node("Pow", x, graph.number(3.0)))
    inner = graph.node("Mul", graph.number(math.sqrt(2 / math.pi)), graph.node("Add", x, cube))
    shifted = graph.node("Add", graph.node("Tanh", inner), graph.number(1.0))
    return graph.node("Mul", x, graph.node("Mul", graph.number(0.5), shifted))


def gelu(graph, x):
    erf = graph.node("Erf", graph.node("Div", x, graph.number(math.sqrt(2))))
    shifted = graph.node("Add", erf, graph.number(1.0))
    return graph.node("Mul", x, graph.node("Mul", graph.number(0.5), shifted))
