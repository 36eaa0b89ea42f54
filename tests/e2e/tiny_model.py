"""The example model from ONNX to answers, against what PyTorch answered (pictures/goldens.json).

    python3 tests/e2e/tiny_model.py [PART-OF-A-CASE-NAME...]
"""

import json
import os
import platform
import re
import stat
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from tool import (BLUEC, BUILD, MODEL, SOURCE, Suite, check, check_refused, compile_model, copy_bundle, describe,
                  read_bytes, replace, run, scratch, sign_manifest)
from tiny_goldens import ALL, FEW, GOLDENS, PICTURES, RECIPES, check_goldens, text_of

ANSWERS = os.path.join(BUILD, "tests", "bin", "answers")

ROOT = scratch("e2e")
BUNDLES = {recipe: compile_model(os.path.join(ROOT, recipe), "--recipe", recipe) for recipe in RECIPES}
BUNDLE = BUNDLES["float"]
suite = Suite("e2e/tiny_model")


def answers(bundle, threads=2, which=FEW):
    done = run(ANSWERS, bundle, str(threads), text=text_of(which), seconds=300)
    check(done.code == 0, f"expected answers, found {describe(done)}")
    return done.out


def goldens(recipe):
    return check_goldens(answers(BUNDLES[recipe], which=ALL), recipe)


def threads(recipe):
    one = answers(BUNDLES[recipe], 1)
    for count in (2, 3):
        check(answers(BUNDLES[recipe], count) == one, f"expected the same bits with 1 and {count} threads, found others")


def compiled(recipe, option, value):
    return compile_model(os.path.join(ROOT, f"{recipe}{option}-{value}"), "--recipe", recipe, option, str(value))


def same_bits(recipe, option, value):
    bundle = compiled(recipe, option, value)
    check(answers(bundle) == answers(BUNDLES[recipe]), f"expected the bits of the default with {option} {value}, found others")


def machine(recipe, *options):
    """A bundle that was scheduled for a phone: its encoder is in two stages."""
    name = "-".join(option.strip("-") for option in options)
    bundle = compile_model(os.path.join(ROOT, f"{recipe}-phone-{name}"), "--recipe", recipe, "--machine", "dimensity-9300", *options)
    check(answers(bundle) == answers(BUNDLES[recipe]), "expected the bits of the default, found others")
    manifest = json.loads(read_bytes(os.path.join(bundle, "manifest.json")))
    devices = {entry["name"]: entry["device"] for entry in manifest["entry_points"]}
    check(devices.get("encode_patches") == "cpu" and devices.get("encode_blocks") == "npu" and devices.get("decode") == "npu",
          f"expected patches on the cpu and all else on the npu, found {devices}")
    stands = {device["name"]: device["runs_on"] for device in manifest["devices"]}
    check(manifest["machine"]["name"] == "dimensity-9300" and stands.get("npu") == "cpu",
          f"expected the machine and what stands for its npu, found {manifest.get('machine')} {manifest.get('devices')}")
    done = run(BLUEC, "verify", bundle, "--reference", MODEL, seconds=300)
    check(done.code == 0, f"verify: expected exit code 0, found {describe(done)}")
    done = run(BLUEC, "bench", bundle, "--encode", "9", "--overlap", "--prefill", "8", "--decode-at", "0", "--repeats", "1", "--json")
    check(done.code == 0, f"bench: expected exit code 0, found {describe(done)}")
    tests = json.loads(done.out)["encode"]
    check([test["overlapped"] for test in tests] == [False, True], f"expected both orders of stages, found {tests}")
    return f"batch {manifest['geometry']['image_batch']}, calls of {[call['tiles'] for call in tests[0]['calls'] if call['entry'].startswith('encode_blocks')]}"


def target(recipe, name):
    return check_goldens(answers(compiled(recipe, "--target", name), which=ALL), recipe)


def context():
    """A context that a prompt does not fit into is said, not cut."""
    bundle = compile_model(os.path.join(ROOT, "context-32"), "--context", "32", "--chunk", "16")
    entry = max(GOLDENS["pictures"], key=lambda entry: len(entry["prompt_ids"]))
    done = run(BLUEC, "run", bundle, "--image", os.path.join(PICTURES, entry["file"]), "--prompt", entry["question"])
    check(done.code == 1 and re.search(r"\b32\b", done.err), f"expected exit code 1 and the context of 32, found {describe(done)}")


def same_bytes(recipe):
    bundle, other = BUNDLES[recipe], os.path.join(ROOT, "again", recipe, "somewhere", "else")
    os.makedirs(os.path.dirname(other))
    compile_model(other, "--recipe", recipe, "--jobs", "1", cwd=os.path.dirname(other))
    check(sorted(os.listdir(other)) == sorted(os.listdir(bundle)), "expected the same files, found others")
    for name in sorted(os.listdir(bundle)):
        check(read_bytes(os.path.join(bundle, name)) == read_bytes(os.path.join(other, name)),
              f"{name}: expected the same bytes from a second compilation, found others")


def overwrite():
    """An output that exists is replaced by a bundle, and kept when the compilation fails."""
    bundle = compile_model(os.path.join(ROOT, "twice"))
    before = read_bytes(os.path.join(bundle, "manifest.json"))
    done = run(BLUEC, "compile", PICTURES, "-o", bundle)
    check(done.code == 1, f"expected exit code 1, found {describe(done)}")
    check(read_bytes(os.path.join(bundle, "manifest.json")) == before, "expected the old bundle to stay, found it changed")
    done = run(BLUEC, "compile", MODEL, "-o", bundle)
    check(done.code == 0, f"expected a bundle to be replaced, found {describe(done)}")
    precious = os.path.join(ROOT, "precious")
    os.makedirs(precious)
    replace(os.path.join(precious, "thesis.txt"), b"years of work")
    done = run(BLUEC, "compile", MODEL, "-o", precious)
    check(done.code in (1, 2) and os.listdir(precious) == ["thesis.txt"],
          f"expected a folder that is no bundle to be left alone, found {describe(done)}")


def odd_outputs():
    """Only files and bundles are replaced: no link, no pipe, and a full disk is not success."""
    pipe, link = os.path.join(ROOT, "pipe"), os.path.join(ROOT, "link")
    os.mkfifo(pipe)
    os.symlink(BUNDLE, link)
    for arguments in (["-o", pipe, "--emit", "mlir"], ["-o", link]):
        check_refused(run(BLUEC, "compile", MODEL, *arguments))
    check(stat.S_ISFIFO(os.lstat(pipe).st_mode) and os.path.islink(link), "expected pipe and link to stay, found them replaced")
    for arguments in ("list-targets", f"inspect {BUNDLE}", f"run {BUNDLE} --prompt x"):
        done = run("/bin/sh", "-c", f"{BLUEC} {arguments} >/dev/full")
        check(done.code == 1 and "standard output" in done.err, f"{arguments}: expected exit code 1, found {describe(done)}")


def two_pictures(recipe):
    """Two pictures in one prompt, as typed: the runtime puts them before the question, in the order given."""
    together = [turns[0] for turns in GOLDENS["conversations"] if len(turns[0]["files"]) == 2]
    check(len(together) >= 4, f"expected at least 4 questions about two pictures, found {len(together)}")
    for entry in together:
        images = [word for file in entry["files"] for word in ("--image", os.path.join(PICTURES, file))]
        done = run(BLUEC, "run", BUNDLES[recipe], *images, "--prompt", entry["question"], "--json")
        where = f"{' and '.join(entry['files'])}: {entry['question']} "
        check(done.code == 0, f"{where}expected an answer, found {describe(done)}")
        said = json.loads(done.out)
        check(said["tiles"] == sum(entry["tiles"]), f"{where}expected {sum(entry['tiles'])} tiles, found {said['tiles']}")
        check(said["text"] == entry["answer"], f"{where}expected {entry['answer']!r}, found {said['text']!r}")
    return f"{len(together)} questions"


def command_line():
    entry = GOLDENS["pictures"][0]
    picture = os.path.join(PICTURES, entry["file"])
    done = run(BLUEC, "run", BUNDLE, "--image", picture, "--prompt", entry["question"], "--max-new-tokens", "32")
    check(done.code == 0 and done.err == "", f"expected an answer and a quiet stderr, found {describe(done)}")
    check(done.out.rstrip("\n") == entry["generated_text"].rstrip("\n"), f"expected {entry['generated_text']!r}, found {done.out!r}")
    done = run(BLUEC, "run", BUNDLE, "--image", picture, "--prompt", entry["question"], "--max-new-tokens", "32", "--json")
    check(done.code == 0, f"expected exit code 0, found {describe(done)}")
    said = json.loads(done.out)
    tokens = next((said[key] for key in ("tokens", "answer_tokens", "ids") if key in said), None)
    check(tokens == entry["generated_ids"], f"expected the tokens {entry['generated_ids']}, found {done.out}")


def sampling():
    entry = GOLDENS["pictures"][0]
    command = [BLUEC, "run", BUNDLE, "--image", os.path.join(PICTURES, entry["file"]), "--prompt", entry["question"],
               "--temperature", "1.5", "--top-p", "0.99", "--max-new-tokens", "16"]
    first = run(*command, "--seed", "1")
    check(first.code == 0, f"expected exit code 0, found {describe(first)}")
    check(run(*command, "--seed", "1").out == first.out, "expected the same text from the same seed, found another")


def inspect():
    done = run(BLUEC, "inspect", BUNDLE)
    check(done.code == 0, f"expected exit code 0, found {describe(done)}")
    for word in ("target", "recipe", "context", "chunk", "encode", "embed", "prefill", "decode", "weights", "arena", "kv", "sha"):
        check(re.search(word, done.out, re.I), f"expected {word} in the description, found none")
    done = run(BLUEC, "inspect", BUNDLE, "--json")
    check(done.code == 0, f"expected exit code 0, found {describe(done)}")
    json.loads(done.out)
    manifest = json.loads(read_bytes(os.path.join(BUNDLE, "manifest.json")))
    for key in ("target", "recipe", "geometry", "entry_points", "memory_plan", "precision", "fusions",
                "files"):
        check(manifest.get(key), f"manifest.json: expected {key}, found none")


def inspect_precision(recipe, *lines):
    done = run(BLUEC, "inspect", BUNDLES[recipe])
    check(done.code == 0, f"expected exit code 0, found {describe(done)}")
    for line in lines:
        check(re.search(line, done.out), f"expected {line} in the description, found none in:\n{done.out}")


def verify():
    done = run(BLUEC, "verify", BUNDLE, "--reference", MODEL, seconds=300)
    check(done.code == 0, f"expected exit code 0, found {describe(done)}")


def verify_fails():
    """One weight in the middle is wrong; hashes are right, so that only verify can tell."""
    bundle = os.path.join(ROOT, "wrong-weight")
    copy_bundle(BUNDLE, bundle)
    path = os.path.join(bundle, "weights.bin")
    data = bytearray(read_bytes(path))
    at = len(data) * 3 // 4 // 64 * 64
    data[at : at + 64] = struct.pack("<16f", *[1000.0] * 16)
    replace(path, bytes(data))
    sign_manifest(bundle)
    done = run(BLUEC, "verify", bundle, "--reference", MODEL, seconds=300)
    check(done.code == 1, f"expected exit code 1, found {describe(done)}")
    return (done.err or done.out).strip().split("\n")[-1]


def verify_names():
    """The code of one step in the middle reads another layer's weights; hashes are right. What is named is its layer, and
    none of those after it, though they are far from what they would be without it."""
    dumps, bundle = os.path.join(ROOT, "dumps"), os.path.join(ROOT, "wrong-step")
    compile_model(bundle, "--recipe", "bluelm-v", "--dump-phases-to", dumps)
    plan = read_bytes(os.path.join(dumps, "4-schedule.mlir")).decode()
    offsets = dict(re.findall(r'plan\.weight @"([^"]+)".* offset (\d+)', plan))
    here, there = (struct.pack("<I", int(offsets[f"decoder/layers.{layer}/mlp/down_proj.weight"])) for layer in (1, 2))
    code = read_bytes(os.path.join(bundle, "model.so"))
    check(code.count(here) == 2, f"expected two entries that add the weight's offset, found {code.count(here)}")
    replace(os.path.join(bundle, "model.so"), code.replace(here, there))
    sign_manifest(bundle)
    done = run(BLUEC, "verify", bundle, "--reference", MODEL, "--json", seconds=300)
    check(done.code == 1 and "prefill decoder/layers.1/add_2 (step decoder/layers.1/mlp/down_proj): expected a relative error" in done.err
          and "all other layers are right" in done.err, f"expected the one step, found {done.err}")
    said = json.loads(done.out)
    check([(each["entry"], each["layer"]) for each in said["wrong"]] == [("prefill", "decoder/layers.1/add_2"), ("decode", "decoder/layers.1/add_2")],
          f"expected one layer of two entries, found {said['wrong']}")
    after = [each for each in said["layers"] if re.match(r"decoder/layers\.[23]/", each["layer"])]
    check(len(after) >= 40 and all(each["own_error"] <= each["limit"] for each in after), "expected the layers after it to be right")
    worst = min(each["accumulated_error"] for each in after)
    check(worst > 0.05, f"expected the chain after it to be far off, found {worst:.1e}")
    return done.err.strip()


def phases():
    """Each phase can be stopped at, and its dump read again."""
    folder = os.path.join(ROOT, "phases")
    done = run(BLUEC, "compile", MODEL, "-o", os.path.join(ROOT, "dumped"), "--dump-phases-to", folder)
    check(done.code == 0, f"expected exit code 0, found {describe(done)}")
    dumps = sorted(os.listdir(folder))
    check(len(dumps) >= 4, f"expected a file for each phase, found {dumps}")
    for name in dumps:
        if re.search("model|precision|schedule", name):
            check(read_bytes(os.path.join(folder, name)).startswith(b"// In short:"), f"{name}: expected a summary at its top, found none")
    for name in dumps:
        if not name.endswith(".mlir"):
            continue
        check(os.path.getsize(os.path.join(folder, name)) < 16 << 20, f"{name}: expected elided weights, found {os.path.getsize(os.path.join(folder, name))} bytes")
        done = run(os.path.join(BUILD, "bin", "bluec-opt"), os.path.join(folder, name), "-o", os.devnull)
        check(done.code == 0, f"{name}: expected bluec-opt to read it, found {describe(done)}")
    for phase in ("import", "model", "schedule"):
        out = os.path.join(ROOT, "stopped-" + phase)
        done = run(BLUEC, "compile", MODEL, "-o", out, "--stop-after", phase)
        check(done.code == 0, f"--stop-after {phase}: expected exit code 0, found {describe(done)}")
    return f"{len(dumps)} dumps"


def usage():
    for arguments in ([], ["frobnicate"], ["compile"], ["compile", MODEL], ["compile", MODEL, "-o", os.path.join(ROOT, "x"), "--frobnicate"],
                      ["compile", MODEL, "-o", os.path.join(ROOT, "x"), "--chunk", "0"],
                      ["compile", MODEL, "-o", os.path.join(ROOT, "x"), "--chunk", "many"],
                      ["compile", MODEL, "-o", os.path.join(ROOT, "x"), "--target", "frobnicator"],
                      ["compile", MODEL, "-o", os.path.join(ROOT, "x"), "--stop-after", "lunch"],
                      ["run", BUNDLE], ["run", BUNDLE, "--prompt", "x", "--temperature", "-1"],
                      ["run", BUNDLE, "--prompt", "x", "--temperature", "nan"], ["run", BUNDLE, "--prompt", "x", "--top-p", "0"],
                      ["run", BUNDLE, "--prompt", "x", "--max-new-tokens", "-1"], ["run", BUNDLE, "--prompt", "x", "--seed", "-1"],
                      ["run", BUNDLE, "--prompt", "x", "--threads", "-5"],
                      ["compile", MODEL, "-o", os.path.join(ROOT, "x"), "--context", "7", "--chunk", "7"],
                      ["compile", MODEL, "-o", os.path.join(ROOT, "x"), "--memory-budget", ""],
                      ["compile", MODEL, "-o", os.path.join(ROOT, "x"), "--image-batch", "auto"],
                      ["compile", MODEL, "-o", os.path.join(ROOT, "x"), "--image-batch", "0"],
                      ["compile", MODEL, "-o", os.path.join(ROOT, "x"), "--image-batch", "65"],
                      ["compile", MODEL, "-o", os.path.join(ROOT, "x"), "--machine", "toaster"],
                      ["bench", BUNDLE, "--encode", "many"],
                      ["compile", MODEL, "-o", os.path.join(ROOT, "x"), "--dump-phases-to", os.path.join(ROOT, "x", "dumps")],
                      ["verify", BUNDLE, "--reference", MODEL, "--tolerance", "nan"]):
        done = run(BLUEC, *arguments)
        check(done.code == 2, f"bluec {' '.join(arguments)}: expected exit code 2, found {describe(done)}")
        check(done.err.strip(), f"bluec {' '.join(arguments)}: expected a reason on stderr, found none")
    check(not os.path.exists(os.path.join(ROOT, "x")), "expected no output of a wrong command line, found one")


def other_targets():
    """What this machine runs beside the host, which all other cases are about. Targets that it does not run are compiled
    in tests/unit/targets and tests/lit/bluec; C++ source has cpp_source.py."""
    done = run(BLUEC, "list-targets", "--json")
    return [target["name"] for target in json.loads(done.out) if target["can_be_host_here"] and not target["host"]]


for recipe in RECIPES:
    suite.case(f"{recipe}: tokens and logits are PyTorch's", goldens, recipe)
    suite.case(f"{recipe}: any number of threads gives the same bits", threads, recipe)
    for length in (1, 7, 32, 128):
        suite.case(f"{recipe}: --chunk {length} gives the same bits", same_bits, recipe, "--chunk", length)
    for batch in (1, 2, 3):
        suite.case(f"{recipe}: --image-batch {batch} gives the same bits", same_bits, recipe, "--image-batch", batch)
    suite.case(f"{recipe}: two pictures in one prompt", two_pictures, recipe)
    suite.case(f"{recipe}: compiling twice gives the same bytes", same_bytes, recipe)
    for name in other_targets():
        suite.case(f"{recipe}: --target {name}", target, recipe, name)
suite.case("bluelm-v: a phone's schedule gives the same bits", machine, "bluelm-v", "--image-batch", "2")
suite.case("bluelm-v: the batch that is best for a phone gives the same bits", machine, "bluelm-v", "--image-batch", "auto")
suite.case("a prompt beyond the context", context)
suite.case("an output that exists", overwrite)
suite.case("outputs that are no files", odd_outputs)
suite.case("bluec run", command_line)
suite.case("the same seed gives the same text", sampling)
suite.case("bluec inspect", inspect)
suite.case("bluec inspect: bluelm-v", inspect_precision, "bluelm-v", r"language +\d+ .* i4 group 64 scale f16",
           r"vision +\d+ .* i8 group 128 scale f16", r"kv cache .* i8 group 32 scale f16, products in i16",
           r"decoder/layers\.\*/mlp/up_proj +4 .* i4 group 64 scale f16 x i16 group row scale f32")
suite.case("bluec inspect: float", inspect_precision, "float", r"decoder/layers\.\*/mlp/up_proj +4 .* f32 x f32", r"kv cache .* f32")
suite.case("bluec verify", verify)
suite.case("bluec verify finds a wrong weight", verify_fails)
# Offsets are whole words in the code of this kind of machine only.
if platform.machine() == "x86_64":
    suite.case("bluec verify names the one wrong step", verify_names)
suite.case("phases", phases)
suite.case("wrong command lines", usage)


if __name__ == "__main__":
    suite.main()
