"""What test drivers in Python share: where things are, running bluec within limits, making bundles
and model packages to damage. Needs nothing but Python's own library."""

import concurrent.futures
import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import time

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.abspath(os.environ.get("BLUEC_BUILD_DIR", os.path.join(SOURCE, "build")))
BLUEC = os.path.join(BUILD, "bin", "bluec")
MODEL = os.path.join(SOURCE, "examples", "tiny-bluelm-v")
MODEL_FILES = [
    "vision_encoder.onnx", "embed_tokens.onnx", "decoder_model_merged.onnx", "config.json",
    "preprocessor_config.json", "tokenizer.json", "tokenizer_config.json", "generation_config.json",
]


class Done:
    """How a command ended."""

    def __init__(self, command, code, out, err, seconds):
        self.command, self.code, self.out, self.err = command, code, out, err
        self.seconds = seconds


def run(*command, seconds=120, memory=6 << 30, cwd=None, environment=None, text=""):
    """Runs a command with a time limit and a limit on address space, and never raises."""
    # (Not by preexec_fn, which can deadlock where several threads start processes.)
    limits = ["prlimit", f"--as={memory}", "--core=0", "--"]
    start = time.monotonic()
    process = subprocess.Popen(
        [*limits, *command], cwd=cwd, env=environment, stdin=subprocess.PIPE,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        out, err = process.communicate(text.encode(), timeout=seconds)
        code = process.returncode
    except subprocess.TimeoutExpired:
        process.kill()
        out, err = process.communicate()
        code = "timeout"
    return Done(command, code, out.decode(errors="replace"), err.decode(errors="replace"),
                time.monotonic() - start)


def scratch(name):
    """An empty folder of this name in the build."""
    path = os.path.join(BUILD, "tests", "work", name)
    shutil.rmtree(path, ignore_errors=True)
    os.makedirs(path)
    return path


def link_tree(source, target, names):
    """Cheap copy for tests that replace single files: hard links where the file system allows."""
    os.makedirs(target)
    for name in names:
        try:
            os.link(os.path.join(source, name), os.path.join(target, name))
        except OSError:
            shutil.copy(os.path.join(source, name), os.path.join(target, name))


def replace(path, data):
    """Writes a new file at path; other hard links of the old one keep their bytes."""
    fresh = path + ".new"
    with open(fresh, "wb") as file:
        file.write(data if isinstance(data, bytes) else data.encode())
    os.replace(fresh, path)


def read_bytes(path):
    with open(path, "rb") as file:
        return file.read()


def copy_model(target):
    link_tree(MODEL, target, MODEL_FILES)


def copy_bundle(bundle, target):
    link_tree(bundle, target, sorted(os.listdir(bundle)))


def edit_json(path, edit):
    """Calls edit(object) and writes what it changed, or what it returned when that is not None."""
    value = json.loads(read_bytes(path))
    changed = edit(value)
    replace(path, json.dumps(value if changed is None else changed))


def sign(text):
    """A manifest's text with the checksum that it should carry."""
    found = re.search(r'"checksum"\s*:\s*"([0-9a-f]{64})"', text)
    blank = text[: found.start(1)] + "0" * 64 + text[found.end(1):]
    return text[: found.start(1)] + hashlib.sha256(blank.encode()).hexdigest() + text[found.end(1):]


def sign_manifest(bundle, edit=None):
    """Makes a changed bundle consistent again, as someone with access to all files could: the hash
    of the weights in the code, sizes and hashes of all files, then, after edit(manifest), the
    manifest's own checksum."""
    path = os.path.join(bundle, "manifest.json")
    manifest = json.loads(read_bytes(path))
    weights = os.path.join(bundle, "weights.bin")
    old = bytes.fromhex(manifest["files"]["weights.bin"]["sha256"])
    new = hashlib.sha256(read_bytes(weights)).digest() if os.path.isfile(weights) else old
    for code in {os.path.join(bundle, device["code"]) for device in manifest["devices"]}:
        if old != new and os.path.isfile(code):
            replace(code, read_bytes(code).replace(old, new))
    for name, entry in manifest["files"].items():
        file = os.path.join(bundle, name)
        if os.path.isfile(file):
            data = read_bytes(file)
            digest = hashlib.sha256(data).hexdigest()
            if digest != entry["sha256"]:  # opening goes by the hash where there are no checksums
                entry.pop("block_bytes", None)
                entry.pop("crc32c", None)
            entry["bytes"], entry["sha256"] = len(data), digest
    if edit:
        edit(manifest)
    checksum = manifest.pop("checksum", "0" * 64)
    manifest["checksum"] = checksum
    replace(path, sign(json.dumps(manifest, indent=2) + "\n"))


def compile_model(target, *flags, model=MODEL, **limits):
    """The example model as a bundle; ends the test when that fails."""
    done = run(BLUEC, "compile", model, "-o", target, *flags, **limits)
    if done.code != 0:
        sys.exit(f"bluec compile {' '.join(flags)}: expected exit code 0, found {done.code}: {done.err.strip()}")
    return target


def architecture(target):
    return target["triple"].split("-")[0]


def program(target, name):
    """A command that runs a program of the target's kind: what the build made for another machine, by its emulator."""
    path = (os.path.join(BUILD, f"runtime-{architecture(target)}", name) if name == "bluec-run"
            else os.path.join(BUILD, "tests", "bin", f"{name}-{architecture(target)}"))
    return [*target["emulator"], path]


def foreign_targets():
    """Targets of other kinds of machines that an emulator runs here, as list-targets describes them. With BLUEC_REQUIRE_EMULATORS,
    as in scripts/test, it ends the test when one is missing."""
    others = [target for target in json.loads(run(BLUEC, "list-targets", "--json").out)
              if architecture(target) not in ("any", platform.machine())]
    there = [target for target in others if target["emulator"] and os.path.exists(program(target, "answers")[-1])]
    if os.environ.get("BLUEC_REQUIRE_EMULATORS") and there != others:
        sys.exit(f"expected an emulator and programs of the other machine's, found those of {[target['name'] for target in there]} "
                 f"of {[target['name'] for target in others]}")
    return there


class Suite:
    """Named cases, run a few at a time; each fails by raising, with what was expected and found."""

    def __init__(self, name):
        self.name, self.cases = name, []

    def case(self, name, function, *arguments):
        self.cases.append((name, function, arguments))

    def main(self):
        only = sys.argv[1:]
        chosen = [case for case in self.cases if not only or any(part in case[0] for part in only)]
        failures = 0
        workers = min(os.cpu_count() or 1, 4)
        with concurrent.futures.ThreadPoolExecutor(workers) as pool:
            running = [(name, pool.submit(function, *arguments)) for name, function, arguments in chosen]
            for name, future in running:
                try:
                    note = future.result()
                    print(f"ok    {name}{': ' + note if note else ''}")
                except Exception as error:
                    failures += 1
                    kind = "" if isinstance(error, AssertionError) else type(error).__name__ + ": "
                    print(f"FAIL  {name}: {kind}{error}")
        print(f"{self.name}: {len(chosen) - failures} of {len(chosen)} cases passed")
        sys.exit(1 if failures or not chosen else 0)


def check(condition, message):
    if not condition:
        raise AssertionError(message)


def describe(done):
    return f"exit code {done.code} after {done.seconds:.1f} s, stderr {done.err[-400:]!r}"


def check_refused(done, mentions=()):
    """The input was at fault and bluec said so well: exit code 1 and one readable line that names
    the place. `mentions`: regular expressions that the line has to match."""
    check(done.code == 1, f"expected exit code 1, found {describe(done)}")
    lines = done.err.split("\n")
    check(len(lines) == 2 and lines[1] == "" and lines[0].strip() != "",
          f"expected one line on stderr, found {done.err[:600]!r}")
    line = lines[0]
    check(not line.endswith("."), f"expected no final period, found {line!r}")
    check(len(line) <= 600, f"expected a line of at most 600 characters, found {len(line)}")
    check(all(char.isprintable() for char in line), f"expected printable characters, found {line!r}")
    sentence = re.search(r"(^|: )(Expected|Found|Cannot|Could|Invalid|Error|No|Not|Failed|Unable|Unknown|Missing)\b", line)
    check(not sentence, f"expected lower case, found {line!r}")
    for pattern in mentions:
        check(re.search(pattern, line), f"expected a line that matches {pattern!r}, found {line!r}")
    return line
