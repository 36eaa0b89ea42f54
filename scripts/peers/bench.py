"""bench_peers, once the Python environment is there: models, rounds, report."""

import dataclasses
import json
import os
import subprocess

import numpy as np

import checks
import geometry
import measure
import setup
import sides
import tables
import write_gguf
import write_onnx

LEVELS = (4, 0)  # MatMulNBits: 8-bit activations; what onnxruntime takes when nothing is said
SEED = 0
# Ours: (name, recipe, chunk). The other chunk lengths are the experiment of the paper's figure 8.
BUNDLES = (("bluelm-v", "bluelm-v", 128), ("fast", "fast", 128),
           *((f"bluelm-v-t{chunk}", "bluelm-v", chunk) for chunk in (32, 512, 2048)))


def cpu_name():
    with open("/proc/cpuinfo") as stream:
        for line in stream:
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return "unknown processor"


def once(path, write):
    """Writes a model unless it is there; a half-written one never has the final name."""
    if not os.path.exists(path):
        setup.say(f"writing {path}")
        os.makedirs(os.path.dirname(path), exist_ok=True)
        write(path)
    return path


def gguf_model(cache, shape):
    def write(path):
        write_gguf.write(path + ".part", shape, SEED)
        os.rename(path + ".part", path)
    return once(os.path.join(cache, "models", f"{shape.name}-q4_0.gguf"), write)


def onnx_models(cache, shape, gguf_path):
    """{accuracy level: path} of the graphs, written together."""
    stem = os.path.join(cache, "models", shape.name)
    paths = {level: f"{stem}-level{level}.onnx" for level in LEVELS}
    if not all(map(os.path.exists, paths.values())):
        setup.say(f"writing {', '.join(paths.values())}")
        write_onnx.write(paths, stem + ".onnx.data", shape, gguf_path)
    return paths


def bundles(folder):
    """The bundles that `folder` is or holds."""
    if not os.path.isdir(folder):
        raise setup.Missing(f"--bluec {folder}: expected a directory")
    found = [folder, *(os.path.join(folder, name) for name in sorted(os.listdir(folder)))]
    found = [path for path in found if os.path.exists(os.path.join(path, "manifest.json"))]
    if not found:
        raise setup.Missing(f"--bluec {folder}: expected bundles (with manifest.json), found none")
    return found


def compiled(options, shape, wanted):
    """Folder of the bundles of --package; how long they took is said on the way."""
    folder = os.path.join(options.cache, "bundles", shape.name)
    os.makedirs(folder, exist_ok=True)
    for name, recipe, chunk in BUNDLES:
        path = os.path.join(folder, name)
        manifest = os.path.join(path, "manifest.json")
        if not wanted(f"bluec {name}"):
            continue
        if os.path.exists(manifest) and os.path.getmtime(manifest) > os.path.getmtime(
                options.binary):
            continue
        done = measure.run([options.binary, "compile", options.package, "-o", path, "--recipe",
                            recipe, "--chunk", str(chunk), "--jobs", str(options.threads)])
        setup.say(f"compiled {name}: {done.seconds:.0f} s, at most "
                  f"{done.memory['RssAnon'] / 1e6:.0f} MB of anonymous memory")
    return folder


def our_sides(options, shape, wanted, left_out):
    if not options.bluec and not options.package:
        left_out.append("bluec: neither --bluec DIR with bundles nor --package DIR was given")
        return []
    if not os.access(options.binary, os.X_OK):
        raise setup.Missing(f"--binary {options.binary}: expected our program; scripts/setup "
                            "builds it")
    known = subprocess.run([options.binary, "bench", "--help"], capture_output=True)
    if known.returncode != 0:
        raise setup.Missing(f"--binary {options.binary}: expected a bluec that knows `bench`")
    folder = options.bluec or compiled(options, shape, wanted)
    found = [sides.Bluec(options.binary, path) for path in bundles(folder)]
    for side in found:
        if wrong := side.differs(shape):
            raise setup.Missing(f"{side.bundle}: expected the decoder of {shape.name}, "
                                f"with {wrong}")
    return found


def all_sides(options, shape, left_out):
    """Every side that --only lets through, its model written."""
    def wanted(name):
        return not options.only or any(word in name for word in options.only)

    found = [side for side in our_sides(options, shape, wanted, left_out) if wanted(side.name)]
    model = None
    for cache in sides.LlamaCpp.cache_bytes:
        if wanted(sides.LlamaCpp(None, None, cache).name):
            model = model or gguf_model(options.cache, shape)
            found.append(sides.LlamaCpp(setup.llama_cpp(options.cache), model, cache))
    for level in LEVELS:
        if wanted(sides.OnnxRuntime(None, level).name):
            model = model or gguf_model(options.cache, shape)
            path = onnx_models(options.cache, shape, model)[level]
            found.append(sides.OnnxRuntime(path, level))
    if not found:
        raise setup.Missing(f"--only {' '.join(options.only)}: no side has this in its name")
    return found


def check(found, plan, shape, options):
    """Logits of three prompts; the second differs from the first in its last token only."""
    folder = os.path.join(options.cache, "logits")
    os.makedirs(folder, exist_ok=True)
    rng = np.random.default_rng(SEED)
    first = rng.integers(0, shape.vocabulary, 24).tolist()
    prompts = [first, first[:-1] + [(first[-1] + 1) % shape.vocabulary],
               rng.integers(0, shape.vocabulary, 40).tolist()]
    prompts_file = os.path.join(folder, "prompts.json")
    with open(prompts_file, "w") as stream:
        json.dump(prompts, stream)
    texts = ["What is the total?", "What is the date?", "Read all of the text in this picture."]
    results = checks.check(found, plan, prompts, prompts_file, texts, folder)
    wrong = [f"{side}: {fault}" for side, result in results.items() for fault in result["faults"]]
    if wrong:
        raise measure.Failed("; ".join(wrong))
    return results


def arithmetic(side, rounds):
    """The type of the products in the linears."""
    if isinstance(side, sides.Bluec):
        return tables.deep(rounds[0][side.name]["bench"]["prefill"][-1], "by_op", "linear",
                           "arithmetic")
    if isinstance(side, sides.LlamaCpp):
        return "i8"
    return "i8" if side.level == 4 else "f32"


def bytes_per_token(side, rounds, shape, before, decoded):
    """Of weights and KV cache that decoding a token has to read, in the side's own formats."""
    if isinstance(side, sides.Bluec):
        for test in rounds[0][side.name]["bench"]["decode"]:
            if test["depth"] == before:
                return test["weight_bytes_per_token"] + test["kv_bytes_per_token"]
    llama = isinstance(side, sides.LlamaCpp)
    kv = sides.LlamaCpp.cache_bytes[side.cache] if llama else 4.0
    weight = (18 if llama else 20) / 32  # a block's scale is f16 in one, f32 in the other
    return weight * shape.weights_read() + kv * shape.kv_elements(before + decoded // 2)


def shares(side, rounds, shape, plan, rates, limits):
    """What each median rate makes of the machine's limits: {task: share}."""
    read = limits["read_bytes_per_second"]
    dots = limits.get(f"{arithmetic(side, rounds)}_operations_per_second")
    found = {}
    for tokens in plan.prefill:
        if dots and (figure := rates.get(f"prefill:{tokens}")):
            operations = shape.prefill_operations(tokens) / tokens
            found[f"prefill:{tokens}"] = operations * figure["median"] / dots["median"]
    for depth in plan.decode:
        if read and (figure := rates.get(f"decode:{depth}")):
            size = bytes_per_token(side, rounds, shape, plan.before(depth), plan.decoded)
            found[f"decode:{depth}"] = size * figure["median"] / read["median"]
    return found


def chunk_figures(rounds, side, plan):
    longest = max(plan.prefill)
    last = next(found[side.name]["bench"] for found in rounds if side.name in found)
    return {"chunk": last["chunk"], "recipe": last["recipe"],
            "seconds": tables.bench_samples(rounds, side.name, tables.of_test(
                "prefill", "tokens", longest, "seconds")).figure(),
            "decode": tables.Samples(
                rate for rate in tables.rates(rounds, side.name, "decode:0") if rate).figure(),
            "peak": tables.peak(rounds, side.name).figure()}


def summarise(found, rounds, plan, shape, checked, left_out):
    limits = tables.machine(rounds)
    report = {"geometry": shape.name, "shape": dataclasses.asdict(shape), "cpu": cpu_name(),
              "threads": plan.threads, "decoded": plan.decoded, "rounds": len(rounds),
              "tasks": plan.tasks(), "machine": limits, "checks": checked, "left_out": left_out,
              "others": max(each["others"] for one in rounds for each in one.values()),
              "sides": {}, "goals": {}, "chunks": {}}
    for side in found:
        rates = {task: tables.Samples(
            rate for rate in tables.rates(rounds, side.name, task) if rate).figure()
            for task in plan.tasks()}
        report["sides"][side.name] = {
            "rates": {task: figure for task, figure in rates.items() if figure},
            "peak": tables.peak(rounds, side.name).figure(),
            "shares": shares(side, rounds, shape, plan, rates, limits)}
        if isinstance(side, sides.Bluec):
            chunk = report["chunks"][side.name] = chunk_figures(rounds, side, plan)
            if side.main and tables.BASE in rounds[0]:
                report["goals"][side.name] = {
                    "recipe": chunk["recipe"],
                    "figures": tables.goals(rounds, side.name, plan)}
    report["samples"] = rounds
    return report


def main(options):
    shape = {each.name: each for each in (geometry.BLUELM_V_3B, geometry.SMALL)}[options.geometry]
    lengths = [128, 512] if options.quick else [512, 2048]
    plan = sides.Plan(lengths, [0, lengths[-1]], 16 if options.quick else 32, options.threads)
    repeats = options.repeats or (2 if options.quick else 5)
    left_out = []
    try:
        found = all_sides(options, shape, left_out)
        if not options.no_check:
            setup.say("checking the logits of every side")
        checked = {} if options.no_check else check(found, plan, shape, options)
        rounds = []
        for number in range(repeats):
            rounds.append({})
            for side in found:
                if not side.main and number >= options.others:
                    continue
                setup.say(f"round {number + 1} of {repeats}: {side.name}")
                rounds[-1][side.name] = side.round(plan)
    except measure.Failed as error:
        raise setup.Missing(str(error)) from error
    report = summarise(found, rounds, plan, shape, checked, left_out)
    os.makedirs(options.out, exist_ok=True)
    with open(os.path.join(options.out, "peers.json"), "w") as stream:
        json.dump(report, stream, indent=1)
    text = tables.markdown(report)
    with open(os.path.join(options.out, "peers.md"), "w") as stream:
        stream.write(text)
    print(text, end="")
    return 0
