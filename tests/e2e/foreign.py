"""The example model on targets that an emulator runs here: compiled by bluec, answered by a runtime that was built alone for
that kind of machine.

    python3 tests/e2e/foreign.py [PART-OF-A-CASE-NAME...]

Where an emulator or the other machine's compiler is missing there is nothing to run; with BLUEC_REQUIRE_EMULATORS, as in
scripts/test, that is an error.
"""

import json
import os
import platform
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from tiny_goldens import ASKED, FEW, GOLDENS, PICTURES, RECIPES, check_goldens, text_of
from tool import (BLUEC, BUILD, Suite, check, check_refused, compile_model, copy_bundle, describe, read_bytes, replace, run,
                  scratch, sign_manifest)

ROOT = scratch("e2e-foreign")
TOOLS = os.path.join(BUILD, "tests", "bin")
# A target of the machine at hand whose vectors are as wide, and the recipes whose bits are the same with it. (With the other one,
# products of attention are of 8 bits: it weighs values in steps of 1/127, where an unsigned operand has 1/255.)
TWIN = "x86-64-v3-narrow"
TWIN_RECIPES = ("float", "bluelm-v")
# Those of one picture.
SINGLE = [index for index in FEW if ASKED[index][2] in GOLDENS["pictures"]]
suite = Suite("e2e/foreign")


def architecture(target):
    return target["triple"].split("-")[0]


def program(target, name):
    """A command that runs a program of the target's kind."""
    path = (os.path.join(BUILD, f"runtime-{architecture(target)}", name) if name == "bluec-run"
            else os.path.join(TOOLS, f"{name}-{architecture(target)}"))
    return [*target["emulator"], path]


def targets():
    others = [target for target in json.loads(run(BLUEC, "list-targets", "--json").out) if architecture(target) not in ("any", platform.machine())]
    there = [target for target in others if target["emulator"] and os.path.exists(program(target, "answers")[-1])]
    if os.environ.get("BLUEC_REQUIRE_EMULATORS") and there != others:
        sys.exit("e2e/foreign: expected an emulator and programs of the other machine's, found those of "
                 f"{[target['name'] for target in there]} of {[target['name'] for target in others]}")
    return there


def bundle(name, recipe):
    return BUNDLES[name, recipe]


def ask(command, path, threads, which):
    done = run(*command, path, str(threads), text=text_of(which), seconds=900)
    check(done.code == 0, f"expected answers, found {describe(done)}")
    return done.out


# By kind of machine and recipe: the first level's answers. All levels of a kind have the same bits.
FIRST = {}


def goldens(target, recipe, which):
    found = ask(program(target, "answers"), bundle(target["name"], recipe), 2, which)
    said = check_goldens(found, recipe, which)
    name, first = FIRST.setdefault((architecture(target), recipe), (target["name"], found))
    check(first.startswith(found), f"expected the bits of {name}, found others")
    if name != target["name"]:
        said += f", the bits of {name}"
    if recipe not in TWIN_RECIPES:
        return said
    twin = ask([os.path.join(TOOLS, "answers")], bundle(TWIN, recipe), 2, which)
    check(found == twin, f"expected the bits of {TWIN}, found others")
    return f"{said}, the bits of {TWIN}"


def threads(target):
    one, three = (ask(program(target, "answers"), bundle(target["name"], "bluelm-v"), count, SINGLE[:4]) for count in (1, 3))
    check(one == three, "expected the same bits with 1 and 3 threads, found others")


def commands(target):
    """What a user runs on the device."""
    path, entry = bundle(target["name"], "bluelm-v"), GOLDENS["pictures"][0]
    picture = os.path.join(PICTURES, entry["file"])
    done = run(*program(target, "bluec-run"), path, "--image", picture, "--prompt", entry["question"], seconds=600)
    check(done.code == 0 and done.out.rstrip("\n") == entry["answer"], f"expected {entry['answer']!r}, found {describe(done)}")
    first, second = next(turns for turns in GOLDENS["conversations"] if len(turns) > 1)[:2]
    turns = "".join(["".join(f"/image {os.path.join(PICTURES, file)}\n" for file in turn["files"]) + turn["question"] + "\n"
                     for turn in (first, second)])
    done = run(*program(target, "bluec-run"), "--chat", path, text=turns, seconds=600)
    check(done.code == 0 and first["answer"] in done.out and second["answer"] in done.out,
          f"expected {first['answer']!r} and {second['answer']!r}, found {describe(done)}")
    done = run(*program(target, "bluec-run"), "--inspect", path)
    check(done.code == 0 and target["name"] in done.out, f"expected the target's name, found {describe(done)}")


def refused(target):
    """Each is one line, and nothing has run."""
    path, here = bundle(target["name"], "bluelm-v"), bundle(TWIN, "bluelm-v")
    other = architecture(target)
    done = run(BLUEC, "run", path, "--prompt", "x")
    check_refused(done)
    check(f"made for '{other}'" in done.err, f"expected what it was made for, found {done.err}")
    done = run(*program(target, "bluec-run"), here, "--prompt", "x")
    check_refused(done)
    check(f"this machine is '{other}'" in done.err, f"expected what this machine is, found {done.err}")
    swapped = os.path.join(ROOT, "swapped-" + target["name"])
    copy_bundle(path, swapped)
    replace(os.path.join(swapped, "model.so"), read_bytes(os.path.join(here, "model.so")))
    sign_manifest(swapped)
    check_refused(run(*program(target, "bluec-run"), swapped, "--prompt", "x"))
    for name in ("model.so", "weights.bin"):
        cut = os.path.join(ROOT, f"cut-{name}-{target['name']}")
        copy_bundle(path, cut)
        replace(os.path.join(cut, name), read_bytes(os.path.join(path, name))[:5000])
        check_refused(run(*program(target, "bluec-run"), cut, "--prompt", "x"))


def lacks_instructions(target):
    """A CPU of the same kind without the level's instructions."""
    command = program(target, "bluec-run")
    command[command.index("-cpu") + 1] = "cortex-a53"
    done = run(*command, bundle(target["name"], "bluelm-v"), "--prompt", "x")
    check_refused(done)
    check(re.search(r"features that this one lacks: '.*dotprod", done.err), f"expected what the cpu lacks, found {done.err}")


FOREIGN = targets()
BUNDLES = {(name, recipe): compile_model(os.path.join(ROOT, f"{name}-{recipe}"), "--target", name, "--recipe", recipe)
           for name in [TWIN, *(target["name"] for target in FOREIGN)] for recipe in RECIPES if FOREIGN}


def there_are_some():
    return ", ".join(target["name"] for target in FOREIGN) or "none: no emulator, or no compiler for its machine"


suite.case("targets that an emulator runs", there_are_some)
LEVELS = set()
for each in FOREIGN:
    # Levels of one kind of machine differ in products of bytes, which `fast` is about.
    is_first = architecture(each) not in LEVELS
    LEVELS.add(architecture(each))
    for recipe in RECIPES:
        which = (FEW if recipe == "bluelm-v" else SINGLE) if is_first else SINGLE if recipe == "fast" else SINGLE[:6]
        suite.case(f"{each['name']}: {recipe}: tokens are PyTorch's", goldens, each, recipe, which)
    suite.case(f"{each['name']}: any number of threads gives the same bits", threads, each)
    suite.case(f"{each['name']}: bluec-run", commands, each)
    suite.case(f"{each['name']}: bundles for other machines are refused", refused, each)
    suite.case(f"{each['name']}: a cpu without the instructions", lacks_instructions, each)


if __name__ == "__main__":
    suite.main()
