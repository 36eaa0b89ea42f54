"""Keys with a large bias in a cache of 8 bits, on the example model: the answers stay those of floats, and what cannot be helped is
said and measured.

    python3 tests/e2e/key_bias.py [PART-OF-A-CASE-NAME...]
"""

import json
import math
import os
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import onnx_wire as wire
from tool import BLUEC, Suite, check, check_refused, compile_model, copy_model, describe, read_bytes, replace, run, scratch

ROOT = scratch("key_bias")
DECODER = "decoder_model_merged.onnx"
KEYS, ROTATED = 64, 32  # channels of all key heads, and of one
BIAS = 900.0
QUESTIONS = ["What is the total?", "What does it say?", "What colour is the sign?", "hi", "1 2 3 4 5 6", "What is the price?"]
suite = Suite("e2e/key_bias")


def floats(name, values):
    return wire.decode(wire.tensor(name, [len(values)], wire.FLOAT, struct.pack(f"<{len(values)}f", *values)))


def package(name, layers=(), normed=False):
    """The example with a bias in the two slowest pairs of a head's channels, in `layers`. With `normed` a norm is between bias and
    rope, whose gain gives the keys their size back."""
    target = os.path.join(ROOT, name)
    copy_model(target)
    path = os.path.join(target, DECODER)
    model = wire.Model(read_bytes(path))
    bias = [0.0] * KEYS
    bias[15] = bias[47] = BIAS
    bias[31] = bias[63] = -1.2 * BIAS
    for layer in layers:
        at = next(i for i, node in enumerate(model.nodes) if node.op == "MatMul" and f"layers.{layer}/self_attn/k_proj" in node.name)
        key = model.nodes[at].outputs[0]
        model.nodes[at].outputs[0] = key + "_product"
        added = key + "_biased" if normed else key
        model.nodes.insert(at + 1, wire.Node(wire.node("Add", [key + "_product", f"key_bias_{layer}"], [added], f"key_bias_{layer}/Add")))
        model.initializers.append(floats(f"key_bias_{layer}", bias))
        if normed:
            size = math.sqrt(sum(value * value for value in bias) / KEYS)
            model.nodes.insert(at + 2, wire.Node(wire.node("SimplifiedLayerNormalization", [added, f"gain_{layer}"], [key], f"key_norm_{layer}")))
            model.initializers.append(floats(f"gain_{layer}", [size] * KEYS))
    replace(path, model.encode())
    return target


def cache_recipe():
    path = os.path.join(ROOT, "cache8.json")
    rules = [{"match": "decoder/*", "ops": ["attention"], "cache": {"type": "i8"}, "attention": {"type": "i16"}}]
    replace(path, json.dumps({"name": "cache8", "description": "a cache of 8 bits", "rules": rules}))
    return path


def shares(bundle, question):
    """The probabilities of the first token."""
    path = bundle + ".logits"
    done = run(BLUEC, "run", bundle, "--prompt", question, "--max-new-tokens", "1", "--dump-logits", path)
    check(done.code == 0, f"{question}: expected an answer, found {describe(done)}")
    data = read_bytes(path)
    logits = struct.unpack(f"<{len(data) // 4}f", data)
    powers = [math.exp(logit - max(logits)) for logit in logits]
    return [power / sum(powers) for power in powers]


def divergence(model, recipe):
    """What a recipe costs: the mean KL divergence of the first token from the float bundle's."""
    plain = compile_model(model + ".float", "--recipe", "float", model=model)
    bundle = compile_model(model + "." + os.path.basename(recipe), "--recipe", recipe, model=model)
    total = 0
    for question in QUESTIONS:
        total += sum(p * math.log(p / max(q, 1e-30)) for p, q in zip(shares(plain, question), shares(bundle, question)) if p > 0)
    return total / len(QUESTIONS)


def costs():
    """A cache of 8 bits costs a model with large biases what it costs one without."""
    recipe = cache_recipe()
    without, biased = divergence(package("plain"), recipe), divergence(package("biased", (0, 3)), recipe)
    check(biased < 3 * without + 1e-5, f"expected about {without:.1e} nats, found {biased:.1e}")
    return f"{without:.1e} nats without a bias, {biased:.1e} with one of {BIAS:.0f}"


def verified(recipe):
    model = package(f"verified-{os.path.basename(recipe)}", (0, 3))
    bundle = compile_model(model + ".bundle", "--recipe", recipe, model=model)
    done = run(BLUEC, "verify", bundle, "--reference", model, "--json", seconds=300)
    check(done.code == 0 and done.err == "", f"expected exit code 0 and a quiet stderr, found {describe(done)}")
    worst = json.loads(done.out)["quantized_cache"]["worst"]
    return f"a cache costs {worst['error']:.1e} of attention at most"


def left():
    """A bias behind a norm stays: a warning names the layer, and verify says that its keys are lost."""
    model, bundle = package("normed", (0, 3), normed=True), os.path.join(ROOT, "normed.bundle")
    done = run(BLUEC, "compile", model, "-o", bundle, "--recipe", cache_recipe())
    for layer in (0, 3):
        check(done.code == 0 and f"decoder/layers.{layer}/self_attn/attention: a key bias of {1.2 * BIAS:.1f} stays" in done.err,
              f"expected a warning about layer {layer}, found {describe(done)}")
    for flags in ([], ["--onnx"]):
        done = run(BLUEC, "verify", bundle, "--reference", model, *flags, seconds=300)
        check(done.code == 1 and "expected a quantized cache to cost at most" in done.err,
              f"verify {' '.join(flags)}: expected exit code 1 and the layer, found {describe(done)}")
    strict = run(BLUEC, "compile", model, "-o", bundle, "--recipe", cache_recipe(), "--strict")
    check(strict.code == 1, f"--strict: expected exit code 1, found {describe(strict)}")


suite.case("what a cache of 8 bits costs", costs)
for each in ("bluelm-v", "fast"):
    suite.case(f"verify, {each}", verified, each)
suite.case("a bias that stays", left)


if __name__ == "__main__":
    suite.main()
