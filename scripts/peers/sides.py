"""The sides of the comparison: each is asked for one round, again and again.

A round is a dict: "rates" {task: tokens per second}, "memory" (bytes; "peak" is the peak resident
memory of the text side), "others" (processors that other processes kept busy), and for our side
"bench", what `bluec bench --json` printed. A side that is `main` stands in the goals and runs in
every round.

Tasks are "prefill:N" and "decode:D"; a decode task decodes `decoded` tokens that end at position D,
or begin at 0 where D is 0.
"""

import json
import os
import sys

import numpy as np

import measure

HERE = os.path.dirname(os.path.abspath(__file__))


CHUNK = 128  # of the bundles that goals are for


class Plan:
    """What is measured: the same for every side."""

    def __init__(self, prefill, decode, decoded, threads):
        self.prefill, self.decode, self.decoded, self.threads = prefill, decode, decoded, threads

    def before(self, depth):
        """Tokens in the cache before the first one that is timed."""
        return max(0, depth - self.decoded)

    def tasks(self):
        return [f"prefill:{n}" for n in self.prefill] + [f"decode:{n}" for n in self.decode]


class LlamaCpp:
    """llama-bench on the GGUF file, with flash attention; `cache`: the type of keys and values."""

    cache_bytes = {"f16": 2.0, "q8_0": 34 / 32}

    def __init__(self, llama, model, cache):
        self.name = f"llama.cpp Q4_0, KV {cache}"
        self.llama, self.model, self.cache = llama, model, cache
        self.main = cache == "f16"

    def bench(self, plan, arguments):
        return measure.run([self.llama.tool("llama-bench"), "-m", self.model,
                            "-t", str(plan.threads), "-fa", "on", "-ctk", self.cache,
                            "-ctv", self.cache, "-r", "1", "-o", "json", *arguments])

    def round(self, plan):
        rates = {}
        lengths = [128, *plan.prefill]  # the first one warms up
        prefill = self.bench(plan, ["-p", ",".join(map(str, lengths)), "-n", "0", "--no-warmup"])
        for test in prefill.json():
            if test["n_prompt"] in plan.prefill:
                rates[f"prefill:{test['n_prompt']}"] = test["avg_ts"]
        before = {plan.before(depth): depth for depth in plan.decode}
        decode = self.bench(plan, ["-p", "0", "-n", str(plan.decoded),
                                   "-d", ",".join(map(str, before))])
        for test in decode.json():
            rates[f"decode:{before[test['n_depth']]}"] = test["avg_ts"]
        # The decoding process also holds llama-bench's copy of the filled cache: not counted.
        memory = {"peak": prefill.memory["VmHWM"], "anonymous": prefill.memory["RssAnon"],
                  "file": prefill.memory["RssFile"]}
        return {"rates": rates, "memory": memory, "others": max(prefill.others, decode.others)}

    def logits(self, prompts, out, plan):
        measure.run([sys.executable, os.path.join(HERE, "llama_model.py"), self.model, "--prompts",
                     prompts, "--logits", out, "--cache-type", self.cache, "--threads",
                     str(plan.threads)], self.llama.environment())
        return np.load(out)


class OnnxRuntime:
    """onnxruntime on the same weights; the accuracy level is MatMulNBits' attribute."""

    main = False

    def __init__(self, model, level):
        self.name = f"onnxruntime MatMulNBits, accuracy level {level or 'default'}"
        self.model, self.level = model, level

    def run(self, plan, arguments):
        return measure.run([sys.executable, os.path.join(HERE, "run_onnxruntime.py"), self.model,
                            "--threads", str(plan.threads), "--decoded", str(plan.decoded),
                            "--capacity", str(max([*plan.prefill, *plan.decode, plan.decoded]) + 2),
                            *arguments])

    def round(self, plan):
        tasks = [f"prefill:{n}" for n in plan.prefill]
        before = {f"decode:{plan.before(n)}": f"decode:{n}" for n in plan.decode}
        done = self.run(plan, ["--tasks", *tasks, *before])
        rates = {before.get(task, task): rate for task, rate in done.json()["rates"].items()}
        memory = {"peak": done.memory["VmHWM"], "anonymous": done.memory["RssAnon"],
                  "file": done.memory["RssFile"]}
        return {"rates": rates, "memory": memory, "others": done.others}

    def logits(self, prompts, out, plan):
        self.run(plan, ["--prompts", prompts, "--logits", out])
        return np.load(out)


class Bluec:
    """`bluec bench` on one bundle. Pictures are encoded in the first round only, for the memory."""

    def __init__(self, binary, bundle):
        self.name = f"bluec {os.path.basename(os.path.abspath(bundle))}"
        self.binary, self.bundle = binary, bundle
        self.encoded = False
        with open(os.path.join(bundle, "manifest.json")) as stream:
            self.geometry = json.load(stream)["geometry"]
        self.main = self.geometry["chunk"] == CHUNK

    def differs(self, shape):
        """What of the bundle's decoder is not as in `shape`: a text, empty when all is."""
        text = self.geometry["text"]
        wanted = {"num_hidden_layers": shape.layers, "hidden_size": shape.width,
                  "intermediate_size": shape.ffn, "num_attention_heads": shape.heads,
                  "num_key_value_heads": shape.heads, "vocab_size": shape.vocabulary}
        return ", ".join(f"{name} {value}, found {text.get(name)}"
                         for name, value in wanted.items() if text.get(name) != value)

    def round(self, plan):
        command = [self.binary, "bench", self.bundle, "--json", "--repeats", "1", "--threads",
                   str(plan.threads), "--decode-tokens", str(plan.decoded), "--prefill",
                   ",".join(map(str, plan.prefill)), "--decode-at",
                   ",".join(str(plan.before(depth)) for depth in plan.decode)]
        done = measure.run(command + (["--encode", "0"] if self.encoded else []))
        self.encoded = True
        bench = done.json()
        rates = {f"prefill:{test['tokens']}": test["tokens_per_second"]["median"]
                 for test in bench["prefill"]}
        depths = {plan.before(depth): depth for depth in plan.decode}
        rates |= {f"decode:{depths[test['depth']]}": test["tokens_per_second"]["median"]
                  for test in bench["decode"]}
        memory = {"peak": bench["memory"]["peak_without_vision"]}
        if bench["encode"]:
            memory["peak_with_vision"] = bench["memory"]["peak"]
        return {"rates": rates, "memory": memory, "others": done.others, "bench": bench}

    def logits(self, texts, out, plan):
        """The first token's logits after each text; `bluec run` tokenizes for itself."""
        found = []
        for text in texts:
            measure.run([self.binary, "run", self.bundle, "--prompt", text, "--max-new-tokens", "1",
                         "--threads", str(plan.threads), "--dump-logits", out])
            found.append(np.fromfile(out, np.float32))
        return np.stack(found)
