"""The example model as C++ source: what several compilers make of it answers as PyTorch does, with the same bits.

    python3 tests/e2e/cpp_source.py [PART-OF-A-CASE-NAME...]

The compilers are g++ and clang here, and g++ for 64-bit Arm, whose code an emulator runs, where it is installed.
"""

import glob
import json
import os
import platform
import re
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from tiny_goldens import ASKED, FEW, GOLDENS, PICTURES, RECIPES, check_goldens, text_of
from tool import BLUEC, BUILD, MODEL, Suite, check, check_refused, compile_model, describe, read_bytes, replace, run, scratch

ROOT = scratch("e2e-cpp")
TOOLS = os.path.join(BUILD, "tests", "bin")
# A target whose vectors are as wide, and the recipes whose bits are the same with it (foreign.py says why).
TWIN = "x86-64-v3"
TWIN_RECIPES = ("float", "bluelm-v")
SINGLE = [index for index in FEW if ASKED[index][2] in GOLDENS["pictures"]]
EMULATOR = ["qemu-aarch64", "-cpu", "max", "-L", "/usr/aarch64-linux-gnu"]
ARM_ANSWERS = os.path.join(TOOLS, "answers-aarch64")
suite = Suite("e2e/cpp_source")


def compilers():
    """By name: the compiler, its flags, and what runs a program of its kind."""
    here = {"g++": ("g++", "-O1 -march=native", [os.path.join(TOOLS, "answers")]),
            "clang": ("clang++-22", "-O1 -march=native", [os.path.join(TOOLS, "answers")])}
    arm = {"arm g++": ("aarch64-linux-gnu-g++", "-O1", [*EMULATOR, ARM_ANSWERS])}
    if shutil.which(EMULATOR[0]) and os.path.exists(ARM_ANSWERS):
        return here | arm
    if os.environ.get("BLUEC_REQUIRE_EMULATORS"):
        sys.exit("e2e/cpp_source: expected an emulator of 64-bit Arm and programs of its kind, found none")
    return here


COMPILERS = compilers()


def compiled_by(name, recipe):
    compiler, flags, _ = COMPILERS[name]
    environment = os.environ | {"CXX": compiler, "CXXFLAGS": f"{flags} -Wall -Wextra -Werror"}
    return compile_model(os.path.join(ROOT, f"{name}-{recipe}".replace(" ", "-")), "--target", "cpp", "--recipe", recipe,
                         environment=environment, seconds=600)


def ask(command, bundle, which):
    done = run(*command, bundle, "2", text=text_of(which), seconds=900)
    check(done.code == 0, f"expected answers, found {describe(done)}")
    return done.out


def goldens(recipe, names, which):
    found = {name: ask(COMPILERS[name][2], compiled_by(name, recipe), which) for name in names}
    said = check_goldens(found[names[0]], recipe, which)
    for name in names[1:]:
        check(found[name] == found[names[0]], f"expected the bits of {names[0]}, found others with {name}")
    if recipe in TWIN_RECIPES:
        twin = compile_model(os.path.join(ROOT, f"twin-{recipe}"), "--target", TWIN, "--recipe", recipe)
        check(found[names[0]] == ask([os.path.join(TOOLS, "answers")], twin, which), f"expected the bits of {TWIN}, found others")
        said += f", the bits of {TWIN}"
    return f"{said}, by {', '.join(names)}"


suite.case("bluelm-v: tokens are PyTorch's", goldens, "bluelm-v", list(COMPILERS), FEW)
suite.case("float: tokens are PyTorch's", goldens, "float", ["clang"], SINGLE)
suite.case("fast: tokens are PyTorch's", goldens, "fast", ["g++"], SINGLE)


# -- The folder ---------------------------------------------------------------------------------------------------------

FOLDER = os.path.join(ROOT, "folder")
done = run(BLUEC, "compile", MODEL, "--emit", "cpp", "-o", FOLDER)
if done.code != 0:
    sys.exit(f"bluec compile --emit cpp: expected exit code 0, found {describe(done)}")
ASK = os.path.join(FOLDER, "ask")


def every_compiler_takes_it():
    """As it says: C++17, without a warning; by loops, too."""
    sources = glob.glob(os.path.join(FOLDER, "model", "**", "*.cpp"), recursive=True)
    check(len(sources) > 50, f"expected a file a kernel, found {len(sources)} files")
    unit = os.path.join(ROOT, "all.cpp")
    replace(unit, "".join(f'#include "{source}"\n' for source in sorted(sources)))
    for compiler in ("g++", "clang++-22"):
        for flags in ([], ["-DBLUEC_PLAIN_VECTORS"]):
            done = run(compiler, "-std=c++17", "-Wall", "-Wextra", "-Werror", "-pedantic", "-fsyntax-only", *flags, unit, seconds=300)
            check(done.code == 0, f"expected no warning, found {describe(done)}")


def builds():
    """As its README says, but without optimisation: this takes long enough."""
    done = run("cmake", "-S", FOLDER, "-B", os.path.join(ROOT, "folder-build"), "-G", "Ninja", "-D", "CMAKE_BUILD_TYPE=Debug", seconds=300)
    check(done.code == 0, f"expected a build folder, found {describe(done)}")
    done = run("cmake", "--build", os.path.join(ROOT, "folder-build"), seconds=900)
    check(done.code == 0, f"expected a program, found {describe(done)}")
    entry = GOLDENS["pictures"][0]
    picture = os.path.join(PICTURES, entry["file"])
    done = run(ASK, "--image", picture, "--prompt", entry["question"], seconds=600)
    check(done.code == 0 and done.out.rstrip("\n") == entry["answer"], f"expected {entry['answer']!r}, found {describe(done)}")
    done = run(ASK, "--chat", text=f"/image {picture}\n{entry['question']}\n", seconds=600)
    check(done.code == 0 and entry["answer"] in done.out, f"expected {entry['answer']!r}, found {describe(done)}")
    check_refused(run(BLUEC, "run", FOLDER, "--prompt", "x"), [r"^error: linked code: expected code for weights\.bin .*none in this program"])
    weights = os.path.join(FOLDER, "weights.bin")
    whole = read_bytes(weights)
    replace(weights, whole[:5000])
    check_refused(run(ASK, "--prompt", "x"), [r"weights\.bin: expected \d+ bytes, found 5000"])
    other = compile_model(os.path.join(ROOT, "other"), "--emit", "cpp", "--recipe", "float")
    for name in ("weights.bin", "manifest.json"):
        replace(os.path.join(FOLDER, name), read_bytes(os.path.join(other, name)))
    check_refused(run(ASK, "--prompt", "x"), [r"linked code: expected code for weights\.bin of sha-256 .* found code for"])


def refused():
    for flags, said in ((["--emit", "cpp", "--target", TWIN], r"--emit: expected .* found cpp, which target cpp has"),
                        (["--emit", "obj", "--target", "cpp"], r"--emit: expected bundle, mlir or one of what target cpp has \(cpp\), found obj")):
        done = run(BLUEC, "compile", MODEL, "-o", os.path.join(ROOT, "none"), *flags)
        check(done.code == 2, f"expected exit code 2, found {describe(done)}")
        check(re.search(said, done.err), f"expected {said}, found {done.err}")
    done = run(BLUEC, "compile", MODEL, "-o", os.path.join(ROOT, "none"), "--target", "cpp", environment=os.environ | {"CXX": "no-such-compiler"})
    check(done.code == 2 and done.err == "error: --target cpp: expected a C++ compiler 'no-such-compiler' (CXX), found none\n",
          f"expected the compiler's name, found {describe(done)}")
    check(not os.path.exists(os.path.join(ROOT, "none")), "expected no output, found one")
    manifest = json.loads(read_bytes(os.path.join(FOLDER, "manifest.json")))
    check("code" not in manifest["devices"][0] and manifest["devices"][0]["loader"] == "linked", "expected linked code")


FUSES = """#include "vectors.h"
using namespace bluec;
int main() {
  // 1 + 2^-23 times 1 - 2^-23 is 1 - 2^-46: 1 when it is rounded before 1 is taken away.
  volatile float above = 1.00000011920928955078125f, below = 0.99999988079071044921875f;
  const float a = above, b = below;
  const auto v = splat<Vec<float, 8>>(a) * splat<Vec<float, 8>>(b) + splat<Vec<float, 8>>(-1.0f);
  const float s = a * b + -1.0f;
  return lane<3>(v) == 0 && s == 0 ? 0 : 1;
}
"""


def nothing_is_fused():
    """With GNU extensions g++ fuses wherever it can, unless the source says no."""
    source, program = os.path.join(ROOT, "fuses.cpp"), os.path.join(ROOT, "fuses")
    replace(source, FUSES)
    for compiler in ("g++", "clang++-22"):
        done = run(compiler, "-std=gnu++17", "-O2", "-march=native", "-I", os.path.join(FOLDER, "model"), source, "-o", program)
        check(done.code == 0, f"expected a program, found {describe(done)}")
        check(run(program).code == 0, f"{compiler}: expected two roundings, found one")


def says_what_it_needs():
    """Code for a CPU that has what this one lacks."""
    if platform.machine() != "x86_64" or "avx512_fp16" in read_bytes("/proc/cpuinfo").decode():
        return "this machine lacks nothing"
    bundle = compile_model(os.path.join(ROOT, "later"), "--target", "cpp", "--recipe", "float", seconds=600,
                           environment=os.environ | {"CXX": "g++", "CXXFLAGS": "-O1 -march=sapphirerapids"})
    check_refused(run(BLUEC, "run", bundle, "--prompt", "x"), [r"model\.so: made for a cpu with features that this one lacks: '.*avx"])


suite.case("nothing is fused", nothing_is_fused)
suite.case("a cpu that lacks what the compiler used", says_what_it_needs)
suite.case("every compiler takes the source without a warning", every_compiler_takes_it)
suite.case("what is not there is refused", refused)
suite.case("the folder builds, and its program answers", builds)

if __name__ == "__main__":
    suite.main()
