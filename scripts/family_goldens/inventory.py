"""What a set of ONNX graphs is made of, as Markdown: operators, attributes, kinds of inputs.

Written for those who work on the importer: it shows at a glance which operators and attributes the
exporters really produce.
"""

import collections
import pathlib

import onnx
from onnx import TensorProto, helper


def _graphs(graph, where=""):
    yield where, graph
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.type == onnx.AttributeProto.GRAPH:
                yield from _graphs(attribute.g, f"{where}{node.name}.{attribute.name}/")


def _value(value) -> str:
    tensor = value.type.tensor_type
    dims = ", ".join(
        d.dim_param or (str(d.dim_value) if d.HasField("dim_value") else "?")
        for d in tensor.shape.dim
    )
    return f"{value.name}: {TensorProto.DataType.Name(tensor.elem_type).lower()}[{dims}]"


def _attribute(attribute) -> str | None:
    if attribute.type == onnx.AttributeProto.GRAPH:
        return f"{attribute.name}=<graph>"
    if attribute.type == onnx.AttributeProto.TENSOR:
        element = TensorProto.DataType.Name(attribute.t.data_type).lower()
        return f"{attribute.name}=<{element}{list(attribute.t.dims)}>"
    value = helper.get_attribute_value(attribute)
    if isinstance(value, bytes):
        value = value.decode()
    elif isinstance(value, float):
        value = round(value, 9)
    return f"{attribute.name}={value}"


def describe(path: pathlib.Path) -> str:
    model = onnx.load(path, load_external_data=False)
    lines = [f"### {path.parent.name}/{path.name}"]
    opsets = ", ".join(
        f"{entry.domain or 'ai.onnx'} {entry.version}" for entry in model.opset_import
    )
    types = collections.Counter(
        TensorProto.DataType.Name(t.data_type)
        for _, g in _graphs(model.graph)
        for t in g.initializer
    )
    external = sum(
        t.data_location == TensorProto.EXTERNAL
        for _, g in _graphs(model.graph)
        for t in g.initializer
    )
    lines.append(
        f"IR version {model.ir_version}, opset {opsets}, "
        f"producer `{model.producer_name} {model.producer_version}`, "
        f"{len(model.functions)} functions, initializers {dict(types)} ({external} external), "
        f"value_info {len(model.graph.value_info)}, {path.stat().st_size} bytes"
    )
    lines.append(f"- in: `{'; '.join(map(_value, model.graph.input))}`")
    lines.append(f"- out: `{'; '.join(map(_value, model.graph.output))}`")
    for where, graph in _graphs(model.graph):
        produced = {name for node in graph.node for name in node.output}
        weights = {t.name for _, g in _graphs(model.graph) for t in g.initializer}
        counts, seen = collections.Counter(), collections.defaultdict(set)
        for node in graph.node:
            op = f"{node.domain}::{node.op_type}" if node.domain else node.op_type
            counts[op] += 1
            if node.op_type == "Constant":
                continue
            kinds = "".join(
                "-" if not name else "w" if name in weights else "x" if name in produced else "i"
                for name in node.input
            )
            attributes = sorted(filter(None, map(_attribute, node.attribute)))
            seen[op].add(f"({kinds}) {' '.join(attributes)}".strip())
        if where:
            lines.append(
                f"- subgraph {where}: in `{'; '.join(map(_value, graph.input))}` "
                f"out `{'; '.join(map(_value, graph.output))}`, "
                f"{len(graph.initializer)} initializers"
            )
        lines.append(
            f"- {len(graph.node)} nodes: "
            + ", ".join(f"{op} {count}" for op, count in sorted(counts.items()))
        )
        for op, forms in sorted(seen.items()):
            shown = sorted(forms)
            lines.append(
                f"    - {op}: "
                + "; ".join(f"`{form}`" for form in shown[:4])
                + (f"; and {len(shown) - 4} more" if len(shown) > 4 else "")
            )
    return "\n".join(lines)


def report(folder: pathlib.Path) -> str:
    """`w` an initializer, `x` a node's result, `i` a graph input or outer value, `-` an input left
    out."""
    return "\n\n".join(describe(path) for path in sorted(folder.rglob("*.onnx")))
