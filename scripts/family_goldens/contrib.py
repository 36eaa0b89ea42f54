"""Graphs with the com.microsoft operators that no exporter makes here: by hand, or by
onnxruntime-genai's model builder."""

import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from . import exports


class Graph:
    """Collects nodes and weights; every method that makes a node returns the names of its
    outputs."""

    def __init__(self):
        self.nodes, self.weights = [], {}

    def weight(self, name: str, value) -> str:
        self.weights[name] = numpy_helper.from_array(np.ascontiguousarray(value), name)
        return name

    def node(self, op: str, inputs, name: str, domain: str = "", outputs=None, **attributes) -> str:
        outputs = outputs or [f"{name}/output_0"]
        self.nodes.append(
            helper.make_node(op, inputs, outputs, name=name, domain=domain, **attributes)
        )
        return outputs[0]

    def model(self, inputs, outputs, opset: int = 17) -> onnx.ModelProto:
        graph = helper.make_graph(
            self.nodes, "main_graph", inputs, outputs, list(self.weights.values())
        )
        return helper.make_model(
            graph,
            opset_imports=[helper.make_opsetid("", opset), helper.make_opsetid("com.microsoft", 1)],
            ir_version=8,
            producer_name="bluec-family",
        )


def _tensor(name: str, shape, data_type: int = TensorProto.FLOAT):
    return helper.make_tensor_value_info(name, data_type, shape)


def minicpm_decoder(model) -> onnx.ModelProto:
    """The MiniCPM decoder as onnxruntime's fusions write a decoder without grouped queries:
    RotaryEmbedding and MultiHeadAttention with a cache.

    SiLU is QuickGelu with alpha 1 and RMSNorm is SimplifiedLayerNormalization, which onnxruntime
    keeps in the standard domain.
    """
    config, graph = model.config, Graph()
    state = {name: value.detach().numpy() for name, value in model.state_dict().items()}
    heads, head_size = config.num_attention_heads, exports.head_dim(config)
    half = head_size // 2
    cos = graph.weight("cos_cache", model.model.cos_cached[:, :half].numpy())
    sin = graph.weight("sin_cache", model.model.sin_cached[:, :half].numpy())
    residual = graph.weight(
        "residual_scale", np.float32(config.scale_depth / config.num_hidden_layers**0.5)
    )

    def linear(x, name):
        return graph.node(
            "MatMul",
            [x, graph.weight(f"{name}.weight", state[f"{name}.weight"].T)],
            f"/{name}/MatMul",
        )

    def norm(x, name):
        return graph.node(
            "SimplifiedLayerNormalization",
            [x, graph.weight(f"{name}.weight", state[f"{name}.weight"])],
            f"/{name}/LayerNorm",
            axis=-1,
            epsilon=config.rms_norm_eps,
            stash_type=1,
        )

    def add_scaled(x, branch, name):
        return graph.node(
            "Add", [x, graph.node("Mul", [branch, residual], f"{name}/Mul")], f"{name}/Add"
        )

    x = "inputs_embeds"
    for index in range(config.num_hidden_layers):
        prefix = f"model.layers.{index}"
        normed = norm(x, f"{prefix}.input_layernorm")
        q, k, v = (linear(normed, f"{prefix}.self_attn.{part}_proj") for part in "qkv")
        q, k = (
            graph.node(
                "RotaryEmbedding",
                [value, "position_ids", cos, sin],
                f"/{prefix}/{part}_rotary",
                "com.microsoft",
                interleaved=0,
                num_heads=heads,
                rotary_embedding_dim=0,
            )
            for part, value in (("q", q), ("k", k))
        )
        present = [f"present.{index}.key", f"present.{index}.value"]
        attended = graph.node(
            "MultiHeadAttention",
            [q, k, v, "", "", "", f"past_key_values.{index}.key", f"past_key_values.{index}.value"],
            f"/{prefix}/MultiHeadAttention",
            "com.microsoft",
            [f"/{prefix}/attention", *present],
            num_heads=heads,
            unidirectional=1,
            scale=head_size**-0.5,
        )
        x = add_scaled(x, linear(attended, f"{prefix}.self_attn.o_proj"), f"/{prefix}/residual_0")
        normed = norm(x, f"{prefix}.post_attention_layernorm")
        gate = graph.node(
            "QuickGelu",
            [linear(normed, f"{prefix}.gate_proj")],
            f"/{prefix}/QuickGelu",
            "com.microsoft",
            alpha=1.0,
        )
        gated = graph.node("Mul", [gate, linear(normed, f"{prefix}.up_proj")], f"/{prefix}/Mul")
        x = add_scaled(x, linear(gated, f"{prefix}.down_proj"), f"/{prefix}/residual_1")
    x = norm(x, "model.norm")
    x = graph.node(
        "Div",
        [x, graph.weight("logit_divisor", np.float32(config.hidden_size / config.dim_model_base))],
        "/Div",
    )
    graph.node(
        "MatMul",
        [x, graph.weight("lm_head.weight", state["lm_head.weight"].T)],
        "/lm_head/MatMul",
        outputs=["logits"],
    )

    rows, past = (
        ["batch_size", "sequence_length"],
        ["batch_size", heads, "past_sequence_length", head_size],
    )
    total = ["batch_size", heads, "past_sequence_length + sequence_length", head_size]
    return graph.model(
        # No attention_mask: MultiHeadAttention takes its mask from `unidirectional` alone.
        [
            _tensor("inputs_embeds", [*rows, config.hidden_size]),
            _tensor("position_ids", rows, TensorProto.INT64),
            *[_tensor(name, past) for name in exports.cache_names(config, "past_key_values")],
        ],
        [
            _tensor("logits", [*rows, config.vocab_size]),
            *[_tensor(name, total) for name in exports.cache_names(config, "present")],
        ],
    )


def block_quantized(weight: np.ndarray, block: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows as integers of 4 bits, two in a byte, with a scale for each block; and what they stand
    for."""
    blocks = weight.reshape(*weight.shape[:-1], -1, block)
    scales = (np.abs(blocks).max(-1) / 7).astype(np.float32)
    integers = np.clip(np.round(blocks / scales[..., None]) + 8, 0, 15)
    meant = ((integers - 8) * scales[..., None]).astype(np.float32).reshape(weight.shape)
    flat = integers.astype(np.uint8).reshape(weight.shape)
    return flat[..., 0::2] | flat[..., 1::2] << 4, scales, meant


def mixtral_decoder(model, block: int = 0) -> onnx.ModelProto:
    """A mixture of experts with the nodes of onnxruntime-genai's model builder: MoE or, with
    `block`, QMoE, whose integers the model's weights are made to be. Rows of gates and of what they
    gate are in turn; logits of the router lose their batch."""
    config, graph = model.config, Graph()
    heads, head_size = config.num_attention_heads, exports.head_dim(config)
    hidden, experts = config.hidden_size, config.num_local_experts
    angles = np.outer(
        np.arange(config.max_position_embeddings),
        config.rope_parameters["rope_theta"] ** (-np.arange(0, head_size, 2) / head_size),
    ).astype(np.float32)
    cos = graph.weight("cos_cache", np.cos(angles))
    sin = graph.weight("sin_cache", np.sin(angles))

    def array(name: str) -> np.ndarray:
        return model.state_dict()[name].detach().numpy()

    def linear(x, name, label=None):
        matrix = graph.weight(f"{name}.weight", array(f"{name}.weight").T)
        return graph.node("MatMul", [x, matrix], f"/{label or name}/MatMul")

    def norm(x, name):
        return graph.node(
            "SimplifiedLayerNormalization",
            [x, graph.weight(f"{name}.weight", array(f"{name}.weight"))],
            f"/{name}/LayerNorm",
            axis=-1,
            epsilon=config.rms_norm_eps,
            stash_type=1,
        )

    def mixture(x, prefix):
        router = linear(x, f"{prefix}.mlp.gate", f"{prefix}/moe/router")
        shape = graph.weight("router_shape", np.array([-1, experts]))
        router = graph.node("Reshape", [router, shape], f"/{prefix}/moe/router/Reshape")
        parameters = dict(model.named_parameters())
        operands = []
        for part in ("gate_up_proj", "down_proj"):
            parameter = parameters[f"{prefix}.mlp.experts.{part}"]
            weight = parameter.detach().numpy()
            if part == "gate_up_proj":  # gates first, then what they gate
                gates, others = np.split(weight, 2, axis=1)
                weight = np.stack([gates, others], axis=2).reshape(weight.shape)
            name = f"{prefix}.moe.experts.{part}"
            if block:
                packed, scales, meant = block_quantized(weight, block)
                if part == "gate_up_proj":
                    pairs = meant.reshape(experts, -1, 2, hidden)
                    meant = np.concatenate([pairs[:, :, 0], pairs[:, :, 1]], axis=1)
                parameter.data.copy_(parameter.data.new_tensor(meant))
                operands += [
                    graph.weight(f"{name}.qweight", packed),
                    graph.weight(f"{name}.scales", scales),
                    "",
                ]
            else:
                bias = np.zeros(weight.shape[:2], np.float32)
                operands += [graph.weight(f"{name}.weight", weight)]
                operands += [graph.weight(f"{name}.bias", bias)]
        bits = {"expert_weight_bits": 4, "block_size": block} if block else {}
        return graph.node(
            "QMoE" if block else "MoE",
            [x, router, *operands],
            f"/{prefix}/moe/{'QMoE' if block else 'MoE'}",
            "com.microsoft",
            activation_alpha=1.0,
            activation_beta=0.0,
            activation_type="swiglu",
            k=config.num_experts_per_tok,
            normalize_routing_weights=1,
            swiglu_fusion=1,
            use_sparse_mixer=0,
            **bits,
        )

    x = "inputs_embeds"
    for index in range(config.num_hidden_layers):
        prefix = f"model.layers.{index}"
        normed = norm(x, f"{prefix}.input_layernorm")
        q, k, v = (linear(normed, f"{prefix}.self_attn.{part}_proj") for part in "qkv")
        q, k = (
            graph.node(
                "RotaryEmbedding",
                [value, "position_ids", cos, sin],
                f"/{prefix}/{part}_rotary",
                "com.microsoft",
                num_heads=heads,
            )
            for part, value in (("q", q), ("k", k))
        )
        past = [f"past_key_values.{index}.{part}" for part in ("key", "value")]
        attended = graph.node(
            "MultiHeadAttention",
            [q, k, v, "", "", "", *past],
            f"/{prefix}/MultiHeadAttention",
            "com.microsoft",
            [f"/{prefix}/attention", f"present.{index}.key", f"present.{index}.value"],
            num_heads=heads,
            unidirectional=1,
            scale=head_size**-0.5,
        )
        attended = linear(attended, f"{prefix}.self_attn.o_proj")
        x = graph.node("Add", [x, attended], f"/{prefix}/residual_0/Add")
        mixed = mixture(norm(x, f"{prefix}.post_attention_layernorm"), prefix)
        x = graph.node("Add", [x, mixed], f"/{prefix}/residual_1/Add")
    matrix = graph.weight("lm_head.weight", array("lm_head.weight").T)
    x = norm(x, "model.norm")
    graph.node("MatMul", [x, matrix], "/lm_head/MatMul", outputs=["logits"])

    rows = ["batch_size", "sequence_length"]
    cache = lambda length: ["batch_size", heads, length, head_size]  # noqa: E731
    return graph.model(
        [
            _tensor("inputs_embeds", [*rows, hidden]),
            _tensor("position_ids", rows, TensorProto.INT64),
            *[
                _tensor(name, cache("past_sequence_length"))
                for name in exports.cache_names(config, "past_key_values")
            ],
        ],
        [
            _tensor("logits", [*rows, config.vocab_size]),
            *[
                _tensor(name, cache("past_sequence_length + sequence_length"))
                for name in exports.cache_names(config, "present")
            ],
        ],
    )


def genai_folder(model, target: pathlib.Path, precision: str = "fp32", *options: str) -> None:
    """What the model builder of onnxruntime-genai writes: a graph with GroupQueryAttention over
    packed q, k, v with rope and cache inside, its weights beside it, and genai_config.json."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    with tempfile.TemporaryDirectory() as folder:
        source = pathlib.Path(folder, "source")
        model.save_pretrained(source)
        # The builder refuses a checkpoint without a tokenizer, though the graph has nothing of it.
        words = Tokenizer(
            models.WordLevel(
                {f"t{token}": token for token in range(model.config.vocab_size)}, unk_token="t0"
            )
        )
        words.pre_tokenizer = pre_tokenizers.Whitespace()
        # Its own class, and a token for padding: the builder asks transformers for both, and takes
        # what that adds for a token that ends answers.
        PreTrainedTokenizerFast(
            tokenizer_object=words, bos_token="t1", eos_token="t2", pad_token="t2"
        ).save_pretrained(source)
        settings = source / "tokenizer_config.json"
        text = json.loads(settings.read_text()) | {"tokenizer_class": "PreTrainedTokenizerFast"}
        settings.write_text(json.dumps(text))
        subprocess.run(
            [
                sys.executable,
                "-m",
                "onnxruntime_genai.models.builder",
                "-i",
                source,
                "-o",
                target,
                "-p",
                precision,
                "-e",
                "cpu",
                "-c",
                folder,
                *(["--extra_options", *options] if options else []),
            ],
            check=True,
            capture_output=True,
        )


def with_sinks(path: pathlib.Path) -> None:
    """One more score for each head of even layers, a number of its own, and one of 0 in odd ones."""
    model = onnx.load(path, load_external_data=False)
    nodes = [node for node in model.graph.node if node.op_type == "GroupQueryAttention"]
    for index, node in enumerate(nodes):
        attributes = {each.name: each for each in node.attribute}
        if index % 2:
            node.attribute.append(helper.make_attribute("smooth_softmax", 1))
            continue
        name = f"model.layers.{index}.attn.sinks"
        values = np.linspace(-1, 1, attributes["num_heads"].i, dtype=np.float32)
        model.graph.initializer.append(numpy_helper.from_array(values, name))
        node.input.extend([""] * (12 - len(node.input)))
        node.input[11] = name
    onnx.save(model, path)


def build_with_genai(model) -> onnx.ModelProto:
    """The decoder of embeddings alone."""
    with tempfile.TemporaryDirectory() as folder:
        genai_folder(model, pathlib.Path(folder), "fp32", "exclude_embeds=true")
        return onnx.load(pathlib.Path(folder, "model.onnx"))


def operators(seed: int = 15) -> dict[str, onnx.ModelProto]:
    """One graph per operator, most of com.microsoft, in the forms (optional inputs, attributes) that the
    packages above do not show."""
    rng = np.random.default_rng(seed)
    size = 12

    def draw(*shape):
        return rng.standard_normal(shape).astype(np.float32)

    def make(
        op,
        inputs=("x",),
        outputs=("y",),
        weights=(),
        domain="com.microsoft",
        shapes=None,
        opset=17,
        **attributes,
    ):
        graph, shapes = Graph(), shapes or {}
        for name, value in weights:
            graph.weight(name, value)
        graph.node(op, list(inputs), op.lower(), domain, list(outputs), **attributes)
        own = [name for name in inputs if name and name not in graph.weights]
        return graph.model(
            [
                _tensor(
                    name,
                    shapes.get(name, ["batch", "length", size]),
                    TensorProto.INT64 if name == "position_ids" else TensorProto.FLOAT,
                )
                for name in own
            ],
            [
                _tensor(name, shapes.get(name, ["batch", "length", size]))
                for name in outputs
                if name
            ],
            opset,
        )

    def integers() -> dict[str, onnx.ModelProto]:
        """Nodes that make integers or multiply them, with their results as floats."""
        rows, size_of = ["batch", "length", size], {"scale": []}
        bytes_of = lambda low, high, *shape: rng.integers(low, high, shape)  # noqa: E731
        graphs = {}

        def finish(name, graph, outputs):
            for output in outputs:
                graph.node("Cast", [f"{output}_i"], f"{output}_cast", outputs=[output], to=1)
            graphs[name] = graph.model(
                [_tensor("x", rows)], [_tensor(each, size_of.get(each, rows)) for each in outputs]
            )

        graph = Graph()
        scales = graph.weight("scales", np.abs(draw(size)) / 40)
        zeros = graph.weight("zeros", bytes_of(-9, 9, size).astype(np.int8))
        graph.node("QuantizeLinear", ["x", scales, zeros], "round", outputs=["y_i"], axis=2)
        finish("quantize_linear", graph, ["y"])
        graph = Graph()
        outputs = ["y_i", "scale_i", "zero_i"]
        graph.node("DynamicQuantizeLinear", ["x"], "round", outputs=outputs)
        size_of["zero"] = []
        finish("dynamic_quantize_linear", graph, ["y", "scale", "zero"])
        graph = Graph()
        graph.node("DynamicQuantizeLinear", ["x"], "round", outputs=["q", "s", "z"])
        # 7 bits: onnxruntime's kernels for bytes by signed bytes saturate on some machines.
        matrix = graph.weight("matrix", bytes_of(-64, 64, size, size).astype(np.int8))
        zeros = graph.weight("zeros", bytes_of(-9, 9, size).astype(np.int8))
        graph.node("MatMulInteger", ["q", matrix, "z", zeros], "product", outputs=["y_i"])
        finish("matmul_integer", graph, ["y"])
        return graphs

    def grouped() -> dict[str, onnx.ModelProto]:
        """GroupQueryAttention: five rows alone or after six, two heads that share one of the cache."""
        heads, depth, past, rows = 2, 16, 6, 5
        angles = np.outer(np.arange(24), 100.0 ** (-np.arange(depth // 2) / depth)).astype(np.float32)
        weights = {
            "cos": np.cos(angles),
            "sin": np.sin(angles),
            "sinks": np.array([0.3, -1.2], np.float32),
            "bias": draw(1, heads, rows, past + rows),
        }
        places = {"cos": 7, "sin": 8, "positions": 9, "bias": 10, "sinks": 11}
        graphs = {}

        def add(name, *optional, has_past=True, **attributes):
            graph, batch = Graph(), 1 if has_past else 2
            total = rows + (past if has_past else 0)
            inputs = ["qkv" if has_past else "qkv2", "", "", *["past_k", "past_v"][: 2 * has_past]]
            inputs += [""] * (5 - len(inputs))
            inputs.append(graph.weight("lengths", np.full(batch, total - 1, np.int32)))
            inputs.append(graph.weight("total", np.array(total, np.int32)))
            inputs += [""] * 5
            for each in optional:
                if each in weights:
                    graph.weight(each, weights[each])
                    inputs[places[each]] = each
                else:
                    inputs[places["positions"]] = each
            outputs = ["y", "present_k", "present_v"]
            graph.node(
                "GroupQueryAttention",
                inputs,
                "attention",
                "com.microsoft",
                outputs,
                num_heads=heads,
                kv_num_heads=1,
                do_rotary=int("cos" in optional),
                **attributes,
            )
            cache = ["batch", 1, "past", depth]
            shapes = {"past_k": cache, "past_v": cache}
            shapes |= {each: [batch, rows] for each in optional if each not in weights}
            graphs[f"gqa_{name}"] = graph.model(
                [
                    _tensor(
                        each,
                        shapes.get(each, ["batch", "length", 4 * depth]),
                        TensorProto.INT64 if "ids" in each else TensorProto.FLOAT,
                    )
                    for each in inputs
                    if each and each not in graph.weights
                ],
                [
                    _tensor("y", ["batch", "length", heads * depth]),
                    *[_tensor(each, ["batch", 1, "total", depth]) for each in outputs[1:]],
                ],
            )

        tables = ["cos", "sin"]
        add("window", *tables, local_window_size=3)
        add("window_first", *tables, has_past=False, local_window_size=3, rotary_interleaved=1)
        add("softcap", softcap=0.7, scale=0.9)
        add("smooth", smooth_softmax=1)
        add("smooth_otherwise", smooth_softmax=2)
        add("sinks", "sinks", smooth_softmax=1, local_window_size=2, softcap=0.7)
        add("bias", "bias", local_window_size=7, softcap=0.7)
        add("positions", *tables, "other_ids")
        add("first_positions", *tables, "position_ids", has_past=False)
        add("two_sided", causal=0)
        return graphs

    def mixtures() -> dict[str, onnx.ModelProto]:
        """Every activation, with and without biases; x is its own router, of as many experts as it
        has channels. Draws of their own, so that other graphs stay as they are."""
        own = np.random.default_rng(17)
        inner, graphs = 16, {}

        def add(name, op, activation, chosen, normalized, has_bias, block=0, **attributes):
            graph = Graph()
            rows = 2 * inner if activation == "swiglu" else inner
            fc1 = own.standard_normal((size, rows, 32 if block else size)).astype(np.float32)
            fc2 = own.standard_normal((size, fc1.shape[2], inner)).astype(np.float32)
            shape = graph.weight("flat", np.array([-1, size]))
            router = graph.node("Reshape", ["x", shape], "router")
            x = "x"
            if block:  # rows as wide as a block
                wide = own.standard_normal((size, fc1.shape[2])).astype(np.float32)
                x = graph.node("MatMul", ["x", graph.weight("wide", wide)], "widen")
            operands = []
            for label, weight in (("fc1", fc1), ("fc2", fc2)):
                if block:
                    packed, scales, _ = block_quantized(weight, block)
                    operands += [graph.weight(f"{label}.q", packed)]
                    operands += [graph.weight(f"{label}.scales", scales)]
                else:
                    operands += [graph.weight(label, weight)]
                bias = own.standard_normal(weight.shape[:2]).astype(np.float32)
                operands += [graph.weight(f"{label}.bias", bias) if has_bias else ""]
            if block:
                attributes |= {"block_size": block, "expert_weight_bits": 4}
            graph.node(
                op,
                [x, router, *operands],
                name,
                "com.microsoft",
                ["y"],
                activation_type=activation,
                k=chosen,
                normalize_routing_weights=normalized,
                **attributes,
            )
            shape = ["batch", "length", fc1.shape[2]]
            graphs[name] = graph.model(
                [_tensor("x", ["batch", "length", size])], [_tensor("y", shape)]
            )

        for index, activation in enumerate(("relu", "gelu", "silu", "identity")):
            add(f"moe_{activation}", "MoE", activation, index + 1, index % 2, index > 1)
        swiglu = {"swiglu_fusion": 1}
        add("moe_swiglu", "MoE", "swiglu", 3, 1, False, **swiglu)
        limited = {"activation_alpha": 1.702, "activation_beta": 1.0, "swiglu_limit": 0.7}
        add("moe_swiglu_limited", "MoE", "swiglu", 4, 1, True, **swiglu, **limited)
        add("qmoe_silu", "QMoE", "silu", 2, 1, True, block=16)
        add("qmoe_swiglu", "QMoE", "swiglu", 2, 1, False, block=16, **swiglu)
        return graphs

    norm, bias = ("gamma", 1 + 0.2 * draw(size)), ("beta", draw(size))
    angles = np.outer(np.arange(16), 1000.0 ** (-np.arange(2) / 2)).astype(np.float32)
    tables = [("cos_cache", np.cos(angles)), ("sin_cache", np.sin(angles))]
    rope = {"position_ids": ["batch", "length"]}
    return {
        "gelu": make("Gelu"),
        "quick_gelu": make("QuickGelu"),  # alpha left out: 1.702
        "fast_gelu": make("FastGelu"),
        "fast_gelu_bias": make("FastGelu", ["x", "beta"], weights=[bias]),
        "bias_gelu": make("BiasGelu", ["x", "beta"], weights=[bias]),
        "gelu_erf_standard": make("Gelu", domain="", opset=20),
        "skip_layer_norm": make(
            "SkipLayerNormalization",
            ["x", "skip", "gamma", "beta", "bias"],
            ["y", "", "", "sum"],
            weights=[norm, bias, ("bias", draw(size))],
            epsilon=1e-5,
        ),
        "skip_rms_norm": make(
            "SkipSimplifiedLayerNormalization",
            ["x", "skip", "gamma", "bias"],
            ["y", "", "", "sum"],
            weights=[norm, ("bias", draw(size))],
            epsilon=1e-5,
        ),
        "rms_norm": make(
            "SimplifiedLayerNormalization",
            ["x", "gamma"],
            weights=[norm],
            domain="",
            axis=-1,
            epsilon=1e-5,
        ),
        "rope_interleaved": make(
            "RotaryEmbedding",
            ["x", "position_ids", "cos_cache", "sin_cache"],
            weights=tables,
            shapes=rope,
            interleaved=1,
            num_heads=3,
        ),
        "rope_partial": make(
            "RotaryEmbedding",
            ["x", "position_ids", "cos_cache", "sin_cache"],
            weights=tables,
            shapes=rope,
            interleaved=0,
            num_heads=2,
            rotary_embedding_dim=4,
        ),
        "mha_bias": make(
            "MultiHeadAttention",
            ["x", "key", "value", "beta3"],
            weights=[("beta3", draw(3 * size))],
            shapes={"key": ["batch", "keys", size], "value": ["batch", "keys", size]},
            num_heads=3,
        ),
        "attention_softcap": make(
            "Attention",
            ["x", "key", "value"],
            domain="",
            shapes={"key": ["batch", "keys", size], "value": ["batch", "keys", size]},
            opset=23,
            q_num_heads=3,
            kv_num_heads=3,
            softcap=0.7,
            is_causal=1,
        ),
    } | integers() | grouped() | mixtures()
