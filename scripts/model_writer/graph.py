"""A graph in the making, and the file of its weights.

Weights are promises: a shape and a function that makes rows of it. The data file is written when all
places in it are known, piece by piece and by several threads, so that memory holds a few pieces only.
"""

import os
import pathlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

# Smaller tensors are in the .onnx file, as onnx.save would leave them.
INLINE_BYTES = 1024
ALIGNMENT = 4096
PIECE_ELEMENTS = 1 << 23

ONNX_TYPES = {
    np.dtype(np.float32): TensorProto.FLOAT,
    np.dtype(np.float16): TensorProto.FLOAT16,
    np.dtype(np.int64): TensorProto.INT64,
    np.dtype(np.bool_): TensorProto.BOOL,
}


@dataclass
class Weight:
    """`rows(begin, end)` makes rows [begin, end) of the first dim as float32 or as `dtype`."""

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype
    rows: Callable[[int, int], np.ndarray]
    is_constant: bool = False
    offset: int = 0

    @property
    def bytes(self) -> int:
        return int(np.prod(self.shape)) * self.dtype.itemsize

    def pieces(self):
        step = max(1, PIECE_ELEMENTS // max(1, int(np.prod(self.shape[1:]))))
        for begin in range(0, self.shape[0], step):
            yield begin, min(self.shape[0], begin + step)

    def make(self, begin: int, end: int) -> np.ndarray:
        made = np.ascontiguousarray(self.rows(begin, end)).astype(self.dtype, copy=False)
        assert made.shape == (end - begin, *self.shape[1:]), (self.name, made.shape)
        return made


class Graph:
    """Nodes are named as the TorchScript exporter names them ("/layers.0/mlp/MatMul_1"), or as the
    dynamo exporter does ("node_MatMul_7", with the modules' path in the node's metadata)."""

    def __init__(self, name: str, opset: int, dtype, dynamo: bool = False):
        self.name, self.opset, self.dtype, self.dynamo = name, opset, np.dtype(dtype), dynamo
        self.nodes, self.inputs, self.outputs = [], [], []
        self.weights: list[Weight] = []
        self.modules: list[str] = []
        self.counts: dict[str, int] = {}
        self.constants: dict[tuple, str] = {}

    @contextmanager
    def module(self, *path: str):
        self.modules += path
        yield
        del self.modules[-len(path) :]

    def _unique(self, name: str) -> str:
        count = self.counts.get(name, 0)
        self.counts[name] = count + 1
        return f"{name}_{count}" if count else name

    def input(self, name: str, shape, dtype=None) -> str:
        self.inputs.append(self._value(name, shape, dtype))
        return name

    def output(self, name: str, shape, dtype=None) -> None:
        self.outputs.append(self._value(name, shape, dtype))

    def _value(self, name, shape, dtype):
        return helper.make_tensor_value_info(
            name, ONNX_TYPES[np.dtype(dtype or self.dtype)], list(shape)
        )

    def node(self, kind: str, *inputs: str, output: str | None = None, **attributes) -> str:
        """Adds a node with one output; `output` names it where the graph's interface does."""
        if self.dynamo:
            number = self.counts.get("", 0)
            self.counts[""] = number + 1
            name = f"node_{kind}_{number}"
            output = output or f"val_{number}"
        else:
            name = self._unique("/" + "/".join([*self.modules, kind]))
            output = output or name + "_output_0"
        node = helper.make_node(kind, list(inputs), [output], name=name, **attributes)
        if self.dynamo:
            scopes, path = [""], ""
            for module in self.modules:
                path = f"{path}.{module}" if path else module
                scopes.append(path)
            node.metadata_props.add(
                key="pkg.torch.onnx.name_scopes", value=str([*scopes, kind.lower()])
            )
        self.nodes.append(node)
        return output

    def constant(self, value, dtype=np.int64) -> str:
        array = np.asarray(value, dtype)
        if not self.dynamo:
            return self.node("Constant", value=numpy_helper.from_array(array))
        # The dynamo exporter keeps each constant once, as an initializer.
        key = (array.dtype.str, array.shape, array.tobytes())
        if key not in self.constants:
            name = self._unique("constant")
            self.constants[key] = name
            self.weights.append(
                Weight(name, array.shape, array.dtype, lambda *_: array, is_constant=True)
            )
        return self.constants[key]

    def number(self, value: float) -> str:
        return self.constant(value, self.dtype)

    def weight(self, name: str, shape, rows) -> str:
        self.weights.append(Weight(name, tuple(shape), self.dtype, rows))
        return name

    def save(self, path: pathlib.Path, threads: int, progress=None) -> None:
        """Writes `path` and, when a weight is large, `path` with _data after it."""
        data_path = path.with_name(path.name + "_data")
        initializers, external, end = [], [], 0
        for weight in self.weights:
            if weight.is_constant or weight.bytes < INLINE_BYTES:
                array = weight.rows(0, *weight.shape[:1]).astype(weight.dtype)
                initializers.append(numpy_helper.from_array(array, weight.name))
                continue
            weight.offset = -(-end // ALIGNMENT) * ALIGNMENT
            end = weight.offset + weight.bytes
            tensor = TensorProto(
                name=weight.name,
                dims=weight.shape,
                data_type=ONNX_TYPES[weight.dtype],
                data_location=TensorProto.EXTERNAL,
            )
            for key, value in (
                ("location", data_path.name),
                ("offset", weight.offset),
                ("length", weight.bytes),
            ):
                tensor.external_data.add(key=key, value=str(value))
            initializers.append(tensor)
            external.append(weight)
        model = helper.make_model(
            helper.make_graph(self.nodes, self.name, self.inputs, self.outputs, initializers),
            opset_imports=[helper.make_opsetid("", self.opset)],
            producer_name="bluec model_writer",
            ir_version=10 if self.dynamo else 8,
        )
        path.write_bytes(model.SerializeToString())
        if external:
            _write_data(data_path, external, end, threads, progress)
        onnx.checker.check_model(str(path))


def _write_data(path, weights, size, threads, progress) -> None:
    with open(path, "wb") as file:
        file.truncate(size)
        descriptor = file.fileno()

        def write(piece) -> int:
            weight, begin, end = piece
            made = weight.make(begin, end)
            row = weight.bytes // weight.shape[0]
            data, at = memoryview(made).cast("B"), weight.offset + begin * row
            while data:
                written = os.pwrite(descriptor, data, at)
                data, at = data[written:], at + written
            return made.nbytes

        pieces = [(weight, *span) for weight in weights for span in weight.pieces()]
        done = 0
        with ThreadPoolExecutor(threads) as pool:
            for count in pool.map(write, pieces):
                done += count
                if progress:
                    progress(path.name, done, size)
