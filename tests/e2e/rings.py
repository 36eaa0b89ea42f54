"""Layers with a window keep a ring of positions in the KV cache. Each layer of such a bundle computes what the evaluators say over
contexts of many times the ring, the bits of the answers are those of a bundle that keeps all positions, and the cache is smaller.

    python3 tests/e2e/rings.py [PART-OF-A-CASE-NAME...]
"""

import json
import os
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from tool import BLUEC, BUILD, SOURCE, Suite, check, compile_model, describe, edit_json, read_bytes, run, scratch

ANSWERS = os.path.join(BUILD, "tests", "bin", "answers")
FAMILY = os.path.join(SOURCE, "tests", "golden", "family")
PICTURES = os.path.join(SOURCE, "tests", "golden", "pictures", "gemma3")  # with a tokenizer; windows of 24 in both layers
ROOT = scratch("rings")
WINDOWED = ("gemma2-dynamo20", "gemma3-text-ts17")  # one of the two layers has a window of 4
CONTEXT, RING = 600, 128  # a window of 4, a chunk of 8: one stretch
suite = Suite("e2e/rings")


def model(name):
    """A package of the family, as if it had been trained for a longer context."""
    return os.path.join(ROOT, "model-" + name)


for each in WINDOWED:
    shutil.copytree(os.path.join(FAMILY, each), model(each))
    edit_json(os.path.join(model(each), "config.json"), lambda config: config.update(max_position_embeddings=1024))


def bundle(name, rewind):
    return compile_model(os.path.join(ROOT, f"{name}-{rewind}"), "--recipe", "float", "--context", str(CONTEXT), "--chunk", "8",
                         "--rewind", str(rewind), model=model(name))


def bytes_of_cache(path):
    return json.loads(read_bytes(os.path.join(path, "manifest.json")))["memory_plan"]["kv_bytes"]


def layers_are_right(name):
    """The whole context in chunks and token by token: it goes four times round the ring."""
    done = run(BLUEC, "verify", bundle(name, 0), "--reference", model(name), "--onnx", "--json", seconds=600)
    check(done.code == 0, f"expected every layer within its tolerance, found {describe(done)}")
    summary = json.loads(done.out)
    check(not summary["onnx"]["not_compared"], f"expected the whole context, found all but {summary['onnx']['not_compared']}")
    worst = max(part["relative_error"] for part in summary["onnx"]["compared"])
    return f"{len(summary['layers'])} layers; against the graphs {worst:.1e}"


def smaller(name):
    ring, whole = (bytes_of_cache(bundle(name, rewind)) for rewind in (0, CONTEXT))
    share = 0.5 + 0.5 * RING / CONTEXT
    check(abs(ring / whole - share) < 0.05, f"expected a cache of {share:.2f} of that of all positions, found {ring} of {whole} bytes")
    return f"{ring} of {whole} bytes"


def conversations(recipe):
    """Turns with pictures up to three times round the ring, prefilled ahead or not, cancelled and taken up again: ids, tokens and
    the bits of logits are those of a bundle that keeps all positions."""
    picture = os.path.join(PICTURES, "picture.png")
    turns = [f"{picture}\tWhat is it?", "+\tWhy?", f"+\t{picture}\t{picture}\tAnd these two?"] + ["+\tGo on."] * 3
    talk = "\n".join(turns + ["Another one.", "+\tAnd then?"]) + "\n"
    found = []
    for rewind in (512, 0):
        path = compile_model(os.path.join(ROOT, f"talk-{recipe}-{rewind}"), "--recipe", recipe, "--context", "512", "--chunk", "16",
                             "--rewind", str(rewind), model=PICTURES)
        for options in (["0"], ["1"], ["2", "3"]):
            done = run(ANSWERS, path, "2", *options, text=talk)
            check(done.code == 0, f"expected answers, found {describe(done)}")
            found.append(done.out)
    fed = max(len(line.split()) for line in found[0].splitlines() if line.startswith("turn"))
    check(all(each == found[0] for each in found), "expected the same ids and logits with rings, found others")
    rows = sum(len(line.split()) - 1 for line in found[0].splitlines()[:24] if not line.startswith("logits"))
    check(rows > 3 * RING, f"expected a conversation of three rings, found one of {rows} tokens")
    return f"{rows} tokens, turns of up to {fed}"


def too_short_for_a_ring():
    """Where a ring would be as long as the context, all positions are kept, and nothing is said of rings."""
    path = compile_model(os.path.join(ROOT, "short"), "--recipe", "float", "--context", "128", "--chunk", "8", model=model("gemma2-dynamo20"))
    whole = compile_model(os.path.join(ROOT, "short-all"), "--recipe", "float", "--context", "128", "--chunk", "8", "--rewind", "128",
                          model=model("gemma2-dynamo20"))
    check(bytes_of_cache(path) == bytes_of_cache(whole), "expected no ring")


for each in WINDOWED:
    suite.case(f"layers {each}", layers_are_right, each)
    suite.case(f"size {each}", smaller, each)
for each in ("float", "bluelm-v", "fast"):
    suite.case(f"conversations {each}", conversations, each)
suite.case("short", too_short_for_a_ring)


if __name__ == "__main__":
    suite.main()
