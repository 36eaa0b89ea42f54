"""Rows on three axes: a tiny Qwen2-VL answers as transformers does, whatever is cut into chunks or done ahead.

    python3 tests/e2e/positions.py [PART-OF-A-CASE-NAME...]
"""

import json
import os
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from tool import BLUEC, SOURCE, Suite, check, compile_model, copy_bundle, describe, read_bytes, run, scratch, sign_manifest

MODEL = os.path.join(SOURCE, "tests", "golden", "axes")
PICTURE = os.path.join(MODEL, "picture.png")
ANSWERS = json.loads(read_bytes(os.path.join(MODEL, "answers.json")))
TOLERANCE = 1e-5
# Ways in which a conversation can go.
WAYS = [[], ["--no-prefill-ahead"], ["--prefill-while-encoding"], ["--no-decoupling"], ["--typing-rate", "2000"]]

ROOT = scratch("positions")
suite = Suite("e2e/positions")


BUNDLES = {
    chunk: compile_model(os.path.join(ROOT, f"chunk{chunk}"), "--recipe", "float", "--context", "128", "--chunk", str(chunk), model=MODEL)
    for chunk in (5, 64)
}


def ask(path, golden, *options):
    pictures = ["--image", PICTURE] * golden["pictures"]
    return run(BLUEC, "run", path, "--prompt", golden["prompt"], *pictures, "--max-new-tokens", str(len(golden["tokens"])), *options)


def answered(golden, chunk):
    """The logits behind the prompt, and the tokens after it. Chunks of five end inside a picture."""
    logits = os.path.join(ROOT, f"{golden['name']} {chunk}.bin")
    done = ask(BUNDLES[chunk], golden, "--json", "--dump-logits", logits)
    check(done.code == 0, f"expected an answer, found {describe(done)}")
    answer = json.loads(done.out)
    check(answer["prompt_tokens"] == golden["prompt_tokens"], f"expected the prompt {golden['prompt_tokens']}, found {answer['prompt_tokens']}")
    found = struct.unpack(f"<{len(golden['logits'])}f", read_bytes(logits))
    largest = max(abs(number) for number in golden["logits"])
    error = max(abs(a - b) for a, b in zip(found, golden["logits"])) / largest
    check(error <= TOLERANCE, f"expected logits within {TOLERANCE} of transformers', found {error:.1e}")
    check(answer["tokens"] == golden["tokens"], f"expected {golden['tokens']}, found {answer['tokens']}")
    return f"{error:.1e}"


def conversation(options):
    lines = ["/image " + PICTURE, "what is it?", "and then?", "/image " + PICTURE, "/image " + PICTURE, "these two?", "the end"]
    done = run(BLUEC, "chat", BUNDLES[5], "--json", "--max-new-tokens", "6", *options, text="".join(line + "\n" for line in lines))
    check(done.code == 0, f"expected a conversation, found {describe(done)}")
    events = [json.loads(line) for line in done.out.splitlines()]
    return [(event["tokens"], event["position"]) for event in events if event["event"] == "answer"]


def every_way():
    """Guesses, rewinding and pictures in the background change no answer."""
    expected = conversation(WAYS[0])
    check(len(expected) == 4, f"expected four answers, found {len(expected)}")
    for way in WAYS[1:]:
        found = conversation(way)
        check(found == expected, f"{way}: expected {expected}, found {found}")
    return f"{len(WAYS)} ways"


def no_rule():
    """A bundle that does not say where a picture's rows stand answers texts only."""
    path = os.path.join(ROOT, "no-rule")
    copy_bundle(BUNDLES[5], path)
    sign_manifest(path, lambda manifest: manifest["positions"].pop("picture"))
    done = ask(path, ANSWERS[1])
    check(done.code == 1 and "this model places rows on 3 axes" in done.err, f"expected a refusal, found {describe(done)}")
    check(ask(path, ANSWERS[0]).code == 0, "expected an answer to a text")


def other_axes():
    path = os.path.join(ROOT, "other-axes")
    copy_bundle(BUNDLES[5], path)
    sign_manifest(path, lambda manifest: manifest.update(positions={"axes": 2}))
    done = ask(path, ANSWERS[0])
    check(done.code == 1 and "axes of positions: expected 2, found 3" in done.err, f"expected a refusal, found {describe(done)}")


def no_grid():
    """Where nothing says what grid a picture's tokens are, the model is refused."""
    path = os.path.join(ROOT, "no-grid")
    copy_bundle(MODEL, path)
    config = json.loads(read_bytes(os.path.join(path, "config.json")))
    config["vision_config"]["spatial_merge_size"] = 4
    os.remove(os.path.join(path, "config.json"))
    with open(os.path.join(path, "config.json"), "w") as file:
        json.dump(config, file)
    for command in (["compile", path, "-o", os.path.join(ROOT, "refused"), "--context", "128"], ["check", path]):
        done = run(BLUEC, *command)
        check(done.code == 1 and "decoder: positions on 3 axes: expected pictures of one tile" in done.err, f"expected a refusal, found {describe(done)}")


def checked():
    done = run(BLUEC, "check", MODEL, "--json")
    found = json.loads(done.out)["positions"]
    check(found == {"axes": 3, "picture": {"rows": 2, "columns": 6}}, f"expected where rows stand, found {found}")


for chunk in BUNDLES:
    for golden in ANSWERS:
        suite.case(f"{golden['name']}, chunks of {chunk}", answered, golden, chunk)
suite.case("every way", every_way)
suite.case("no rule for pictures", no_rule)
suite.case("other axes", other_axes)
suite.case("no grid", no_grid)
suite.case("what check says", checked)


if __name__ == "__main__":
    suite.main()
