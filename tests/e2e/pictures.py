"""A picture file and a question through whole models of other families: the ids that are fed and the greedy answer are those
of transformers' processor and generate(). The packages are tests/golden/pictures (scripts/make_picture_goldens).

    python3 tests/e2e/pictures.py [PART-OF-A-CASE-NAME...]
"""

import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from tool import BLUEC, BUILD, SOURCE, Suite, check, compile_model, describe, run, scratch

ANSWERS = os.path.join(BUILD, "tests", "bin", "answers")
FOLDER = os.path.join(SOURCE, "tests", "golden", "pictures")
ROOT = scratch("pictures")
suite = Suite("e2e/pictures")


def answers(name):
    package = os.path.join(FOLDER, name)
    with open(os.path.join(package, "goldens.json"), encoding="utf-8") as file:
        golden = json.load(file)["answer"]
    bundle = compile_model(os.path.join(ROOT, name), "--recipe", "float", *golden.get("compile", []), model=package)
    done = run(BLUEC, "run", bundle, "--image", os.path.join(package, "picture.png"), "--prompt", golden["prompt"], "--json")
    check(done.code == 0, f"expected an answer, found {describe(done)}")
    found = json.loads(done.out)
    check(found["prompt_tokens"] == golden["ids"], f"expected the ids {golden['ids']}, found {found['prompt_tokens']}")
    check(found["tokens"] == golden["answer"], f"expected the answer {golden['answer']}, found {found['tokens']}")
    return f"{len(golden['ids'])} ids and {len(golden['answer'])} tokens of an answer"


def ahead(name):
    """Two turns with pictures, whatever is prefilled before the question is there."""
    package = os.path.join(FOLDER, name)
    picture = os.path.join(package, "picture.png")
    with open(os.path.join(package, "goldens.json"), encoding="utf-8") as file:
        golden = json.load(file)["answer"]
    bundle = compile_model(os.path.join(ROOT, name + "-ahead"), "--recipe", "float", "--chunk", "16", *golden.get("compile", []), model=package)
    turns = f"{picture}\t{golden['prompt']}\n+\t{picture}\t{picture}\tAnd these?\n+\tWhy?\n"
    found = []
    for mode in range(3):
        done = run(ANSWERS, bundle, "2", str(mode), text=turns)
        check(done.code == 0, f"expected answers, found {describe(done)}")
        found.append(done.out)
    check(found[0] == found[1] == found[2], "expected the same ids and logits, whatever is prefilled ahead, found others")
    first = [int(id) for id in found[0].splitlines()[0].split()[1:]]
    check(first == golden["ids"], f"expected the ids {golden['ids']}, found {first}")
    return f"{len(found[0].split())} ids and logits"


for name in sorted(os.listdir(FOLDER)):
    if os.path.isfile(os.path.join(FOLDER, name, "vision_encoder.onnx")):
        suite.case(name, answers, name)
        suite.case(f"{name}: prefilled ahead", ahead, name)


if __name__ == "__main__":
    suite.main()
