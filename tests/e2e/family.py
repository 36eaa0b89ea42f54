"""Other models of the family, from ONNX to compiled code: each package of tests/golden/family compiles, and
each layer of the bundle computes what the plain evaluators say, and whole calls what they say of the package's own
graphs. That these say what onnxruntime says is tests/unit/compiler/import's to show.

    python3 tests/e2e/family.py [PART-OF-A-CASE-NAME...]
"""

import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from tool import BLUEC, SOURCE, Suite, check, compile_model, describe, run, scratch

FAMILY = os.path.join(SOURCE, "tests", "golden", "family")
TOLERANCE = 1e-4

ROOT = scratch("family")
suite = Suite("e2e/family")


def package(name):
    model = os.path.join(FAMILY, name)
    # A short chunk, so that verify's prompt takes several and ends in a part of one.
    bundle = compile_model(os.path.join(ROOT, name), "--recipe", "float", "--context", "64", "--chunk", "8", model=model)
    done = run(BLUEC, "verify", bundle, "--reference", model, "--tolerance", str(TOLERANCE), "--onnx", "--json", seconds=300)
    check(done.code == 0, f"expected every call and layer within its tolerance, found {describe(done)}")
    summary = json.loads(done.out)
    layers, onnx = summary["layers"], summary["onnx"]
    check(len(layers) >= 10, f"expected at least ten layers, found {len(layers)}")
    check(not onnx["not_compared"], f"expected the whole context, found all but {onnx['not_compared']}")
    worst = max(part["relative_error"] for part in onnx["compared"])
    return f"{len(layers)} layers; against the graphs {worst:.1e}"


for name in sorted(os.listdir(FAMILY)):
    if any(os.path.isfile(os.path.join(FAMILY, name, file)) for file in ("config.json", "genai_config.json")):
        suite.case(name, package, name)


if __name__ == "__main__":
    suite.main()
