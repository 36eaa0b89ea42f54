"""A picture file and a question through whole models of other families: the ids that are fed and the greedy answer are those
of transformers' processor and generate(). The packages are tests/golden/pictures (scripts/make_picture_goldens).

    python3 tests/e2e/pictures.py [PART-OF-A-CASE-NAME...]
"""

import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from tool import BLUEC, SOURCE, Suite, check, compile_model, describe, run, scratch

FOLDER = os.path.join(SOURCE, "tests", "golden", "pictures")
ROOT = scratch("pictures")
suite = Suite("e2e/pictures")


def answers(name):
    package = os.path.join(FOLDER, name)
    with open(os.path.join(package, "goldens.json"), encoding="utf-8") as file:
        golden = json.load(file)["answer"]
    bundle = compile_model(os.path.join(ROOT, name), "--recipe", "float", model=package)
    done = run(BLUEC, "run", bundle, "--image", os.path.join(package, "picture.png"), "--prompt", golden["prompt"], "--json")
    check(done.code == 0, f"expected an answer, found {describe(done)}")
    found = json.loads(done.out)
    check(found["prompt_tokens"] == golden["ids"], f"expected the ids {golden['ids']}, found {found['prompt_tokens']}")
    check(found["tokens"] == golden["answer"], f"expected the answer {golden['answer']}, found {found['tokens']}")
    return f"{len(golden['ids'])} ids and {len(golden['answer'])} tokens of an answer"


for name in sorted(os.listdir(FOLDER)):
    if os.path.isfile(os.path.join(FOLDER, name, "vision_encoder.onnx")):
        suite.case(name, answers, name)


if __name__ == "__main__":
    suite.main()
