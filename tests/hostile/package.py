"""Model packages that are damaged or made to hurt. bluec compile has to refuse each with exit code 1
and one line that names the place, within limits of time and memory, leaving nothing behind.

    python3 tests/hostile/package.py [PART-OF-A-CASE-NAME...]
"""

import json
import os
import random
import shutil
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import onnx_wire as wire
from tool import (BLUEC, MODEL, MODEL_FILES, Suite, check, check_refused, copy_model, describe,
                  edit_json, read_bytes, replace, run, scratch)

VISION, EMBED, DECODER = "vision_encoder.onnx", "embed_tokens.onnx", "decoder_model_merged.onnx"
GRAPHS = [VISION, EMBED, DECODER]
ROOT = scratch("hostile-package")
suite = Suite("hostile/package")


def compile_in(folder, *flags):
    """Compiles folder/model; what is left behind would lie in folder/out or folder/tmp."""
    out, temporary = os.path.join(folder, "out"), os.path.join(folder, "tmp")
    os.makedirs(out)
    os.makedirs(temporary)
    done = run(BLUEC, "compile", os.path.join(folder, "model"), "-o", os.path.join(out, "bundle"), *flags,
               environment=dict(os.environ, TMPDIR=temporary), cwd=temporary, seconds=120)
    left = os.listdir(temporary) + ([] if done.code == 0 else os.listdir(out))
    check(not left, f"expected nothing left behind, found {left}; {describe(done)}")
    return done


def refused(name, damage, *mentions, flags=()):
    def body():
        folder = os.path.join(ROOT, name.replace("/", "-").replace(" ", "-"))
        copy_model(os.path.join(folder, "model"))
        damage(os.path.join(folder, "model"))
        line = check_refused(compile_in(folder, *flags), mentions)
        shutil.rmtree(folder)
        return line

    suite.case(name, body)


def survives(name, damage):
    """Random damage may miss everything that matters; then the package compiles."""
    def body():
        folder = os.path.join(ROOT, name.replace("/", "-").replace(" ", "-"))
        copy_model(os.path.join(folder, "model"))
        damage(os.path.join(folder, "model"))
        done = compile_in(folder)
        note = "compiled"
        if done.code != 0:
            note = check_refused(done)
        shutil.rmtree(folder)
        return note

    suite.case(name, body)


def on_file(name, edit):
    """Damage to the bytes of one file."""
    return lambda model: replace(os.path.join(model, name), edit(read_bytes(os.path.join(model, name))))


def on_graph(name, edit):
    """Damage to one decoded ONNX model."""
    def damage(model):
        path = os.path.join(model, name)
        graph = wire.Model(read_bytes(path))
        edit(graph)
        replace(path, graph.encode())
    return damage


# -- Files ----------------------------------------------------------------------------------------

for missing in MODEL_FILES:
    if missing not in ("generation_config.json", "preprocessor_config.json", "tokenizer_config.json"):
        refused(f"missing {missing}", lambda model, name=missing: os.unlink(os.path.join(model, name)), missing)
    refused(f"not json or onnx: {missing}", on_file(missing, lambda data: b"no such thing\n" * 9), missing)
    refused(f"empty {missing}", on_file(missing, lambda data: b""), missing)


def folder_instead(name):
    def damage(model):
        os.unlink(os.path.join(model, name))
        os.mkdir(os.path.join(model, name))
    return damage


refused("folder instead of an onnx file", folder_instead(VISION), VISION)
refused("folder instead of config.json", folder_instead("config.json"), "config.json")

for name in GRAPHS:
    for part in (0.999, 0.5, 0.01):
        refused(f"truncated {name} to {part}", on_file(name, lambda data, part=part: data[: int(len(data) * part)]), name)
    for seed in range(10):
        def flip(data, seed=seed, name=name):
            random.seed(f"{name} {seed}")
            data = bytearray(data)
            # Weights fill most of a file; the graph is at either end, and flips there are worth more.
            for _ in range(1 << seed % 5):
                near = random.randrange(min(len(data), 40000))
                at = random.choice([near, len(data) - 1 - near, random.randrange(len(data))])
                data[at] ^= 1 << random.randrange(8)
            return bytes(data)
        survives(f"flipped bits in {name}, seed {seed}", on_file(name, flip))


# -- Weights --------------------------------------------------------------------------------------

def weight_of(value):
    """A number in the middle of the decoder's largest weight."""
    def damage(graph):
        weight = max(graph.initializers, key=lambda value: len(wire.get(value, wire.TENSOR_RAW, b"")))
        raw = bytearray(wire.get(weight, wire.TENSOR_RAW))
        at = len(raw) // 2 // 4 * 4
        raw[at : at + 4] = struct.pack("<f", value)
        wire.put(weight, wire.TENSOR_RAW, bytes(raw))
    return on_graph(DECODER, damage)


for value in (float("inf"), float("nan")):
    refused(f"a weight of {value} that is to be quantized", weight_of(value), "finite", flags=("--recipe", "bluelm-v"))


# -- External data --------------------------------------------------------------------------------

def external(location, offset=0, length=None, file=None):
    """Moves the first large weight of the image encoder to external data at `location`."""
    def damage(model):
        path = os.path.join(model, VISION)
        graph = wire.Model(read_bytes(path))
        weight = graph.weight()
        raw = wire.get(weight, wire.TENSOR_RAW)
        weight[:] = [entry for entry in weight if entry[0] != wire.TENSOR_RAW]
        entries = {"location": location, "offset": str(offset), "length": str(len(raw) if length is None else length)}
        for key, value in entries.items():
            weight.append([wire.TENSOR_EXTERNAL, wire.encode([[wire.ENTRY_KEY, key], [wire.ENTRY_VALUE, value]])])
        wire.put(weight, wire.TENSOR_LOCATION, 1)
        replace(path, graph.encode())
        if file:
            file(model, raw)
    return damage


def beside(model, raw):
    replace(os.path.join(model, "vision.data"), raw)


def outside(model, raw):
    replace(os.path.join(model, "..", "vision.data"), raw)


def link_out(model, raw):
    outside(model, raw)
    os.symlink(os.path.join("..", "vision.data"), os.path.join(model, "vision.data"))


def linked_folder(model, raw):
    os.mkdir(os.path.join(model, "..", "elsewhere"))
    replace(os.path.join(model, "..", "elsewhere", "vision.data"), raw)
    os.symlink(os.path.join("..", "elsewhere"), os.path.join(model, "data"))


def external_works():
    folder = os.path.join(ROOT, "external")
    copy_model(os.path.join(folder, "model"))
    external("vision.data", file=beside)(os.path.join(folder, "model"))
    done = compile_in(folder)
    check(done.code == 0, f"expected exit code 0, found {describe(done)}")
    shutil.rmtree(folder)


suite.case("external data beside the model works", external_works)
refused("external data missing", external("vision.data"), "vision.data")
refused("external data short", external("vision.data", file=lambda model, raw: beside(model, raw[:-1])), "vision.data")
refused("external data empty", external("vision.data", file=lambda model, raw: beside(model, b"")), "vision.data")
refused("external data at an offset past the end", external("vision.data", offset=1 << 62, file=beside), "vision.data|offset")
refused("external data at an offset that wraps around", external("vision.data", offset=(1 << 64) - 4096, file=beside), "vision.data|offset")
refused("external data at a negative offset", external("vision.data", offset=-64, file=beside), "vision.data|offset")
refused("external data of another length", external("vision.data", length=12, file=beside), "vision.data|length|bytes")
refused("external data of a length that is no number", external("vision.data", length="many", file=beside), "vision.data|length")
refused("external data at an absolute path", external("/etc/passwd"), "/etc/passwd")
refused("external data that climbs out", external("../vision.data", file=outside), r"\.\./vision\.data")
refused("external data that climbs out on the way", external("data/../../vision.data", file=outside), "vision.data")
refused("external data that is a symbolic link out", external("vision.data", file=link_out), "vision.data")
refused("external data in a folder that is a symbolic link out", external("data/vision.data", file=linked_folder), "data")
refused("external data that is a folder", external("data", file=lambda model, raw: os.mkdir(os.path.join(model, "data"))), "data")
refused("external data that is a pipe", external("pipe", file=lambda model, raw: os.mkfifo(os.path.join(model, "pipe"))), "pipe")
refused("external data without a name", external(""), VISION + "|location|external")


# -- Shapes and types -----------------------------------------------------------------------------

def dims(*sizes, file=VISION):
    def edit(graph):
        weight = graph.weight()
        weight[:] = [entry for entry in weight if entry[0] != wire.TENSOR_DIMS]
        weight[:0] = [[wire.TENSOR_DIMS, size] for size in sizes]
    return on_graph(file, edit)


def input_dims(file, index, *sizes):
    """Static sizes for one graph input."""
    def edit(graph):
        shape = wire.encode([[1, wire.encode([[1, size]])] for size in sizes])
        kind = wire.encode([[1, wire.FLOAT], [2, shape]])
        wire.put(graph.inputs[index], wire.VALUE_TYPE, wire.encode([[1, kind]]))
    return on_graph(file, edit)


for file in GRAPHS:
    refused(f"a weight of a wrong shape in {file}", dims(3, 5, 7, file=file), file)
refused("a weight of an absurd shape", dims(1 << 40, 1 << 40), VISION)
refused("a weight whose size wraps around to what it has", dims(1 << 32, 1 << 32, 4), VISION)
refused("a weight of a negative shape", dims(-1, 64), VISION)
refused("a weight of a thousand dimensions", dims(*[1] * 1000), VISION)
refused("a weight without elements", dims(0), VISION)
refused("an input of a wrong shape", input_dims(VISION, 0, 1, 5, 98, 98), "node_conv2d|pixel_values|vision_encoder")
refused("an input of an absurd shape", input_dims(VISION, 0, 1 << 30, 3, 1 << 30, 1 << 30))
refused("an input of a negative shape", input_dims(VISION, 0, 1, 3, -98, 98))
refused("an input of rank 0", input_dims(VISION, 0))
refused("a past of another head size", input_dims(DECODER, 3, 1, 2, 8, 33))


def element_type(kind):
    return on_graph(VISION, lambda graph: wire.put(graph.weight(), wire.TENSOR_TYPE, kind))


refused("an unknown element type", element_type(99), VISION)
refused("a weight of strings", element_type(8), VISION)
refused("a weight of another width", element_type(11), VISION)
refused("a weight of whole numbers", element_type(6), "node_add")


# -- Graphs ---------------------------------------------------------------------------------------

def cycle(graph):
    graph.first("MatMul").inputs[0] = graph.nodes[-1].outputs[0]


def self_cycle(graph):
    found = graph.first("MatMul")
    found.inputs[0] = found.outputs[0]


def unknown_op(graph):
    graph.first("LayerNormalization").op = "Frobnicate"


def unknown_domain(graph):
    found = graph.first("LayerNormalization")
    found.rest.append([wire.NODE_DOMAIN, b"org.example"])


def name_like_a_message(graph):
    graph.nodes.insert(0, wire.node("Frobnicate", ["pixel_values"], ["unused"], "\x1b[2J error: disk is full"))


def convolution_of_constants(graph):
    """A few hundred bytes that ask for thousands of millions of products, added to a mask."""
    for name, side in (("x", 500), ("w", 200)):
        raw = struct.pack("<4q", 1, 1, side, side)
        graph.initializers.append(wire.decode(wire.tensor("bomb_" + name, [4], wire.INT64, raw)))
    ahead = [wire.node("ConstantOfShape", ["bomb_x"], ["bomb_cx"], "bomb_1"),
             wire.node("ConstantOfShape", ["bomb_w"], ["bomb_cw"], "bomb_2"),
             wire.node("Conv", ["bomb_cx", "bomb_cw"], ["bomb_y"], "bomb_3"),
             wire.node("ReduceSum", ["bomb_y"], ["bomb"], "bomb_4"),
             wire.node("Squeeze", ["bomb"], ["bomb_scalar"], "bomb_5")]
    softmax = graph.first("Softmax")
    graph.nodes.insert(graph.nodes.index(softmax), wire.node("Add", [softmax.inputs[0], "bomb_scalar"], ["bombed"], "bomb_6"))
    softmax.inputs[0] = "bombed"
    graph.nodes[0:0] = ahead


def undefined_input(graph):
    graph.first("Softmax").inputs[0] = "nowhere"


def twice(graph):
    graph.nodes[2].outputs[0] = graph.nodes[1].outputs[0]


def no_inputs(graph):
    graph.first("MatMul").inputs.clear()


def no_outputs(graph):
    graph.first("MatMul").outputs.clear()


def many_inputs(graph):
    graph.first("MatMul").inputs *= 5000


def opset(version):
    def edit(graph):
        graph.fields[:] = [entry for entry in graph.fields if entry[0] != wire.MODEL_OPSET]
        if version is not None:
            graph.fields.append([wire.MODEL_OPSET, wire.encode([[wire.OPSET_VERSION, version]])])
    return edit


def no_graph(graph):
    graph.nodes, graph.initializers, graph.inputs, graph.outputs, graph.rest = [], [], [], [], []


def output_gone(graph):
    wire.put(graph.outputs[0], wire.VALUE_NAME, "nowhere")


def nested(depth):
    """If in If in If ..."""
    def edit(graph):
        inner = wire.node("Identity", ["pixel_values"], ["y"], "innermost")
        for level in range(depth):
            body = wire.encode([[wire.GRAPH_NODE, inner], [wire.GRAPH_OUTPUT, wire.encode([[1, "y"]])]])
            branches = [wire.encode([[1, branch], [wire.ATTRIBUTE_G, body], [wire.ATTRIBUTE_TYPE, 5]])
                        for branch in ["then_branch"]]
            inner = wire.node("If", ["condition"], ["y"], f"level_{level}", *branches)
        graph.nodes.insert(0, inner)
    return edit


def big_constant(op, sizes):
    """A small file that asks for a tensor of astonishing size."""
    def edit(graph):
        raw = struct.pack(f"<{len(sizes)}q", *sizes)
        graph.initializers.append(wire.decode(wire.tensor("sizes", [len(sizes)], wire.INT64, raw)))
        graph.initializers.append(wire.decode(wire.tensor("one", [], wire.FLOAT, struct.pack("<f", 1))))
        found = graph.first("Softmax")
        ahead = {"ConstantOfShape": ["sizes"], "Expand": ["one", "sizes"], "Tile": ["one", "sizes"]}[op]
        graph.nodes.insert(0, wire.node(op, ahead, ["huge"], "huge_node"))
        graph.nodes.insert(1, wire.node("ReduceSum", ["huge"], ["sum"], "sum_node"))
        graph.nodes.insert(graph.nodes.index(found) + 1, wire.node("Add", [found.outputs[0], "sum"], ["with_huge"], "add_huge"))
        for later in graph.nodes[graph.nodes.index(found) + 2:]:
            if isinstance(later, wire.Node):
                later.inputs = ["with_huge" if name == found.outputs[0] else name for name in later.inputs]
    return edit


def big_range(graph):
    for name, value in (("from", 0), ("to", 1 << 60), ("by", 1)):
        graph.initializers.append(wire.decode(wire.tensor(name, [], wire.INT64, struct.pack("<q", value))))
    found = graph.first("Softmax")
    graph.nodes.insert(0, wire.node("Range", ["from", "to", "by"], ["endless"], "huge_node"))
    graph.nodes.insert(1, wire.node("Cast", ["endless"], ["endless_f"], "cast_huge",
                                    wire.encode([[1, "to"], [wire.ATTRIBUTE_I, wire.FLOAT], [wire.ATTRIBUTE_TYPE, 2]])))
    graph.nodes.insert(graph.nodes.index(found), wire.node("Add", [found.inputs[0], "endless_f"], ["with_huge"], "add_huge"))
    found.inputs[0] = "with_huge"


def attribute(op, name, number, value):
    def edit(graph):
        graph.first(op).set_attribute(name, number, value)
    return edit


def repeated(name, values):
    def edit(graph):
        found = graph.first("Transpose")
        entry, fields = found.attribute(name)
        fields[:] = [field for field in fields if field[0] != wire.ATTRIBUTE_INTS] + [[wire.ATTRIBUTE_INTS, value] for value in values]
        entry[1] = wire.encode(fields)
    return edit


def many_nodes(graph):
    """A long chain, for anything recursive over the graph."""
    found = graph.first("Softmax")
    last = found.inputs[0]
    chain = []
    for index in range(30000):
        chain.append(wire.node("Identity", [last], [f"chain_{index}"], f"chain_node_{index}"))
        last = f"chain_{index}"
    found.inputs[0] = last
    at = graph.nodes.index(found)
    graph.nodes[at:at] = chain


for file in (VISION, DECODER):
    refused(f"a cycle in {file}", on_graph(file, cycle), "cycle|not defined|before|" + file)
refused("a node that reads itself", on_graph(VISION, self_cycle), "cycle|not defined|before|" + VISION)
refused("an unknown op", on_graph(VISION, unknown_op), "Frobnicate", "node_layer_norm")
refused("a node whose name is like a message", on_graph(VISION, name_like_a_message), r'"\\1B\[2J error: disk is full": expected an op')
refused("a mask of a convolution that takes minutes", on_graph(VISION, convolution_of_constants), "bomb_")
refused("an op of an unknown domain", on_graph(VISION, unknown_domain), "org.example", "node_layer_norm")
refused("an input that nothing defines", on_graph(VISION, undefined_input), "nowhere")
refused("two nodes with the same output", on_graph(VISION, twice))
refused("a node without inputs", on_graph(VISION, no_inputs))
refused("a node without outputs", on_graph(VISION, no_outputs))
refused("a node with ten thousand inputs", on_graph(VISION, many_inputs))
refused("no opset", on_graph(VISION, opset(None)), "opset|" + VISION)
refused("opset 0", on_graph(VISION, opset(0)), "opset|" + VISION)
refused("opset 9999", on_graph(VISION, opset(9999)), "opset|" + VISION)
refused("an empty graph", on_graph(VISION, no_graph), VISION)
refused("an output that nothing defines", on_graph(VISION, output_gone), "nowhere")
refused("If nested 20 deep", on_graph(VISION, nested(20)))
refused("If nested 2000 deep", on_graph(VISION, nested(2000)), VISION)
for op in ("ConstantOfShape", "Expand", "Tile"):
    sizes = [1 << 50] if op == "Tile" else [1 << 20, 1 << 20, 1 << 20]
    refused(f"{op} of an absurd size", on_graph(VISION, big_constant(op, sizes)))
refused("ConstantOfShape of a negative size", on_graph(VISION, big_constant("ConstantOfShape", [-5, 3])))
refused("Range of an absurd length", on_graph(VISION, big_range))
survives("a chain of 30000 nodes", on_graph(VISION, many_nodes))
refused("an axis that is not there", on_graph(VISION, attribute("Softmax", "axis", wire.ATTRIBUTE_I, 77)), "softmax|Softmax|axis")
refused("an axis far below zero", on_graph(VISION, attribute("Softmax", "axis", wire.ATTRIBUTE_I, -(1 << 63))), "softmax|Softmax|axis")
refused("a permutation with an axis twice", on_graph(VISION, repeated("perm", [0, 0, 0])), "ranspose|perm")
refused("a permutation of absurd axes", on_graph(VISION, repeated("perm", [0, 1 << 62, 1])), "ranspose|perm")
refused("strides of 0", on_graph(VISION, attribute("Conv", "strides", wire.ATTRIBUTE_INTS, 0)), "conv|strides")
refused("a group of 0", on_graph(VISION, attribute("Conv", "group", wire.ATTRIBUTE_I, 0)), "conv|group")
refused("a group of 7", on_graph(VISION, attribute("Conv", "group", wire.ATTRIBUTE_I, 7)), "conv|group")
for swapped in (VISION, DECODER):
    refused(f"the token embedding in place of {swapped}",
            lambda model, name=swapped: replace(os.path.join(model, name), read_bytes(os.path.join(model, EMBED))), swapped)


# -- JSON files -----------------------------------------------------------------------------------

def on_json(name, edit):
    return lambda model: edit_json(os.path.join(model, name), edit)


def long_token(vocabulary):
    def edit(value):
        value["model"]["vocab"]["beyond"] = vocabulary
    return edit


def bad_merge(value):
    value["model"]["merges"].append(["never", "seen"])


def many_added(value):
    value["added_tokens"] += [{"id": 384 + index, "content": f"<extra {index}>", "special": True, "single_word": False,
                               "lstrip": False, "rstrip": False, "normalized": False} for index in range(100)]


refused("a tokenizer with an id beyond the vocabulary", on_json("tokenizer.json", long_token(384)), "tokenizer")
refused("a tokenizer with an absurd id", on_json("tokenizer.json", long_token(1 << 40)), "tokenizer")
refused("a tokenizer with a negative id", on_json("tokenizer.json", long_token(-1)), "tokenizer")
refused("a tokenizer with an id that is a text", on_json("tokenizer.json", long_token("7")), "tokenizer")
refused("a tokenizer with an id twice", on_json("tokenizer.json", long_token(300)), "tokenizer")
refused("a tokenizer with added tokens beyond the vocabulary", on_json("tokenizer.json", many_added), "tokenizer")
refused("a merge of unknown tokens", on_json("tokenizer.json", bad_merge), "tokenizer")
refused("a tokenizer of an unknown kind", on_json("tokenizer.json", lambda value: value["model"].update(type="Magic")), "tokenizer", "Magic")
refused("a tokenizer without a model", on_json("tokenizer.json", lambda value: value.pop("model") and None), "tokenizer")
for name in ("config.json", "tokenizer.json", "preprocessor_config.json", "tokenizer_config.json", "generation_config.json"):
    refused(f"truncated {name}", on_file(name, lambda data: data[: len(data) // 2]), name)
    refused(f"a list instead of {name}", on_file(name, lambda data: b"[1, 2]"), name)
    refused(f"{name} nested 200000 deep", on_file(name, lambda data: b"[" * 200000 + b"]" * 200000), name)
    refused(f"{name} that is no UTF-8", on_file(name, lambda data: data[:1] + b'"\xff\xfe": 1, ' + data[1:]), name)


def config(name, value, *where):
    def edit(root):
        for key in where:
            root = root[key]
        root[name] = value
    return on_json("config.json", edit)


refused("a vocabulary of another size", config("vocab_size", 100, "text_config"), "config.json|tokenizer.json")
refused("a vocabulary of absurd size", config("vocab_size", 1 << 60, "text_config"), "config.json|vocab")
refused("a negative number of layers", config("num_hidden_layers", -4, "text_config"), "config.json|layers")
refused("an image token beyond the vocabulary", config("image_token_id", 4000), "config.json", "image_token_id")


if __name__ == "__main__":
    suite.main()
