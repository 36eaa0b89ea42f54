"""Programs of one model (`bluec compile --emit exe`): for this machine and, where an emulator runs them, for others; and on a
phone, for which a folder and a stand-in for adb have to do.

    python3 tests/e2e/program.py [PART-OF-A-CASE-NAME...]
"""

import json
import os
import platform
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from tiny_goldens import GOLDENS, PICTURES
from tool import BLUEC, BUILD, MODEL, SOURCE, Suite, check, check_refused, compile_model, copy_bundle, describe, read_bytes, replace, run, scratch

ROOT = scratch("e2e-program")
SHARED = os.path.join(BUILD, "share", "bluec", "ask")
ADB = os.path.join(SOURCE, "tests", "support", "adb")
PHONE = os.path.join(ROOT, "phone")
suite = Suite("e2e/program")


def programs():
    """By target: what runs its programs, and where they are. One target of each kind of machine that has them."""
    found = {}
    for target in json.loads(run(BLUEC, "list-targets", "--json").out):
        machine = target["triple"].split("-")[0]
        runs = target["host"] if machine == platform.machine() else bool(target["emulator"])
        if runs and os.path.exists(os.path.join(SHARED, f"{machine}-linux.o")):
            # The program is static: of the emulator's arguments the place of libraries is none of its own.
            emulator = target["emulator"]
            found[target["name"]] = emulator[: emulator.index("-L")] if "-L" in emulator else emulator
    if os.environ.get("BLUEC_REQUIRE_EMULATORS") and len(found) < 2:
        sys.exit(f"e2e/program: expected programs of this machine and of another one, found {list(found)}")
    return found


PROGRAMS = programs()
FOLDERS = {name: compile_model(os.path.join(ROOT, name), "--target", name, "--emit", "exe") for name in PROGRAMS}


def ask(name, *arguments, folder=None, **more):
    return run(*PROGRAMS[name], os.path.join(folder or FOLDERS[name], "ask"), *arguments, seconds=600, **more)


def pictures(name):
    entries = [entry for entry in GOLDENS["pictures"] if not entry["file"].startswith("huge")]
    entries = entries[:4] if PROGRAMS[name] else entries
    for entry in entries:
        done = ask(name, "--image", os.path.join(PICTURES, entry["file"]), "--prompt", entry["question"])
        answer = entry["generated_text"]
        check(done.code == 0 and done.out.rstrip("\n") == answer, f"expected {answer!r}, found {done.out!r}, {describe(done)}")
    return f"{len(entries)} answers"


def needs_nothing(name):
    """A static program, no more than itself and its data in the folder; another folder will do."""
    files = sorted(os.listdir(FOLDERS[name]))
    check(files == ["ask", "manifest.json", "tokenizer.bin", "weights.bin"], f"expected four files, found {files}")
    program = os.path.join(FOLDERS[name], "ask")
    headers = subprocess.run(["readelf", "-lW", program], capture_output=True, text=True).stdout
    check("INTERP" not in headers and "DYNAMIC" not in headers, f"expected a static program, found {headers}")
    moved = os.path.join(ROOT, f"moved-{name}")
    copy_bundle(FOLDERS[name], moved)
    entry = GOLDENS["pictures"][0]
    picture = os.path.join(PICTURES, entry["file"])
    done = ask(name, "--chat", folder=moved, cwd="/", text=f"/image {picture}\n{entry['question']}\n")
    check(done.code == 0 and entry["answer"] in done.out, f"expected {entry['answer']!r}, found {describe(done)}")
    done = ask(name, "--bench", "--prefill", "8", "--decode-tokens", "2", "--repeats", "1", "--encode", "1")
    check(done.code == 0 and "decode at 0" in done.out, f"expected figures, found {describe(done)}")
    return f"{os.path.getsize(program)} bytes"


def bad_weights(name):
    """Missing, cut, or of another model: one line each."""
    bad = os.path.join(ROOT, f"bad-{name}")
    copy_bundle(FOLDERS[name], bad)
    weights = os.path.join(bad, "weights.bin")
    whole = read_bytes(weights)
    os.remove(weights)
    check_refused(ask(name, "--prompt", "x", folder=bad), [r"weights\.bin: no such file"])
    replace(weights, whole[:5000])
    check_refused(ask(name, "--prompt", "x", folder=bad), [rf"weights\.bin: expected {len(whole)} bytes, found 5000"])
    other = compile_model(os.path.join(ROOT, f"other-{name}"), "--target", name, "--recipe", "float")
    for file in ("weights.bin", "manifest.json"):
        replace(os.path.join(bad, file), read_bytes(os.path.join(other, file)))
    check_refused(ask(name, "--prompt", "x", folder=bad), [r"model\.so: "])
    exe = compile_model(os.path.join(ROOT, f"exe-{name}"), "--target", name, "--recipe", "float", "--emit", "exe")
    replace(os.path.join(bad, "manifest.json"), read_bytes(os.path.join(exe, "manifest.json")))
    check_refused(ask(name, "--prompt", "x", folder=bad), [r"linked code: expected code for weights\.bin of sha-256 .* found code for"])


def lacks_instructions(name):
    if not PROGRAMS[name]:
        return "this machine's own"
    emulator = list(PROGRAMS[name])
    emulator[emulator.index("-cpu") + 1] = "cortex-a53"
    done = run(*emulator, os.path.join(FOLDERS[name], "ask"), "--prompt", "x")
    check_refused(done, [r"features that this one lacks: '.*dotprod"])


def on_a_phone(name):
    """What is typed for a phone, with names that a shell could take for something else."""
    entry = GOLDENS["pictures"][0]
    folder = os.path.join(ROOT, "it's mine")
    if not os.path.exists(folder):
        copy_bundle(FOLDERS[name], folder)
    picture = os.path.join(ROOT, "a $(picture) 'here'.png")
    shutil.copy(os.path.join(PICTURES, entry["file"]), picture)
    os.makedirs(os.path.join(PHONE, "data", "local", "tmp"), exist_ok=True)
    environment = os.environ | {"ADB": ADB, "PHONE_ROOT": PHONE, "PHONE_EMULATOR": " ".join(PROGRAMS[name])}
    script = os.path.join(SOURCE, "examples", "phone", "ask")

    def phone(*arguments, text="", **changed):
        return run(script, *arguments, environment=environment | changed, text=text, seconds=600)

    done = phone(folder, "--image", picture, "--prompt", entry["question"])
    check(done.code == 0 and done.out.rstrip("\n") == entry["answer"], f"expected {entry['answer']!r}, found {describe(done)}")
    # Another picture of that name and time, in the other form of the option.
    other = GOLDENS["pictures"][1]
    os.makedirs(os.path.join(ROOT, "other"), exist_ok=True)
    second = os.path.join(ROOT, "other", os.path.basename(picture))
    shutil.copy(os.path.join(PICTURES, other["file"]), second)
    os.utime(second, (os.stat(picture).st_atime, os.stat(picture).st_mtime))
    done = phone(folder, f"--image={second}", "--prompt", other["question"], text="not for it\n")
    check(done.code == 0 and done.out.rstrip("\n") == other["answer"], f"expected {other['answer']!r}, found {describe(done)}")
    check(other["answer"] != entry["answer"], "expected two answers, found one")
    done = phone(folder, "--image", picture, "--prompt", entry["question"])
    check(done.code == 0 and done.out.rstrip("\n") == entry["answer"], f"expected {entry['answer']!r}, found {describe(done)}")
    places = os.listdir(os.path.join(PHONE, "data", "local", "tmp", "bluec"))
    check(len(places) == 1 and places[0].startswith("it's mine-"), f"expected one folder, found {places}")
    there = os.path.join(PHONE, "data", "local", "tmp", "bluec", places[0])
    check(os.path.getsize(os.path.join(there, "weights.bin")) == os.path.getsize(os.path.join(folder, "weights.bin")),
          "expected the weights on the phone, found others")
    done = phone(folder, "--chat", text=f"/image {os.path.join(there, 'pictures', '1-' + os.path.basename(picture))}\n{entry['question']}\n")
    check(done.code == 0 and entry["answer"] in done.out, f"expected {entry['answer']!r}, found {describe(done)}")
    done = phone(folder, "--no-such-option")
    check(done.code == 2 and "no-such-option" in done.err, f"expected the program's own exit code, found {describe(done)}")
    for arguments, said, changed in (
            ((os.path.join(ROOT, "none"), "--prompt", "x"), r"none/ask: expected what bluec compile --emit exe makes", {}),
            ((folder, "--image", "none.png", "--prompt", "x"), r"--image none\.png: expected a file", {}),
            ((folder, "--prompt", "x"), r"expected adb", {"ADB": "no-such-adb"})):
        check_refused(phone(*arguments, **changed), [said])


def refused():
    empty = os.path.join(ROOT, "empty", "bin")
    os.makedirs(empty)
    shutil.copy(BLUEC, empty)
    none = os.path.join(ROOT, "none")
    for command, said in (((BLUEC, "--target", "cpp"), "expected a target that programs are made for, found cpp with exe"),
                          ((BLUEC, "--target", "null"), "expected a target that programs are made for, found null with exe"),
                          ((os.path.join(empty, "bluec"),), "expected the runtime for ")):
        program, *flags = command
        done = run(program, "compile", MODEL, "-o", none, "--emit", "exe", *flags)
        check(done.code == 2 and said in done.err and len(done.err.splitlines()) == 1, f"expected {said}, found {describe(done)}")
    for name, folder in FOLDERS.items():
        if not PROGRAMS[name]:
            check_refused(run(BLUEC, "run", folder, "--prompt", "x"), [r"linked code: expected code for weights\.bin .*none in this program"])
    check(not os.path.exists(none), "expected no output, found one")


for each in PROGRAMS:
    suite.case(f"{each}: answers are PyTorch's", pictures, each)
    suite.case(f"{each}: needs nothing", needs_nothing, each)
    suite.case(f"{each}: weights that are not its own", bad_weights, each)
    suite.case(f"{each}: a cpu without the instructions", lacks_instructions, each)
for each in [name for name in PROGRAMS if PROGRAMS[name]][:1]:
    suite.case(f"{each}: on a phone", on_a_phone, each)
suite.case("what cannot be made is refused", refused)

if __name__ == "__main__":
    suite.main()
