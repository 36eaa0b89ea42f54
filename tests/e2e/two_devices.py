"""A bundle for two devices with targets of their own: patch embeddings on one, all else on the other.
Both are CPUs, of two levels that every machine has here, so that all of it runs.

    python3 tests/e2e/two_devices.py [PART-OF-A-CASE-NAME...]
"""

import json
import os
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from tool import (BLUEC, BUILD, MODEL, Suite, check, check_refused, compile_model, copy_bundle, describe, read_bytes,
                  replace, run, scratch, sign_manifest)

ANSWERS = os.path.join(BUILD, "tests", "bin", "answers")
PICTURES = os.path.join(MODEL, "pictures")
RECIPES = ("bluelm-v", "fast", "float")
LEVELS = ("x86-64-v3", "x86-64-v3-narrow")
# wide-01.png has nine tiles: more than one call, and the last one is not filled.
CASES = "".join(os.path.join(PICTURES, name) + "\tWhat does it say?\n" for name in ("sign-01.png", "wide-01.png"))

ROOT = scratch("e2e-two-devices")
MACHINE = os.path.join(ROOT, "machine.json")


def rate(op, weights, activations):
    return {"op": op, "weights": weights, "activations": activations, "operations_per_second": 1e12}


# One device for the first linear layer, and one that computes everything. Handing over is free from the one to the other, and slow
# back, so that the first device does not take the last layers.
with open(MACHINE, "w") as file:
    json.dump({
        "name": "pair",
        "target": {"vectorBits": 256, "vectorRegisters": 16, "l1Bytes": 32768, "l2Bytes": 524288},
        "devices": [
            {"name": "cpu", "rates": [rate("linear", "f32", "f32")], "weight_bytes_per_second": 1e11, "bytes_per_second": 1e11},
            {"name": "npu", "weight_bytes_per_second": 1e11, "bytes_per_second": 1e11,
             "rates": [rate(op, weights, activations) for op in ("linear", "attention") for weights in ("i4", "i8", "i16", "f16", "f32")
                       for activations in ("i8", "i16", "f32")]},
        ],
        "transfers": [{"from": "cpu", "to": "npu", "bytes_per_second": 1e15, "seconds": 0},
                      {"from": "npu", "to": "cpu", "bytes_per_second": 1e6, "seconds": 1}],
    }, file)
suite = Suite("e2e/two_devices")


def bundle_of(recipe, cpu, npu, batch="4"):
    """The machine puts patch embeddings on its cpu, and all else on its npu."""
    return compile_model(os.path.join(ROOT, f"{recipe}-{cpu}-{npu}-{batch}"), "--recipe", recipe, "--machine", MACHINE,
                         "--image-batch", batch, "--target", cpu, "--device", f"npu={npu}")


def answers(bundle, threads=2):
    done = run(ANSWERS, bundle, str(threads), text=CASES, seconds=300)
    check(done.code == 0, f"expected answers, found {describe(done)}")
    return done.out


def manifest_of(bundle):
    return json.loads(read_bytes(os.path.join(bundle, "manifest.json")))


def same_bits(recipe):
    """Patch embeddings are floats, summed in one order on every level: the rest decides the bits."""
    entries = {entry["name"]: (entry["device"], entry["steps"]) for entry in manifest_of(BUNDLES[recipe, *LEVELS])["entry_points"]}
    check(entries["encode_patches"] == ("cpu", 2) and entries["encode_blocks"][0] == "npu" and entries["decode"][0] == "npu",
          f"expected patch embeddings on the cpu, all else on the npu, found {entries}")
    for cpu, npu in (LEVELS, LEVELS[::-1]):
        bundle = BUNDLES[recipe, cpu, npu]
        found, expected = answers(bundle), answers(bundle_of(recipe, npu, npu))
        check(found == expected, f"{cpu} and {npu}: expected the bits of {npu} alone, found others")
        check(answers(bundle, 1) == found, f"{cpu} and {npu}: expected the same bits with one thread, found others")


def sections(recipe):
    bundle = BUNDLES[recipe, LEVELS[0], LEVELS[1]]
    manifest = manifest_of(bundle)
    devices = {device["name"]: device for device in manifest["devices"]}
    check(devices["cpu"]["code"] == "model.so" and devices["npu"]["code"] == "model.npu.so", f"expected two code files, found {devices}")
    check("target" not in devices["cpu"] and devices["npu"]["target"]["name"] == LEVELS[1] and manifest["target"]["name"] == LEVELS[0],
          f"expected targets {LEVELS}, found {devices} and {manifest['target']}")
    check({"model.so", "model.npu.so"} < set(manifest["files"]), f"expected both code files among {list(manifest['files'])}")
    one = manifest_of(bundle_of(recipe, LEVELS[0], LEVELS[0]))
    check({device["code"] for device in one["devices"]} == {"model.so"}, f"expected one code file for one target, found {one['devices']}")
    done = run(BLUEC, "inspect", bundle)
    check(done.code == 0 and "model.npu.so" in done.out and LEVELS[1] in done.out, f"inspect: expected both sections, found {describe(done)} {done.out}")


def verified(recipe):
    for (name, cpu, npu), bundle in BUNDLES.items():
        if name == recipe:
            done = run(BLUEC, "verify", bundle, "--reference", MODEL, seconds=300)
            check(done.code == 0, f"{cpu} and {npu}: expected exit code 0, found {describe(done)}")


def traced():
    bundle, trace = BUNDLES["bluelm-v", LEVELS[0], LEVELS[1]], os.path.join(ROOT, "trace.json")
    done = run(BLUEC, "run", bundle, "--image", os.path.join(PICTURES, "wide-01.png"), "--prompt", "What does it say?", "--trace", trace)
    check(done.code == 0, f"expected an answer, found {describe(done)}")
    events = json.loads(read_bytes(trace))
    events = events["traceEvents"] if isinstance(events, dict) else events
    text = json.dumps(events)
    check('"cpu"' in text and '"npu"' in text, f"expected both devices, found {text[:600]}")


def overlapped():
    done = run(BLUEC, "bench", BUNDLES["bluelm-v", LEVELS[0], LEVELS[1]], "--encode", "9", "--overlap", "--prefill", "8", "--decode-at", "0",
               "--repeats", "1", "--json")
    check(done.code == 0, f"expected exit code 0, found {describe(done)}")
    found = [test["overlapped"] for test in json.loads(done.out)["encode"]]
    check(found == [False, True], f"expected both orders of stages, found {found}")


def damaged(name, damage, *mentions):
    def body():
        bundle = os.path.join(ROOT, name.replace(" ", "-"))
        copy_bundle(BUNDLES["bluelm-v", LEVELS[0], LEVELS[1]], bundle)
        damage(bundle)
        line = check_refused(run(BLUEC, "run", bundle, "--image", os.path.join(PICTURES, "sign-01.png"), "--prompt", "?"), mentions)
        shutil.rmtree(bundle)
        return line

    suite.case(name, body)


def swap(bundle):
    one, other = (os.path.join(bundle, name) for name in ("model.so", "model.npu.so"))
    first = read_bytes(one)
    replace(one, read_bytes(other))
    replace(other, first)
    sign_manifest(bundle)


def from_another(bundle):
    """The second section of a bundle with other weights and another context."""
    replace(os.path.join(bundle, "model.npu.so"), read_bytes(os.path.join(BUNDLES["fast", LEVELS[0], LEVELS[1]], "model.npu.so")))
    sign_manifest(bundle)


def cut(bundle):
    path = os.path.join(bundle, "model.npu.so")
    replace(path, read_bytes(path)[:-1000])


def without(bundle):
    os.remove(os.path.join(bundle, "model.npu.so"))


def only_first(bundle):
    def edit(manifest):
        manifest["devices"] = manifest["devices"][:1]
    sign_manifest(bundle, edit)


def lacking(bundle):
    def edit(manifest):
        manifest["devices"][1]["target"]["features"].append("hyperdrive")
    sign_manifest(bundle, edit)


def refused(name, code, *flags, says):
    def body():
        done = run(BLUEC, "compile", MODEL, "-o", os.path.join(ROOT, "never"), *flags)
        check(done.code == code and says in done.err, f"expected exit code {code} and {says!r}, found {describe(done)}")
        check(not os.path.exists(os.path.join(ROOT, "never")), "expected no output, found some")
    suite.case(name, body)


BUNDLES = {(recipe, *levels): bundle_of(recipe, *levels) for recipe in RECIPES for levels in (LEVELS, LEVELS[::-1])}
for one in RECIPES:
    suite.case(f"the same bits as one target, {one}", same_bits, one)
    suite.case(f"verify, {one}", verified, one)
suite.case("manifest and inspect", sections, "bluelm-v")
suite.case("a trace with both devices", traced)
suite.case("stages at the same time", overlapped)
damaged("sections in each other's place", swap, r"model\.(npu\.)?so", "device|target")
damaged("a section of another bundle", from_another, r"model\.npu\.so", "weights")
damaged("a section cut short", cut, r"model\.npu\.so")
damaged("a section that is not there", without, r"model\.npu\.so")
damaged("a device whose entries are missing", only_first, "expected")
damaged("a device with features that this machine lacks", lacking, "hyperdrive")
PHONE = ("--machine", "dimensity-9300")
refused("a device without a machine", 2, "--device", "npu=x86-64-v3", says="--device: expected a machine")
refused("a device that the machine lacks", 2, *PHONE, "--device", "dsp=x86-64-v3", says="--device: expected a device of machine dimensity-9300 (cpu, npu), found 'dsp'")
refused("a target that there is not", 2, *PHONE, "--device", "npu=vax", says="--device npu: target: expected host or one of")
refused("a device without a target", 2, *PHONE, "--device", "npu", says="--device: expected NAME=TARGET")
refused("a device twice", 2, *PHONE, "--device", "npu=x86-64-v3", "--device", "npu=x86-64-v4", says="found two")
for form in ("obj", "llvm", "mlir"):
    refused(f"two targets with --emit {form}", 2, *PHONE, "--target", "x86-64-v3", "--device", "npu=x86-64-v4", "--emit", form,
            says="--device: expected --emit bundle")
refused("a form that a device's target lacks", 2, *PHONE, "--device", "npu=null", "--emit", "obj", says="what target null has (text), found obj")
refused("a target that nothing is compiled for", 2, *PHONE, "--target", "x86-64-v4", "--device", "npu=x86-64-v3", "--device", "cpu=x86-64-v3",
        says="--target x86-64-v4: expected an entry that is compiled for it")
refused("a calibration set for a device that does not run here", 2, *PHONE, "--device", "npu=null", "--calibration", PICTURES, "--accuracy-budget", "1",
        says="expected a bundle that runs here, found device npu with target null")
suite.main()
