"""Bundles that are damaged, cut short, foreign or inconsistent. bluec run and bluec inspect have to
refuse each with exit code 1 and one line that names the place.

    python3 tests/hostile/bundle.py [--target TARGET] [PART-OF-A-CASE-NAME...]

With a target of another kind of machine, its runtime reads its bundles under an emulator; where that is missing there is nothing to
run. Without one it is bluec itself.
"""

import os
import json
import random
import re
import shutil
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from tool import (BLUEC, MODEL, Suite, check, check_refused, compile_model, copy_bundle, describe,
                  foreign_targets, program, read_bytes, replace, run, scratch, sign, sign_manifest)

TARGET = "host"
if sys.argv[1:2] == ["--target"]:
    TARGET = sys.argv[2]
    del sys.argv[1:3]
RUN, INSPECT = [BLUEC, "run"], [BLUEC, "inspect"]
if TARGET != "host":
    found = [target for target in foreign_targets() if target["name"] == TARGET]
    if not found and os.environ.get("BLUEC_REQUIRE_EMULATORS"):
        sys.exit(f"hostile/bundle: expected an emulator for target {TARGET}, found none, or no such target")
    if not found:
        print(f"hostile/bundle: 0 of 0 cases passed: nothing runs {TARGET} here")
        sys.exit()
    RUN = program(found[0], "bluec-run")
    INSPECT = [*RUN, "--inspect"]
ROOT = scratch("hostile-bundle-" + TARGET)
BUNDLE = compile_model(os.path.join(ROOT, "good"), "--target", TARGET)
LARGE = compile_model(os.path.join(ROOT, "large"), "--target", TARGET, "--recipe", "float")  # weights of several blocks
PICTURE = os.path.join(MODEL, "pictures", "sign-01.png")
FILES = sorted(os.listdir(BUNDLE))
CODE = json.loads(read_bytes(os.path.join(BUNDLE, "manifest.json")))["devices"][0]["code"]
suite = Suite("hostile/bundle" if TARGET == "host" else f"hostile/bundle for {TARGET}")


def ask(bundle, **limits):
    return run(*RUN, bundle, "--image", PICTURE, "--prompt", "What does it say?", "--max-new-tokens", "4",
               seconds=60, **limits)


def damaged(name, damage, original=BUNDLE):
    bundle = os.path.join(ROOT, name.replace("/", "-").replace(" ", "-"))
    copy_bundle(original, bundle)
    damage(bundle)
    return bundle


def refused(name, damage, *mentions, commands=("run", "inspect"), original=BUNDLE):
    def body():
        bundle, line = damaged(name, damage, original), None
        if "run" in commands:
            line = check_refused(ask(bundle), mentions)
        if "inspect" in commands:
            check_refused(run(*INSPECT, bundle, seconds=60), mentions)
        shutil.rmtree(bundle, ignore_errors=True)
        return line

    suite.case(name, body)


def survives(name, damage):
    """Changes that are consistent again may be harmless; they never crash."""
    def body():
        bundle = damaged(name, damage)
        done = ask(bundle)
        note = "answered"
        if done.code != 0:
            note = check_refused(done)
        shutil.rmtree(bundle)
        return note

    suite.case(name, body)


def on_file(name, edit, signed=False):
    def damage(bundle):
        replace(os.path.join(bundle, name), edit(read_bytes(os.path.join(bundle, name))))
        if signed:
            sign_manifest(bundle)
    return damage


def on_manifest(edit):
    return lambda bundle: sign_manifest(bundle, edit)


def flip_at(part):
    def edit(data):
        at = min(int(len(data) * part), len(data) - 1)
        return data[:at] + bytes([data[at] ^ 0x20]) + data[at + 1:]
    return edit


# -- Damage on the way ----------------------------------------------------------------------------

def good():
    done = ask(BUNDLE)
    check(done.code == 0 and done.out.strip(), f"expected an answer, found {describe(done)}")
    done = run(*INSPECT, BUNDLE)
    check(done.code == 0 and done.out.strip(), f"expected a description, found {describe(done)}")


suite.case("the bundle itself works", good)
for name in FILES:
    for part in (0, 0.3, 0.5, 0.97, 1):
        # Inspecting need not read all of the weights.
        commands = ("run",) if name != "manifest.json" else ("run", "inspect")
        refused(f"a flipped bit in {name} at {part}", on_file(name, flip_at(part)), name, commands=commands)
    refused(f"{name} cut short by a byte", on_file(name, lambda data: data[:-1]), name)
    refused(f"{name} cut in half", on_file(name, lambda data: data[: len(data) // 2]), name)
    refused(f"{name} empty", on_file(name, lambda data: b""), name)
    refused(f"{name} with a byte too many", on_file(name, lambda data: data + b"x"), name)
    refused(f"{name} missing", lambda bundle, name=name: os.unlink(os.path.join(bundle, name)), name)


def as_folder(name):
    def damage(bundle):
        os.unlink(os.path.join(bundle, name))
        os.mkdir(os.path.join(bundle, name))
    return damage


def as_pipe(name):
    def damage(bundle):
        os.unlink(os.path.join(bundle, name))
        os.mkfifo(os.path.join(bundle, name))
    return damage


def link_out(name):
    def damage(bundle):
        outside = bundle + "." + name
        shutil.copy(os.path.join(bundle, name), outside)
        os.unlink(os.path.join(bundle, name))
        os.symlink(os.path.join("..", os.path.basename(outside)), os.path.join(bundle, name))
    return damage


for name in FILES:
    refused(f"a folder in place of {name}", as_folder(name), name)
    refused(f"a pipe in place of {name}", as_pipe(name), name)
    if name != "manifest.json":
        refused(f"a symbolic link out of the bundle in place of {name}", link_out(name), name)


def dangling(bundle):
    os.unlink(os.path.join(bundle, "weights.bin"))
    os.symlink("nowhere", os.path.join(bundle, "weights.bin"))


refused("a dangling symbolic link", dangling, "weights.bin")
refused("no such folder", shutil.rmtree)
refused("an empty folder", lambda bundle: [os.unlink(os.path.join(bundle, name)) for name in FILES], "manifest.json")


def file_instead(bundle):
    shutil.rmtree(bundle)
    replace(bundle, b"hello")


def remove_file(name, damage):
    def body():
        bundle = damaged(name, damage)
        line = check_refused(ask(bundle))
        os.unlink(bundle)
        return line
    suite.case(name, body)


remove_file("a file instead of a bundle", file_instead)
suite.case("a model package instead of a bundle", lambda: check_refused(ask(MODEL), ["manifest.json"]))

# -- Checksums of the weights' blocks -------------------------------------------------------------

BLOCK = 4 << 20
SIZE = os.path.getsize(os.path.join(LARGE, "weights.bin"))
check(SIZE > 2 * BLOCK, "expected weights of three blocks or more")


def scattered(seed, span):
    """A run of random bytes somewhere in the weights."""
    def edit(data):
        random.seed(seed)
        at = random.randrange(len(data) - span)
        fresh = random.randbytes(span)
        check(fresh != data[at:at + span], "expected other bytes than there are")
        return data[:at] + fresh + data[at + span:]
    return edit


for seed in range(8):
    refused(f"{1 << seed * 2} random bytes in weights.bin, seed {seed}", on_file("weights.bin", scattered(seed, 1 << seed * 2)),
            "weights.bin: damaged: bytes [0-9]+ to [0-9]+: expected crc-32c [0-9a-f]{8}, found [0-9a-f]{8}", original=LARGE)
refused("two blocks of weights.bin exchanged",
        on_file("weights.bin", lambda data: data[BLOCK:2 * BLOCK] + data[:BLOCK] + data[2 * BLOCK:]), "bytes 0 to 4194304", original=LARGE)
refused("the weights' last page zero", on_file("weights.bin", lambda data: data[:-4096] + bytes(4096)), "weights.bin: damaged", original=LARGE)


def on_entry(**fields):
    def edit(manifest):
        manifest["files"]["weights.bin"].update(fields)
    return on_manifest(edit)


SUMS = json.loads(read_bytes(os.path.join(LARGE, "manifest.json")))["files"]["weights.bin"]["crc32c"]
check(len(SUMS) == 8 * -(-SIZE // BLOCK), "expected a checksum for each block of 4 MiB")
for name, fields in {
    "a checksum too few": {"crc32c": SUMS[:-8]}, "a checksum too many": {"crc32c": SUMS + "00000000"},
    "no checksums": {"crc32c": ""}, "checksums in upper case": {"crc32c": SUMS.upper().replace("0", "A")},
    "checksums that are a number": {"crc32c": 5}, "blocks of no size": {"block_bytes": 0}, "blocks of -1": {"block_bytes": -1},
    "blocks of 2^62": {"block_bytes": 1 << 62}, "blocks of 4096": {"block_bytes": 4096}, "blocks of a text": {"block_bytes": "4 MiB"},
}.items():
    refused(f"manifest: {name}", on_entry(**fields), "manifest.json", "block_bytes|crc32c", original=LARGE)
refused("manifest: a checksum that is wrong", on_entry(crc32c="00000000" + SUMS[8:]), "weights.bin: damaged: bytes 0 to", original=LARGE)


def slow_check():
    """Damage that the checksums were made to hide shows to those who ask for the hash."""
    def hide(bundle):
        on_file("weights.bin", flip_at(0.5))(bundle)
        def drop(manifest):
            del manifest["files"]["weights.bin"]["crc32c"], manifest["files"]["weights.bin"]["block_bytes"]
        path = os.path.join(bundle, "manifest.json")
        manifest = json.loads(read_bytes(path))
        drop(manifest)
        replace(path, sign(json.dumps(manifest, indent=2) + "\n"))
    bundle = damaged("hidden", hide)
    line = check_refused(ask(bundle), ["weights.bin: damaged: expected sha-256"])
    check_refused(run(*INSPECT, bundle, "--verify", seconds=60), ["weights.bin: damaged: expected sha-256"])
    return line


suite.case("damaged weights without checksums", slow_check)
suite.case("inspect --verify on the bundle itself", lambda: check(run(*INSPECT, BUNDLE, "--verify").code == 0, "expected exit code 0"))

# -- Another version, another CPU -----------------------------------------------------------------

MAGIC = struct.pack("<I", 0x43554C42)
ABI_HEADER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "runtime", "abi", "bluec_abi.h")
VERSION = int(re.search(r"#define BLUEC_ABI_VERSION (\d+)u", read_bytes(ABI_HEADER).decode()).group(1))


def abi(offset, value):
    """Changes a word of the descriptor in the code (see runtime/abi/bluec_abi.h)."""
    def edit(data):
        at = data.find(MAGIC + struct.pack("<I", VERSION))
        check(at >= 0, "expected the model's descriptor in the code, found none")
        return data[: at + offset] + struct.pack("<I", value) + data[at + offset + 4:]
    return on_file(CODE, edit, signed=True)


def set_path(value, *path):
    def edit(manifest):
        for key in path[:-1]:
            manifest = manifest[key]
        manifest[path[-1]] = value
    return on_manifest(edit)


refused("another version of the bundle format", set_path(1, "version"), "manifest.json", "version")
refused("another format", set_path("zip", "format"), "manifest.json", "format")
refused("another magic number", abi(0, 0x12345678), CODE, commands=("run",))
refused("an older version of the contract", abi(4, VERSION - 1), CODE, f"abi version: expected {VERSION}, found {VERSION - 1}", commands=("run",))
refused("another size of the descriptor", abi(8, 8), CODE, commands=("run",))
refused("a feature that this CPU lacks", on_manifest(lambda manifest: manifest["target"]["features"].append("hyperdrive")), "hyperdrive", commands=("run",))
refused("another architecture", set_path("sparc64-unknown-linux-gnu", "target", "triple"), "sparc64", commands=("run",))


def elf_machine(data):
    return data[:18] + struct.pack("<H", 43) + data[20:]


def elf_class(data):
    return data[:4] + b"\1" + data[5:]


refused("code of another machine", on_file(CODE, elf_machine, signed=True), CODE, commands=("run",))
refused("code of 32 bits", on_file(CODE, elf_class, signed=True), CODE, commands=("run",))
refused("code that is a text", on_file(CODE, lambda data: b"int main() {}\n" * 40, signed=True), CODE, commands=("run",))
refused("weights of another size, signed", on_file("weights.bin", lambda data: data[:-4096], signed=True), "weights", commands=("run",))
refused("a tokenizer that is a text, signed", on_file("tokenizer.bin", lambda data: b"tokens\n" * 40, signed=True), "tokenizer.bin", commands=("run",))
refused("a tokenizer cut short, signed", on_file("tokenizer.bin", lambda data: data[: len(data) // 2], signed=True), "tokenizer.bin", commands=("run",))

# -- Manifests ------------------------------------------------------------------------------------

for name, text in {
    "no json": "hello", "a list": "[]", "a number": "7", "an empty object": "{}", "nested 200000 deep": "[" * 200000 + "]" * 200000,
    "a zero byte": "{\"format\": \"bluec-bundle\0\"}", "no utf-8": "{\"format\": \"\udcff\"}",
}.items():
    refused(f"a manifest that is {name}",
            lambda bundle, text=text: replace(os.path.join(bundle, "manifest.json"), text.encode(errors="surrogateescape")), "manifest.json")
for name in ("../weights.bin", "/etc/passwd", "", "..", "a/b"):
    def rename(manifest, name=name):
        manifest["files"][name] = manifest["files"]["weights.bin"]
    refused(f"a file called {name!r}", on_manifest(rename), "manifest.json")


def leaves(value, path=()):
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves(inner, path + (key,))
    elif isinstance(value, list):
        for index, inner in enumerate(value[:2]):
            yield from leaves(inner, path + (index,))
    else:
        yield path


# The default batch is 4, with encoders for 4 tiles and for 1.
for name, calls in (("a text", "[1]"), ("empty", []), ("of numbers", [1, 4, 4]), ("too long", [[1], [4], [4], [4]]), ("without calls", [[], [4], [4]]),
                    ("with a tile left out", [[1], [1], [4]]), ("with a call for no tile", [[1, 1], [4], [4]]),
                    ("with a capacity of 0", [[1], [0, 4], [4]]), ("with a negative capacity", [[1], [-4, 4, 4], [4]]),
                    ("with a huge capacity", [[1], [2**63 - 1], [4]]), ("with a fraction", [[1], [1.5, 4], [4]]),
                    ("with many calls", [[1] * 100000, [4], [4]]), ("deep", [[[[1]]], [4], [4]])):
    refused(f"encode_calls: {name}", set_path(calls, "geometry", "encode_calls"), "manifest.json", "encode_calls")
refused("encode_calls: an encoder that is not there", set_path([[1], [3], [4]], "geometry", "encode_calls"), "encode_calls", "3 tiles", commands=("run",))
refused("a batch that no encoder has", on_manifest(lambda manifest: manifest["geometry"].update(image_batch=2, encode_calls=[[1]])), "image_batch", commands=("run",))

manifest = json.loads(read_bytes(os.path.join(BUNDLE, "manifest.json")))
for top in ("geometry", "preprocess", "chat", "generation", "files", "target", "devices"):
    if top not in manifest:
        continue
    refused(f"manifest: {top} is a text", set_path("text", top), "manifest.json", top)
    for path in list(leaves(manifest[top], (top,)))[:24]:
        for value in (-1, 1 << 62, "text", None, [[]]):
            survives(f"manifest: {'.'.join(map(str, path))} = {value}", set_path(value, *path))

# -- Devices --------------------------------------------------------------------------------------

def on_devices(edit):
    """edit(list of devices) changes it, or returns another."""
    def change(manifest):
        changed = edit(manifest["devices"])
        manifest["devices"] = manifest["devices"] if changed is None else changed
    return on_manifest(change)


def on_device(**fields):
    return on_devices(lambda devices: devices[0].update(fields))


refused("devices: left out", on_manifest(lambda manifest: manifest.pop("devices")), "manifest.json: devices")
for name, edit in {
    "none": on_devices(lambda devices: []), "too many": on_devices(lambda devices: devices * 100), "names": on_devices(lambda devices: ["cpu"]),
    "an empty object": on_devices(lambda devices: [{}]), "one name twice": on_devices(lambda devices: devices + devices),
    "an empty name": on_device(name=""), "a name that is a number": on_device(name=7),
    "code not in files": on_device(code="other.so"), "code that climbs out": on_device(code="../" + CODE), "code with a path": on_device(code="/etc/passwd"),
    "code that is the weights": on_device(code="weights.bin"), "code that is a list": on_device(code=[CODE]),
    "a target that is a text": on_device(target="host"), "a target without a triple": on_device(target={"name": "x"}),
    "one code with two loaders": on_devices(lambda devices: devices + [devices[0] | {"name": "other", "loader": "linked-in"}]),
}.items():
    refused(f"devices: {name}", edit, "manifest.json: devices")


def own_target(**fields):
    """The device has a target of its own, which is the bundle's but for some fields."""
    return on_manifest(lambda manifest: manifest["devices"][0].update(target=manifest["target"] | fields))


# `bluec inspect` shows a bundle for other devices; it does not refuse it.
for name, edit, *mentions in (
    ("runs_on that this runtime lacks", on_device(runs_on="abacus"), "manifest.json", "runs_on: expected 'cpu', found 'abacus'"),
    ("a loader that this runtime lacks", on_device(loader="telepathy"), "manifest.json", "loader: expected 'shared-library', 'linked', found 'telepathy'"),
    ("a target of another architecture", own_target(triple="sparc64-unknown-linux-gnu"), "manifest.json: device", "sparc64"),
    ("a target with a feature that this CPU lacks", own_target(features=["hyperdrive"]), "manifest.json: device", "hyperdrive"),
    ("a target that the code was not made for", own_target(name="another"), CODE, "target: expected 'another'"),
    ("a name that the code does not know", on_device(name="abacus"), CODE, "device '"),
):
    refused(f"devices: {name}", edit, *mentions, commands=("run",))

# -- Consistent but wrong -------------------------------------------------------------------------

for seed in range(12):
    def flips(data, seed=seed):
        random.seed(seed)
        data = bytearray(data)
        for _ in range(4):
            data[random.randrange(len(data))] = random.randrange(256)
        return bytes(data)
    survives(f"a changed tokenizer, signed, seed {seed}", on_file("tokenizer.bin", flips, signed=True))


def noise(data):
    random.seed(7)
    return b"".join(struct.pack("<I", random.getrandbits(32)) for _ in range(len(data) // 4))


def no_number():
    """The weights are what the manifest says; that they make no sense shows in the answer only."""
    done = ask(damaged("noise", on_file("weights.bin", noise, signed=True)))
    check(done.code in (1, 3) and "finite" in done.err, f"expected a logit that is no number to be reported, found {describe(done)}")


suite.case("weights of noise, signed", no_number)


if __name__ == "__main__":
    suite.main()
