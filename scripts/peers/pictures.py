"""bench_pictures, once the Python environment is there: models, rounds, report.

A side encodes the tiles once a round: {"seconds", "memory", "others"}, ours with what `bluec bench`
said besides. Sides that are `main` stand in the goals and run in every round.
"""

import json
import os
import subprocess
import sys

import numpy as np

import measure
import setup
import tables
import write_mmproj
import write_vision_onnx
from accuracy import runtime
from bench import bundles, cpu_name
from checks import correlation
from model_writer.vision import Vision

HERE = os.path.dirname(os.path.abspath(__file__))
HIDDEN = 2304
RECIPES = ("bluelm-v", "fast")
LLAMA, ONNX = "llama.cpp f16", "onnxruntime INT8"
# Ratios of seconds that are to be reached, by recipe.
TARGETS = {LLAMA: {"bluelm-v": 1.8, "fast": 3.0}, ONNX: {"bluelm-v": 1.2, "fast": 2.0}}
LINEARS = 0.75  # of the dot peak of their type
# Features of the same weights. The recipes' and onnxruntime's 8 bits move them a little.
LEAST_CORRELATION = 0.99


class Tiles:
    """The same random tiles in each side's format, in a folder."""

    def __init__(self, folder, count, image):
        self.count, self.image = count, image
        self.npy = os.path.join(folder, f"tiles-{count}.npy")
        self.raw = os.path.join(folder, f"tiles-{count}.f32")
        os.makedirs(folder, exist_ok=True)
        rng = np.random.default_rng(1)
        # Soft blobs and a little noise: pixels that have neighbours, as a picture's do.
        coarse = rng.uniform(-1, 1, (count, 3, image // 16, image // 16))
        values = np.kron(coarse, np.ones((16, 16))) + rng.normal(0, 0.05, (count, 3, image, image))
        self.values = np.clip(values, -1, 1).astype(np.float32)
        np.save(self.npy, self.values)
        self.values.transpose(0, 2, 3, 1).tofile(self.raw)


class LlamaCpp:
    def __init__(self, options, kind, tiles):
        self.name, self.main = f"llama.cpp {kind}", kind == "f16"
        self.options, self.kind, self.tiles = options, kind, tiles
        self.features_file = os.path.join(options.cache, "logits", f"features-{kind}.f32")

    def prepare(self):
        self.llama = setup.llama_cpp(self.options.cache)
        self.program = setup.clip_encode(self.llama, self.options.cache)
        self.model = os.path.join(self.options.cache, "models", f"bluelm-v-3b-mmproj-{self.kind}.gguf")
        if not os.path.exists(self.model):
            setup.say(f"writing {self.model}")
            write_mmproj.write(self.model + ".part", self.kind, HIDDEN, self.options.package)
            os.rename(self.model + ".part", self.model)

    def run(self, repeats):
        image = str(self.tiles.image)
        return measure.run([self.program, self.model, self.tiles.raw, image, image,
                            str(self.options.threads), str(repeats), self.features_file])

    def features(self):
        self.run(1)
        return np.fromfile(self.features_file, np.float32)

    def round(self):
        done = self.run(1)
        return {"seconds": done.json()["seconds"][0], "others": done.others,
                "memory": {"peak": done.memory["VmHWM"]}}


class OnnxRuntime:
    def __init__(self, options, kind, batch, tiles):
        self.name = f"onnxruntime {kind}" + (f", batches of {batch}" if batch > 1 else "")
        self.main = self.name == ONNX
        self.options, self.kind, self.batch, self.tiles = options, kind, batch, tiles

    def prepare(self):
        models = os.path.join(self.options.cache, "models")
        paths = {kind: os.path.join(models, f"vision-{kind.lower()}.onnx")
                 for kind in ("float", "INT8")}
        if not all(map(os.path.exists, paths.values())):
            setup.say(f"writing {', '.join(paths.values())}")
            write_vision_onnx.write(self.options.package, paths["float"], paths["INT8"],
                                    Vision.heads, Vision.width)
        self.model = paths[self.kind]

    def run(self, *arguments):
        return measure.run([sys.executable, os.path.join(HERE, "run_onnxruntime_vision.py"),
                            self.model, self.tiles.npy, "--batch", str(self.batch), "--threads",
                            str(self.options.threads), *arguments])

    def features(self):
        path = os.path.join(self.options.cache, "logits", "features-onnxruntime.npy")
        self.run("--features", path)
        return np.load(path)

    def round(self):
        done = self.run()
        return {"seconds": done.json()["seconds"][0], "others": done.others,
                "memory": {"peak": done.memory["VmHWM"]}}


class Bluec:
    main = True

    def __init__(self, options, bundle, tiles):
        self.name = f"bluec {os.path.basename(os.path.abspath(bundle))}"
        self.options, self.bundle, self.tiles = options, bundle, tiles

    def prepare(self):
        with open(os.path.join(self.bundle, "manifest.json")) as stream:
            self.manifest = json.load(stream)
        found = self.manifest["geometry"]["vision"].get("num_hidden_layers")
        if found != Vision.layers:
            raise setup.Missing(f"{self.bundle}: expected an image encoder of {Vision.layers} "
                                f"layers, found {found}")

    def features(self):
        import pathlib
        library = runtime.build_library(pathlib.Path(self.options.cache, "runtime"))
        batch = self.manifest["geometry"]["image_batch"]
        found = []
        with runtime.Bundle(library, self.bundle, self.options.threads) as bundle:
            for at in range(0, self.tiles.count, batch):
                part = np.ascontiguousarray(self.tiles.values[at:at + batch])
                out = np.empty((len(part), Vision().tokens_per_tile, HIDDEN), np.float32)
                bundle.run_entry("encode", len(part), 0, part, out)
                found.append(out)
        return np.concatenate(found)

    def round(self):
        done = measure.run([self.options.binary, "bench", self.bundle, "--json", "--repeats", "1",
                            "--threads", str(self.options.threads), "--prefill", "1",
                            "--decode-at", "0", "--decode-tokens", "1", "--encode",
                            str(self.tiles.count)])
        bench = done.json()
        encode = bench["encode"][0]
        return {"seconds": encode["seconds"]["median"], "others": done.others, "encode": encode,
                "machine": bench["machine"], "recipe": bench["recipe"],
                "memory": {"peak": bench["memory"]["encoded"]["resident"]}}


def compiled(options):
    folder = os.path.join(options.cache, "bundles", "pictures")
    for recipe in RECIPES:
        path = os.path.join(folder, recipe)
        manifest = os.path.join(path, "manifest.json")
        if os.path.exists(manifest) and os.path.getmtime(manifest) > os.path.getmtime(
                options.binary):
            continue
        setup.say(f"compiling {path}")
        os.makedirs(folder, exist_ok=True)
        measure.run([options.binary, "compile", options.package, "-o", path, "--recipe", recipe])
    return folder


def all_sides(options, tiles):
    if not os.access(options.binary, os.X_OK):
        raise setup.Missing(f"--binary {options.binary}: expected our program; scripts/setup "
                            "builds it")
    folder = options.bluec or compiled(options)
    found = [OnnxRuntime(options, "float", 1, tiles), OnnxRuntime(options, "INT8", 1, tiles),
             OnnxRuntime(options, "INT8", 4, tiles), LlamaCpp(options, "f16", tiles),
             LlamaCpp(options, "q8_0", tiles),
             *(Bluec(options, path, tiles) for path in bundles(folder))]
    found = [side for side in found
             if not options.only or any(word in side.name for word in options.only)]
    if not found:
        raise setup.Missing(f"--only {' '.join(options.only)}: no side has this in its name")
    for side in found:
        side.prepare()
    return found


def check(found):
    """{side: correlation of its features with the first side's}."""
    first, results = None, {}
    for side in found:
        features = np.asarray(side.features(), np.float64).reshape(1, -1)
        if not np.isfinite(features).all():
            raise setup.Missing(f"{side.name}: expected finite features, found others")
        first = features if first is None else first
        results[side.name] = correlation(first, features)
        if results[side.name] < LEAST_CORRELATION:
            raise setup.Missing(f"{side.name}: expected features that correlate by "
                                f"{LEAST_CORRELATION} with those of {found[0].name}, found "
                                f"{results[side.name]:.4f}")
    return results


def seconds(rounds, side):
    return tables.Samples(one[side]["seconds"] for one in rounds if side in one)


def ratio(rounds, side, base):
    return tables.Samples(one[base]["seconds"] / one[side]["seconds"] for one in rounds
                          if side in one and base in one).figure()


def by_op(rounds, side, op, what):
    """`what` is a figure of `bluec bench`, or a plain number."""
    found = (tables.deep(one[side]["encode"], "by_op", op, what) for one in rounds if side in one)
    return tables.Samples(value["median"] if isinstance(value, dict) else value
                          for value in found if value is not None).figure()


def goal_rows(rounds, name, recipe):
    for base, wanted in TARGETS.items():
        figure = ratio(rounds, name, base)
        if figure and recipe in wanted:
            yield [f"{base} / {name}", tables.spread(figure, digits=2), str(wanted[recipe]),
                   "yes" if figure["median"] >= wanted[recipe] else "no"]
    share = by_op(rounds, name, "linear", "share_of_peak")
    if share:
        yield [f"{name}: linears, share of dot peak", tables.spread(share, digits=2), str(LINEARS),
               "yes" if share["median"] >= LINEARS else "no"]


def markdown(found, rounds, checked, options):
    rows, goals, shares = [], [], []
    for side in found:
        figure = seconds(rounds, side.name).figure()
        rows.append([side.name, tables.spread(figure, digits=2),
                     tables.spread(figure, 1 / options.tiles, 3),
                     *(tables.spread(ratio(rounds, side.name, base), digits=2)
                       for base in (LLAMA, ONNX)),
                     tables.spread(tables.peak(rounds, side.name).figure(), 1e-9, 2),
                     f"{checked[side.name]:.5f}" if side.name in checked else "-"])
        if isinstance(side, Bluec):
            goals += goal_rows(rounds, side.name, rounds[0][side.name]["recipe"])
            for op in rounds[0][side.name]["encode"]["by_op"]:
                shares.append([side.name, op,
                               tables.spread(by_op(rounds, side.name, op, "share_of_time"), 100, 1),
                               tables.spread(by_op(rounds, side.name, op, "share_of_peak"), 100, 0)])
    machine = [one[side.name]["machine"] for one in rounds for side in found
               if isinstance(side, Bluec) and side.name in one]
    parts = [f"# Encoding a picture of {options.tiles} tiles: {options.threads} threads",
             f"{cpu_name()}; {len(rounds)} rounds, sides one after the other in each; medians, "
             "least to most in brackets.",
             tables.table(["side", "seconds", "a tile", f"speed / {LLAMA}", f"speed / {ONNX}",
                           "peak resident, GB", "correlation"], rows)]
    if machine:
        peaks = {kind: tables.Samples(
            value for one in machine
            if (value := tables.deep(one, "operations_per_second", kind, "median"))).figure()
            for kind in ("i8", "i16", "f32")}
        parts.append("Peaks measured in the same rounds: " + ", ".join(
            f"{kind} {tables.spread(peak, 1e-12, 2)}" for kind, peak in peaks.items() if peak)
            + " TOP/s.")
    if goals:
        parts += ["## Goals", tables.table(["figure", "median (least to most)", "target",
                                            "reached"], goals)]
    if shares:
        parts += ["## Where our time goes", tables.table(
            ["side", "op", "% of the time", "% of the peak of its type"], shares)]
    others = max(each["others"] for one in rounds for each in one.values())
    parts.append(f"Processors that other processes kept busy meanwhile, at most: {others:.2f}.")
    return "\n\n".join(parts) + "\n"


def main(options):
    tiles = Tiles(os.path.join(options.cache, "logits"), options.tiles, Vision.image)
    try:
        found = all_sides(options, tiles)
        if not options.no_check:
            setup.say("comparing the features of all sides")
        checked = {} if options.no_check else check(found)
        rounds = []
        for number in range(options.repeats):
            rounds.append({})
            for side in found:
                if side.main or number < options.others:
                    setup.say(f"round {number + 1} of {options.repeats}: {side.name}")
                    rounds[-1][side.name] = side.round()
    except (measure.Failed, subprocess.CalledProcessError) as error:
        raise setup.Missing(str(error)) from error
    os.makedirs(options.out, exist_ok=True)
    with open(os.path.join(options.out, "pictures.json"), "w") as stream:
        json.dump({"cpu": cpu_name(), "threads": options.threads, "tiles": options.tiles,
                   "correlations": checked, "rounds": rounds}, stream, indent=1)
    text = markdown(found, rounds, checked, options)
    with open(os.path.join(options.out, "pictures.md"), "w") as stream:
        stream.write(text)
    print(text, end="")
    return 0
