"""The example model on targets that an emulator runs here: compiled by bluec, answered by a runtime that was built alone for
that kind of machine.

    python3 tests/e2e/foreign.py [PART-OF-A-CASE-NAME...]

Where an emulator or the other machine's compiler is missing there is nothing to run; with BLUEC_REQUIRE_EMULATORS, as in
scripts/test, that is an error.
"""

import json
import os
import re
import shutil
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from tiny_goldens import ASKED, FEW, GOLDENS, PICTURES, RECIPES, check_goldens, text_of
from tool import (BLUEC, BUILD, MODEL, Suite, architecture, check, check_refused, compile_model, copy_bundle, describe,
                  foreign_targets, program, read_bytes, replace, run, scratch, sign_manifest)

ROOT = scratch("e2e-foreign")
TOOLS = os.path.join(BUILD, "tests", "bin")
# A target of the machine at hand whose vectors are as wide, and the recipes whose bits are the same with it. (With the other one,
# products of attention are of 8 bits: it weighs values in steps of 1/127, where an unsigned operand has 1/255.)
TWIN = "x86-64-v3-narrow"
TWIN_RECIPES = ("float", "bluelm-v")
# Those of one picture.
SINGLE = [index for index in FEW if ASKED[index][2] in GOLDENS["pictures"]]
# A calibration set, and a recipe that needs one.
QUESTIONS, CALIBRATED = os.path.join(ROOT, "questions"), os.path.join(ROOT, "calibrated.json")
os.makedirs(QUESTIONS)
shutil.copy(os.path.join(PICTURES, "sign-01.png"), QUESTIONS)
replace(os.path.join(QUESTIONS, "prompts.txt"), "What does it say?\nsign-01.png\tWhat does it say?\n")
replace(CALIBRATED, json.dumps({"name": "calibrated", "rules": [
    {"match": "vision/*", "weights": {"type": "i8", "group": 128, "method": "gptq"}, "activations": {"type": "i16", "static": True}},
    {"match": "decoder/*", "weights": {"type": "i4", "group": 64, "method": "gptq"}, "activations": {"type": "i16"}, "cache": {"type": "i8"}}]}))
# fadd of four floats (registers left out), and the bit that makes it fsub.
FADD, FADD_MASK, FSUB = 0x4E20D400, 0xFFE0FC00, 0x00800000
suite = Suite("e2e/foreign")


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


def verified(target, recipe):
    """Layer by layer against the plain evaluators, by code that the emulator runs."""
    path = bundle(target["name"], recipe)
    done = run(BLUEC, "verify", path, "--reference", MODEL, "--tokens", "40", "--json", seconds=300)
    check(done.code == 0, f"expected layers within the tolerance, found {describe(done)}")
    said = json.loads(done.out)
    check(said["emulator"] == " ".join(target["emulator"]), f"expected the target's emulator, found {said['emulator']}")
    check(len(said["layers"]) > 100, f"expected the layers of all entry points, found {len(said['layers'])}")
    if recipe == "float":
        # Code that subtracts where it should add, and hashes that are right: what is compared is what that code gives.
        changed = os.path.join(ROOT, f"changed-{target['name']}")
        copy_bundle(path, changed)
        code = bytearray(read_bytes(os.path.join(path, "model.so")))
        for at in range(0, len(code) - 3, 4):
            (word,) = struct.unpack_from("<I", code, at)
            if word & FADD_MASK == FADD:
                struct.pack_into("<I", code, at, word | FSUB)
        replace(os.path.join(changed, "model.so"), bytes(code))
        sign_manifest(changed)
        done = run(BLUEC, "verify", changed, "--reference", MODEL, "--tokens", "4", seconds=300)
        check_refused(done, ["expected a relative error of at most .*, found"])
    return f"{len(said['layers'])} layers, worst {said['worst']['own_error']:.1e}"


def calibrated(target):
    """What a recipe costs is measured on the code for the other machine, and a budget holds for it."""
    path = os.path.join(ROOT, "calibrated-" + target["name"])
    flags = ("--target", target["name"], "--recipe", CALIBRATED, "--calibration", QUESTIONS, "--chunk", "16")
    compile_model(path, *flags, "--accuracy-budget", "1")
    found = json.loads(read_bytes(os.path.join(path, "manifest.json")))["accuracy"]
    check(found["tokens"] > 0 and 0 < found["mean_divergence"] < 1, f"expected what the recipe costs, found {found}")
    done = run(BLUEC, "verify", path, "--reference", MODEL, "--calibration", QUESTIONS, "--tokens", "20", seconds=300)
    check(done.code == 0 and "run by" in done.out, f"expected layers within the tolerance, found {describe(done)}")
    over = os.path.join(ROOT, "over-" + target["name"])
    done = run(BLUEC, "compile", MODEL, "-o", over, *flags, "--accuracy-budget", "1e-9", seconds=300)
    check_refused(done, ["--accuracy-budget: expected a mean KL divergence of at most 1.000e-09"])
    check(not os.path.exists(over), "expected no output")
    # The same set gives the same bundle: nothing of it depends on what was measured where.
    again = os.path.join(ROOT, "again-" + target["name"])
    compile_model(again, *flags)
    for name in ("weights.bin", "model.so", "manifest.json"):
        check(read_bytes(os.path.join(path, name)) == read_bytes(os.path.join(again, name)), f"expected the same {name}")
    return f"{found['mean_divergence']:.1e} nats a token"


def two_kinds(target):
    """Devices of two kinds of machines have no memory in common here."""
    path = os.path.join(ROOT, "two-kinds-" + target["name"])
    flags = ("--target", target["name"], "--machine", "dimensity-9300", "--device", f"npu={TWIN}")
    compile_model(path, *flags)
    done = run(BLUEC, "verify", path, "--reference", MODEL)
    check_refused(done, ["expected code for machines of one kind in the bundle, found it for two"])
    done = run(BLUEC, "compile", MODEL, "-o", path + "-measured", *flags, "--calibration", QUESTIONS, "--accuracy-budget", "1")
    check(done.code == 2 and "which are not run by the same" in done.err, f"expected a refusal, found {describe(done)}")


def untimed(target):
    """What an emulator cannot tell is refused: how long something takes."""
    done = run(BLUEC, "bench", bundle(target["name"], "bluelm-v"))
    check_refused(done, [f"made for '{architecture(target)}'"])
    done = run(BLUEC, "calibrate-machine", "--target", target["name"], "-o", os.path.join(ROOT, "machine.json"))
    check(done.code == 2 and "expected one that runs on this machine" in done.err, f"expected a refusal, found {describe(done)}")


def lacks_instructions(target):
    """A CPU of the same kind without the level's instructions."""
    command = program(target, "bluec-run")
    command[command.index("-cpu") + 1] = "cortex-a53"
    done = run(*command, bundle(target["name"], "bluelm-v"), "--prompt", "x")
    check_refused(done)
    check(re.search(r"features that this one lacks: '.*dotprod", done.err), f"expected what the cpu lacks, found {done.err}")


FOREIGN = foreign_targets()
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
    for recipe in RECIPES if is_first else ("fast",):
        suite.case(f"{each['name']}: {recipe}: verify", verified, each, recipe)
    suite.case(f"{each['name']}: calibration and accuracy budget", calibrated, each)
    suite.case(f"{each['name']}: two kinds of machines in a bundle", two_kinds, each)
    suite.case(f"{each['name']}: bench and calibrate-machine are refused", untimed, each)


if __name__ == "__main__":
    suite.main()
