#!/usr/bin/env python3
"""Checks the rules that keep the tree apart: who may depend on whom, what may stand where.

Reads the files that git tracks (and new ones that it does not ignore); needs no build.
Each broken rule is one line: file:line: what was expected, what was found.
"""

import glob
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

# The floors, from the ground up. A folder may include headers of, and link libraries of, the folders
# named here, and its own; the longest matching prefix counts.
# In the runtime, each folder may use those before it, but those in the middle, which know the ground
# only (and pictures and devices the platform).
RUNTIME_GROUND = ["runtime/abi", "runtime/base"]
RUNTIME = RUNTIME_GROUND + ["runtime/include", "runtime/platform", "runtime/vision", "runtime/text", "runtime/device",
                            "runtime/core"]
CELLAR = ["compiler/base", "compiler/dialect", "compiler/reference", "compiler/weights", "compiler/recipe",
          "compiler/machine"]
GROUND = CELLAR + ["compiler/import", "passes", "targets", "runtime"]
DRIVER = ["bundle", "session", "check", "predict", "compile", "calibrate", "measure", "verify"]
MAY_USE = {
    "runtime/abi": [],
    "runtime": RUNTIME,
    "runtime/include": ["runtime/abi"],
    "runtime/base": ["runtime/abi"],
    "runtime/platform": RUNTIME_GROUND,
    "runtime/vision": RUNTIME_GROUND + ["runtime/platform"],
    "runtime/text": RUNTIME_GROUND,
    "runtime/device": RUNTIME_GROUND + ["runtime/platform"],
    "runtime/core": RUNTIME,
    "runtime/measure": RUNTIME,
    "runtime/emulate": RUNTIME,
    "runtime/cli": RUNTIME + ["runtime/measure"],
    "compiler/base": [],
    "compiler/dialect/abi": ["compiler/base"],
    "compiler/dialect/kernel": ["compiler/base"],
    "compiler/dialect/blue": ["compiler/base"],
    "compiler/dialect/onnx": ["compiler/base", "compiler/dialect/blue"],
    "compiler/dialect/plan": ["compiler/base", "compiler/dialect/blue", "runtime/abi"],
    "compiler/reference": ["compiler/base", "compiler/dialect"],
    "compiler/weights": ["compiler/base", "compiler/dialect", "compiler/reference"],
    "compiler/import": ["compiler/base", "compiler/dialect", "compiler/reference", "compiler/weights", "runtime"],
    "compiler/recipe": ["compiler/base", "compiler/dialect"],
    "compiler/machine": ["compiler/base", "compiler/dialect"],
    "passes": CELLAR + ["runtime/abi"],
    "targets": CELLAR + ["passes", "runtime/abi"],
    "compiler/tools": GROUND + ["compiler/driver"],
}
for place, room in enumerate(DRIVER):
    MAY_USE[f"compiler/driver/{room}"] = GROUND + [f"compiler/driver/{below}" for below in DRIVER[:place]]
CODE_FOLDERS = ("runtime/", "compiler/", "passes/", "targets/")

# Names that only a target's own folder may say, and, for facts about the machine it is built on,
# the runtime's platform folder.
TARGET_NAMES = re.compile(
    r"(?<![a-z0-9])(x86|x86[-_]64|amd64|avx2?|avx512\w*|vnni|vpdp\w+|zmm|ymm|aarch64|arm64|neon|i8mm|[su]dot|smlal|smmla"
    r"|hexagon|hvx|vrmpy|riscv\w*|nvptx\w*|cuda|sm_\d+)(?![a-z0-9])"
    # What headers of intrinsics are called and define, and the compilers' own names for it.
    r"|\b(\w+mmintrin|immintrin|arm_(neon|sve|acle)|cpuid|_mm\d*_\w+|__m\d+\w*|__builtin_(ia32|arm|riscv)_\w+)\b",
    re.I)

TOP_LEVEL = {
    ".ci", ".clang-format", ".gitignore", "CMakeLists.txt", "CMakePresets.json", "LICENSE",
    "README.md", "compiler", "examples", "passes", "runtime", "scripts", "targets", "tests",
}

SOURCE = (".h", ".c", ".cpp", ".td")
TEXT = SOURCE + (".py", ".sh", ".md", ".txt", ".cmake", ".mlir", ".json", ".test", ".in")
GENERATED = (".inc", ".o", ".a", ".so", ".pb.h", ".pb.cc", ".pyc")
MAX_SOURCE_LINES = 1500
MAX_LIT_BYTES = 24 * 1024
MAX_FILE_BYTES = {"examples/": 8 << 20, "tests/golden/": 4 << 20, "": 512 << 10}
MAX_MODEL_BYTES = 16 << 20  # of everything below examples/

problems = []


def problem(path, line, text):
    problems.append(f"{path}:{line}: {text}" if line else f"{path}: {text}")


def tracked_files():
    listed = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
                            cwd=ROOT, check=True, capture_output=True).stdout
    paths = sorted({path for path in listed.decode().split("\0") if path})
    return [path for path in paths if os.path.lexists(os.path.join(ROOT, path))]


def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8", errors="replace") as file:
        return file.read()


def layer(path):
    """The longest key of MAY_USE that holds the path, or None."""
    best = None
    for key in MAY_USE:
        if path.startswith(key + "/") and (best is None or len(key) > len(best)):
            best = key
    return best


def may_see(user, used):
    own = layer(user)
    if own is None:
        return True
    # Targets know what all of them share, never each other; the registry beside them knows all.
    if own == "targets" and used.startswith("targets/") and user.count("/") > 1:
        return used.split("/")[1] in (user.split("/")[1], "interface", "llvm")
    # Passes know the dialects and the data models, never each other; what a level's passes share
    # stands in a folder without a pass.
    if own == "passes" and used.startswith("passes/"):
        return pass_folder(used) is None or pass_folder(used) == pass_folder(user)
    if used.startswith(own + "/"):
        return True
    return any(used.startswith(folder + "/") for folder in MAY_USE[own])


def pass_folder(path):
    """passes/LEVEL/NAME of a path in a pass's folder, else None."""
    folder = "/".join(path.split("/")[:3])
    return folder if glob.glob(os.path.join(ROOT, folder, "*.td")) else None


def may_link(user, library, used):
    # The runtime's top file makes what its folders are compiled with, and for those above core the
    # library of all the others.
    if used == "runtime/CMakeLists.txt" and user.startswith("runtime/"):
        return library != "bluec_runtime" or "runtime/core" in MAY_USE[layer(user)]
    return may_see(user, used)


def strip_comments(text):
    """The same lines without // and /* */ comments."""
    text = re.sub(r"/\*.*?\*/", lambda found: "\n" * found.group().count("\n"), text, flags=re.S)
    return re.sub(r"(?<!:)//[^\n]*", "", text)


def check_includes(path, text):
    for number, line in enumerate(text.split("\n"), 1):
        found = re.match(r'\s*(?:#\s*)?include\s*"([^"]+)"', line)
        if not found:
            continue
        used = found.group(1)
        if not used.startswith(CODE_FOLDERS):
            beside = os.path.normpath(os.path.join(os.path.dirname(path), used))
            # The runtime's own include path starts at its folder.
            if not os.path.exists(os.path.join(ROOT, beside)) and os.path.exists(os.path.join(ROOT, "runtime", used)):
                beside = "runtime/" + used
            used = beside
        if used.startswith(CODE_FOLDERS) and not may_see(path, used):
            problem(path, number, f"expected no include of {os.path.dirname(used)} in {layer(path)}, found {found.group(1)}")


def check_runtime_includes(path, text):
    for number, line in enumerate(text.split("\n"), 1):
        found = re.match(r"\s*#\s*include\s*[<\"](mlir|llvm|llvm-c|clang|lld|onnx|google|fmt|CLI)[/.]", line)
        if found:
            problem(path, number, f"expected the C++ library and header-only ones in the runtime, found {found.group(1)}")


def check_target_names(path, text):
    parts = path.split("/")
    if parts[0] == "targets" and (len(parts) == 2 or parts[1] not in ("interface", "llvm", "null")):
        return
    if path.startswith("runtime/platform/"):
        return
    for number, line in enumerate(strip_comments(text).split("\n"), 1):
        found = TARGET_NAMES.search(line)
        if found:
            problem(path, number, f"expected no target's name outside its folder, found {found.group()}")


def cmake_calls(text):
    """(function, arguments, line) of every call, comments removed."""
    text = re.sub(r"#[^\n]*", "", text)
    for found in re.finditer(r"\b(\w+)\s*\(([^()]*(?:\([^()]*\)[^()]*)*)\)", text):
        yield found.group(1), found.group(2).split(), text[: found.start()].count("\n") + 1


def check_links(files):
    owner, users = {}, []
    for path in files:
        if os.path.basename(path) != "CMakeLists.txt" or not path.startswith(CODE_FOLDERS):
            continue
        for function, arguments, line in cmake_calls(read(path)):
            if not arguments:
                continue
            if function in ("bluec_library", "bluec_pass", "bluec_runtime_library", "add_library"):
                owner[arguments[0]] = path
            if function in ("bluec_library", "bluec_executable", "bluec_pass", "bluec_runtime_library"):
                keyword, used = None, []
                for word in arguments[1:]:
                    if word.isupper():
                        keyword = word
                    elif keyword == "DEPENDS":
                        used.append(word)
                users.append((path, line, used))
            elif function == "target_link_libraries":
                users.append((path, line, [word for word in arguments[1:] if not word.isupper()]))
    for path, line, used in users:
        for library in used:
            library = library.replace("::", "_")
            if library in owner and not may_link(path, library, owner[library]):
                problem(path, line, f"expected no link to {os.path.dirname(owner[library])} in {layer(path)}, found {library}")


def check_pass_tests(files):
    """passes/LEVEL/NAME has its tests in tests/lit/LEVEL/NAME."""
    folders = {tuple(path.split("/")[1:3]) for path in files
               if path.startswith("passes/") and path.count("/") >= 3 and path.endswith(".td")}
    tested = {tuple(path.split("/")[2:4]) for path in files
              if path.startswith("tests/lit/") and path.endswith((".mlir", ".test"))}
    for level, name in sorted(folders - tested):
        problem(f"passes/{level}/{name}", 0, f"expected tests in tests/lit/{level}/{name}, found none")


def check_unit_tests(files):
    """tests/unit/FOLDER/NAMETest.cpp tests FOLDER/NAME.{h,cpp}, a helper NAME.cpp beside it, or, when it
    is named after the folder, all of it."""
    for path in files:
        found = re.fullmatch(r"tests/unit/(.*)/(\w+)Test\.cpp", path)
        if not found or not path.startswith(tuple("tests/unit/" + folder for folder in CODE_FOLDERS)):
            continue
        folder, name = found.groups()
        known = {os.path.splitext(os.path.basename(other))[0] for other in files
                 if os.path.dirname(other) in (folder, os.path.dirname(path)) and other.endswith(SOURCE)}
        if name not in known and name.lower() != os.path.basename(folder).replace("_", ""):
            problem(path, 0, f"expected the test of a source in {folder}, found none of that name")


def check_lit_folders(files):
    """A folder that tests/lit/CMakeLists.txt does not name would never be run."""
    named = set(re.findall(r"\w+", read("tests/lit/CMakeLists.txt")))
    for folder in sorted({path.split("/")[2] for path in files if path.startswith("tests/lit/") and path.count("/") > 2}):
        if folder not in named:
            problem(f"tests/lit/{folder}", 0, "expected in tests/lit/CMakeLists.txt, found no such name there")


def check_links_in_prose(path, text):
    for number, line in enumerate(text.split("\n"), 1):
        for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)|src=\"([^\"]+)\"", re.sub(r"`[^`]*`", "", line)):
            target = "".join(target)
            there = os.path.join(ROOT, os.path.dirname(path), target)
            if "://" not in target and not os.path.exists(there):
                problem(path, number, f"expected a link to a file that exists, found {target}")


# constexpr TYPE name = or { or [...]; a function has its parentheses there.
CONSTANT = re.compile(r"\bconstexpr\s+[\w:<>,*&\s]*?\b([a-z]\w*)\s*(?:\[[^\]]*\]\s*)*(?:=(?!=)|\{)")


def check_constants(path, text):
    text = re.sub(r'"(\\.|[^"\\\n])*"', '""', strip_comments(text))
    for found in CONSTANT.finditer(text):
        name = found.group(1)
        if name != "struct" and not re.match(r"k[A-Z]", name):
            line = text.count("\n", 0, found.start()) + 1
            problem(path, line, f"expected a constant to be called k{name[0].upper()}{name[1:]}, found {name}")


def check_file(path):
    full = os.path.join(ROOT, path)
    if path.split("/")[0] not in TOP_LEVEL:
        problem(path, 0, f"expected one of the known names at the top, found {path.split('/')[0]}")
    if os.path.islink(full):
        problem(path, 0, "expected no symbolic links in the repository")
        return
    if path.endswith(GENERATED):
        problem(path, 0, "expected no generated files in git")
    size = os.path.getsize(full)
    limit = next(limit for prefix, limit in MAX_FILE_BYTES.items() if path.startswith(prefix))
    if size > limit:
        problem(path, 0, f"expected at most {limit >> 10} KiB, found {size >> 10}")
    if path.startswith("tests/lit/") and size > MAX_LIT_BYTES:
        problem(path, 0, f"expected small lit tests, at most {MAX_LIT_BYTES >> 10} KiB, found {size >> 10}")
    is_script = path.startswith(("scripts/", ".ci/")) and "." not in os.path.basename(path)
    if not (path.endswith(TEXT) or is_script) or path.startswith(("examples/", "tests/golden/")):
        return
    text = read(path)
    if path.endswith(SOURCE) and text.count("\n") > MAX_SOURCE_LINES:
        problem(path, 0, f"expected at most {MAX_SOURCE_LINES} lines, found {text.count(chr(10))}")
    if path != "scripts/rules.py":
        for number, line in enumerate(text.split("\n"), 1):
            found = re.search(r"\b(TODO|FIXME|XXX|HACK)\b", line)
            if found:
                problem(path, number, f"expected finished work, found {found.group()}")
            found = re.search(r"(?<![\w.}$])/(work|root|home)/\w+", line)
            if found:
                problem(path, number, f"expected no path of one machine, found {found.group()}")
    if path.endswith(".md"):
        check_links_in_prose(path, text)
    if "\r" in text:
        problem(path, 0, "expected lines that end in LF, found CR")
    if text and not text.endswith("\n"):
        problem(path, 0, "expected a newline at the end of the file")
    if path.endswith(SOURCE) and path.startswith(CODE_FOLDERS):
        check_includes(path, text)
        if path.startswith("runtime/"):
            check_runtime_includes(path, text)
        check_target_names(path, text)
    if path.endswith((".h", ".cpp")):
        check_constants(path, text)


def main():
    files = tracked_files()
    for path in files:
        check_file(path)
    check_links(files)
    check_pass_tests(files)
    check_unit_tests(files)
    check_lit_folders(files)
    total = sum(os.path.getsize(os.path.join(ROOT, path)) for path in files if path.startswith("examples/"))
    if total > MAX_MODEL_BYTES + (2 << 20):
        problem("examples", 0, f"expected at most {MAX_MODEL_BYTES >> 20} MiB of model and 2 of pictures, found {total >> 20}")
    for line in problems:
        print(line, file=sys.stderr)
    print(f"rules: {len(files)} files, {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
