"""Runs graphs with onnxruntime and keeps what went in and what came out.

The goldens are one JSON index and one file of raw little-endian numbers:

    {"about": "...",
     "cases": [{"name": "llama-ts14/decoder/prefill7",
                "package": "llama-ts14",
                "graph": "llama-ts14/decoder_model_merged.onnx",
                "inputs": {
                    "attention_mask": {"dtype": "int64", "shape": [1, 7],
                                       "offset": 0, "bytes": 56},
                    "inputs_embeds": {"dtype": "float32", "shape": [1, 7, 40],
                                      "from": {"case": "llama-ts14/embed/prefill7",
                                               "output": "inputs_embeds"}}},
                "outputs": {
                    "logits": {"dtype": "float32", "shape": [1, 7, 109],
                               "offset": 64, "bytes": 3052}},
                "rtol": 1e-4, "native_error": null}]}

Outputs are always fp32. An input with "from" is the output of an earlier case, rounded to nearest
even where the input's dtype is narrower. Offsets are multiples of 64; equal numbers share one.
`rtol` bounds max|ours - golden| / max|golden| for each output of an implementation that computes in
fp32. `native_error` is that figure for onnxruntime running a 16-bit graph, or one that allows it to
quantize activations, as it stands; null where the graph is in fp32 or onnxruntime cannot run it.
Of a graph that quantizes activations itself, the outputs are those without; "written_rtol" bounds an
implementation that does what is written.
"""

import json
import pathlib

import ml_dtypes
import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper

from . import rewrites

ALIGNMENT = 64
ROUNDING = ("DynamicQuantizeLinear", "QuantizeLinear")
RTOL = 1e-4


def relative_error(ours: np.ndarray, golden: np.ndarray) -> float:
    if golden.size == 0:
        return 0.0
    return float(
        np.max(np.abs(ours.astype(np.float64) - golden)) / max(np.max(np.abs(golden)), 1e-30)
    )


def session(source) -> onnxruntime.InferenceSession:
    """A session that runs the graph as written: without the optimizer's rewrites, on one thread, so
    that goldens do not depend on the machine."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    return onnxruntime.InferenceSession(
        source if isinstance(source, bytes) else str(source),
        options,
        providers=["CPUExecutionProvider"],
    )


class Graph:
    """One graph, with its fp32 reference where it computes in 16 bits or less."""

    def __init__(self, path: pathlib.Path):
        self.path = path
        model = onnx.load(path)
        types = {
            value.type.tensor_type.elem_type for value in (*model.graph.input, *model.graph.output)
        }
        self.input_types = {
            value.name: helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type)
            for value in model.graph.input
        }
        self.native, self.rounds = None, False
        if types.intersection(rewrites.FLOAT_LIKE):
            self.reference = session(rewrites.cast_up(model).SerializeToString())
            if (
                TensorProto.BFLOAT16 not in types
            ):  # onnxruntime's Python interface has no type for it.
                self.native = session(path)
        elif rewrites.compute_in_floats(model):
            self.reference = session(model.SerializeToString())
            self.native = session(path)
            self.rounds = any(node.op_type in ROUNDING for node in onnx.load(path).graph.node)
        elif rewrites.with_whole_caches(model):
            self.reference = session(model.SerializeToString())
        else:
            self.reference = session(path)
        self.outputs = [output.name for output in self.reference.get_outputs()]

    def run(self, inputs: dict[str, np.ndarray]) -> tuple[dict[str, np.ndarray], float | None]:
        wide = {
            name: value.astype(np.float32)
            if value.dtype in (np.float16, ml_dtypes.bfloat16)
            else value
            for name, value in inputs.items()
        }
        outputs = dict(zip(self.outputs, self.reference.run(self.outputs, wide)))
        error = None
        if self.native:
            narrow = dict(zip(self.outputs, self.native.run(self.outputs, inputs)))
            error = max(relative_error(narrow[name], outputs[name]) for name in self.outputs)
        return outputs, error


class Store:
    def __init__(self, folder: pathlib.Path):
        self.folder, self.blob, self.cases, self.results = folder, bytearray(), [], {}

    def _put(self, value: np.ndarray) -> dict:
        data = np.ascontiguousarray(value).tobytes()
        entry = {"dtype": value.dtype.name, "shape": list(value.shape)}
        # The variants of a model read the same inputs; what is there already is stored once.
        offset = self.blob.find(data) if data else 0
        while offset > 0 and offset % ALIGNMENT:
            offset = self.blob.find(data, offset + 1)
        if offset < 0:
            self.blob.extend(bytes(-len(self.blob) % ALIGNMENT))
            offset = len(self.blob)
            self.blob.extend(data)
        return entry | {"offset": offset, "bytes": len(data)}

    def add(
        self, name: str, graph: Graph, inputs: dict, rtol: float = RTOL
    ) -> dict[str, np.ndarray]:
        """Runs one case. An input is an array, or a pair (case, output) of an earlier one."""
        values, described = {}, {}
        for key, given in inputs.items():
            linked = isinstance(given, tuple)
            values[key] = (self.results[given[0]][given[1]] if linked else given).astype(
                graph.input_types[key]
            )
            described[key] = (
                {
                    "dtype": values[key].dtype.name,
                    "shape": list(values[key].shape),
                    "from": {"case": given[0], "output": given[1]},
                }
                if linked
                else self._put(values[key])
            )
        outputs, error = graph.run(values)
        for key, value in outputs.items():
            if not np.all(np.isfinite(value)):
                raise ValueError(f"{name}: output {key} is not finite")
        self.results[name] = outputs
        path = graph.path.relative_to(self.folder).as_posix()
        self.cases.append(
            {
                "name": name,
                "package": path.split("/")[0],
                "graph": path,
                "inputs": described,
                "outputs": {key: self._put(value) for key, value in outputs.items()},
                "rtol": rtol,
                "native_error": None if error is None else float(f"{error:.1e}"),
            }
            | ({"written_rtol": 2 * error} if graph.rounds else {})
        )
        return outputs

    def save(self, about: str) -> None:
        cases = ",\n".join(json.dumps(case) for case in self.cases)
        (self.folder / "goldens.json").write_text(
            f'{{"about": {json.dumps(about)},\n"cases": [\n{cases}\n]}}\n'
        )
        (self.folder / "goldens.bin").write_bytes(self.blob)
