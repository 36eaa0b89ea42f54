"""Turns an exported graph into one of the forms in which such graphs are published: merged, in 16
bits, with external data, fused."""

import pathlib

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

FLOAT_LIKE = (TensorProto.FLOAT16, TensorProto.BFLOAT16)


def merge_decoders(no_past: onnx.ModelProto, with_past: onnx.ModelProto) -> onnx.ModelProto:
    """One graph out of two, as `optimum` merges them: an If on `use_cache_branch`, both branches
    reading weights of the outer graph.

    The branches keep their names, so a name can mean one value in one branch and another value in
    the other.
    """
    outer, named = [], {}
    for model in (with_past, no_past):
        graph, renamed = model.graph, {}
        for tensor in graph.initializer:
            content = (
                tensor.data_type,
                tuple(tensor.dims),
                numpy_helper.to_array(tensor).tobytes(),
            )
            if content not in named:
                taken = {t.name for t in outer}
                name = tensor.name if tensor.name not in taken else f"{tensor.name}_no_past"
                named[content] = name
                outer.append(numpy_helper.from_array(numpy_helper.to_array(tensor), name))
            renamed[tensor.name] = named[content]
        del graph.initializer[:]
        for node in graph.node:
            node.input[:] = [renamed.get(name, name) for name in node.input]

    def branch(model, name):
        # A branch reads the inputs of the outer graph; it has none of its own.
        return helper.make_graph(model.graph.node, name, [], model.graph.output)

    outputs = [output.name for output in with_past.graph.output]
    decide = helper.make_node(
        "If",
        ["use_cache_branch"],
        outputs,
        name="optimum::if",
        then_branch=branch(with_past, "with_past"),
        else_branch=branch(no_past, "no_past"),
    )
    flag = helper.make_tensor_value_info("use_cache_branch", TensorProto.BOOL, [1])
    graph = helper.make_graph(
        [decide], "merged", [*with_past.graph.input, flag], with_past.graph.output, outer
    )
    return helper.make_model(
        graph,
        producer_name="optimum-onnx",
        opset_imports=with_past.opset_import,
        ir_version=with_past.ir_version,
    )


def store_weights_as(
    model: onnx.ModelProto, data_type: int, threshold: int = 64
) -> onnx.ModelProto:
    """Keeps the arithmetic in fp32 and stores the weights in 16 bits: a Cast after every
    weight."""
    casts = []
    for tensor in model.graph.initializer:
        if tensor.data_type != TensorProto.FLOAT or np.prod(tensor.dims) < threshold:
            continue
        narrow = numpy_helper.to_array(tensor).astype(helper.tensor_dtype_to_np_dtype(data_type))
        name = tensor.name
        tensor.CopyFrom(numpy_helper.from_array(narrow, f"{name}_stored"))
        casts.append(
            helper.make_node(
                "Cast", [tensor.name], [name], name=f"{name}_cast", to=TensorProto.FLOAT
            )
        )
    # The exporter lists the type of every initializer; those of the stored ones are stale now.
    kept = [
        info
        for info in model.graph.value_info
        if info.name not in {cast.output[0] for cast in casts}
    ]
    del model.graph.value_info[:]
    model.graph.value_info.extend(kept)
    for position, cast in enumerate(casts):
        model.graph.node.insert(position, cast)
    return model


def cast_up(model: onnx.ModelProto) -> onnx.ModelProto:
    """The same graph with the same weights in fp32 throughout: the reference for a graph in 16
    bits, which onnxruntime may not even run."""

    def widen(tensor):
        if tensor.data_type in FLOAT_LIKE:
            tensor.CopyFrom(
                numpy_helper.from_array(
                    numpy_helper.to_array(tensor).astype(np.float32), tensor.name
                )
            )

    for tensor in model.graph.initializer:
        widen(tensor)
    for value in (*model.graph.input, *model.graph.output, *model.graph.value_info):
        if value.type.tensor_type.elem_type in FLOAT_LIKE:
            value.type.tensor_type.elem_type = TensorProto.FLOAT
    for node in model.graph.node:
        for attribute in node.attribute:
            if attribute.type == onnx.AttributeProto.TENSOR:
                widen(attribute.t)
            elif attribute.type == onnx.AttributeProto.GRAPH:
                raise NotImplementedError(f"casting up the subgraphs of {node.name}")
            elif node.op_type == "Cast" and attribute.name == "to" and attribute.i in FLOAT_LIKE:
                attribute.i = TensorProto.FLOAT
    return model


def into_functions(model: onnx.ModelProto) -> onnx.ModelProto:
    """Every softmax and every product as a call of a local function, the softmax's axis as the
    function's attribute, and the nodes in the order that suits nobody."""
    domain, opsets = "bluec.family", list(model.opset_import)
    axis = helper.make_node("Softmax", ["x"], ["y"], name="softmax")
    axis.attribute.add(name="axis", ref_attr_name="along", type=onnx.AttributeProto.INT)
    product = helper.make_node("MatMul", ["a", "b"], ["y"], name="product")
    functions = {
        "Softmax": helper.make_function(domain, "Weights", ["x"], ["y"], [axis], opsets, ["along"]),
        "MatMul": helper.make_function(domain, "Product", ["a", "b"], ["y"], [product], opsets),
    }
    for node in model.graph.node:
        if node.op_type not in functions:
            continue
        node.domain, node.op_type = domain, functions[node.op_type].name
        for attribute in node.attribute:
            attribute.name = "along"
    model.functions.extend(functions.values())
    model.opset_import.append(helper.make_opsetid(domain, 1))
    nodes = list(model.graph.node)
    del model.graph.node[:]
    model.graph.node.extend(reversed(nodes))
    return model


def _constants(model: onnx.ModelProto) -> dict[str, np.ndarray]:
    return {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}


def _without_rounding(model: onnx.ModelProto, known: dict[str, np.ndarray]) -> bool:
    """What QuantizeLinear and DequantizeLinear do to an activation, but for the clipping where the
    range begins at 0."""
    makers = {name: node for node in model.graph.node for name in node.output}
    found = False
    for node in model.graph.node:
        maker = makers.get(node.input[0]) if node.op_type == "DequantizeLinear" else None
        if maker is None or maker.op_type != "QuantizeLinear":
            continue
        zero = known[maker.input[2]]
        lowest = np.iinfo(zero.dtype).min == zero
        kept = makers.get(maker.input[0])
        is_positive = kept is not None and kept.op_type in ("Softmax", "Sigmoid", "Sqrt", "Exp")
        node.op_type = "Relu" if lowest and not is_positive else "Identity"
        node.input[:] = maker.input[:1]
        del node.attribute[:]
        found = True
    return found


def _without_dynamic_rounding(model: onnx.ModelProto, known: dict[str, np.ndarray]) -> bool:
    """MatMulInteger, Cast and the product with both scales become a MatMul of floats."""
    makers = {name: node for node in model.graph.node for name in node.output}
    weights = {}
    for node in model.graph.node:
        cast = makers.get(node.input[0]) if node.op_type == "Mul" else None
        product = makers.get(cast.input[0]) if cast is not None and cast.op_type == "Cast" else None
        if product is None or product.op_type != "MatMulInteger":
            continue
        scale = known[makers[node.input[1]].input[1]]
        zero = known[product.input[3]].astype(np.float32)
        name = f"{product.name}_floats"
        weights[name] = (known[product.input[1]].astype(np.float32) - zero) * scale
        node.op_type = "MatMul"
        node.input[:] = [makers[product.input[0]].input[0], name]
    for name, value in weights.items():
        model.graph.initializer.append(numpy_helper.from_array(value.astype(np.float32), name))
    return bool(weights)


def compute_in_floats(model: onnx.ModelProto) -> bool:
    """Takes away what quantizes activations, or allows onnxruntime to, as the importer does.
    Whether there was such a thing."""
    found = False
    for node in model.graph.node:
        for attribute in node.attribute:
            if attribute.name == "accuracy_level" and attribute.i > 1:
                attribute.i, found = 1, True
    known = _constants(model)
    found |= _without_rounding(model, known)
    found |= _without_dynamic_rounding(model, known)
    return found


def with_whole_caches(model: onnx.ModelProto) -> bool:
    """Takes away that layers with a window have caches of its size: they then hold all positions,
    as bluec's do, and what the node computes is the same. Whether there was such a layer."""
    found = False
    for node in model.graph.node:
        for attribute in node.attribute:
            if attribute.name == "sliding_window_cache" and attribute.i:
                attribute.i, found = 0, True
    return found


def save_with_external_data(model: onnx.ModelProto, path: pathlib.Path) -> None:
    """The weights beside the graph, under the name that the ONNX community uses."""
    onnx.save_model(
        model,
        path,
        save_as_external_data=True,
        all_tensors_to_one_file=True,
        location=f"{path.name}_data",
        size_threshold=256,
    )


def fuse_tower(path: pathlib.Path, config) -> None:
    """Rewrites a tower with onnxruntime's offline optimizer: to Attention, SkipLayerNormalization
    and FastGelu of com.microsoft, and LayerNormalization at an opset that has none."""
    from onnxruntime.transformers import optimizer
    from onnxruntime.transformers.fusion_options import FusionOptions

    fused = optimizer.optimize_model(
        str(path),
        model_type="clip",
        num_heads=config.num_attention_heads,
        hidden_size=config.hidden_size,
        opt_level=0,
        optimization_options=FusionOptions("clip"),
    )
    fused.save_model_to_file(str(path))
