# Configuration of lit, LLVM's test runner.
#   /usr/lib/llvm-22/bin/lit -v tests/lit/model                        against build/
#   /usr/lib/llvm-22/bin/lit -v --param build=build-gcc tests/lit      against another build
#
# Substitutions beside lit's own (%s this file, %S its folder, %t a scratch path):
#   %root      the repository
#   %examples  the example models
#   %python    a Python interpreter without packages
# bluec, bluec-opt, FileCheck, not and split-file are found by name; so are the programs of
# tests/tools (onnx-import, onnx-from-text).
#   %target    one of bluec's targets; the file is run once for each (each_target.py)
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import each_target

config.name = "bluec"
config.suffixes = [".mlir", ".test"]
config.excludes = ["inputs"]
config.test_source_root = os.path.dirname(os.path.abspath(__file__))

root = os.path.dirname(os.path.dirname(config.test_source_root))
build = os.path.abspath(lit_config.params.get("build", os.path.join(root, "build")))
site = os.path.join(build, "tests", "lit", "lit.site.cfg.py")
if not os.path.exists(site):
    lit_config.fatal("no configured build in %s: run cmake --preset default first" % build)
lit_config.load_config(config, site)

config.test_exec_root = os.path.join(config.bluec_build_dir, "tests", "lit", "output")
os.makedirs(config.test_exec_root, exist_ok=True)

config.environment["PATH"] = os.pathsep.join(
    [config.bluec_bin_dir, config.bluec_test_bin_dir, config.bluec_llvm_bin_dir, config.environment["PATH"]])
# FileCheck says what it found where. The input is thousands of lines here, over which lit takes minutes.
config.environment["FILECHECK_OPTS"] = "--dump-input=never"
# The LLVM libraries that MLIR tools link are not built with the sanitizers, so leaks inside them
# are not ours to find.
config.environment["ASAN_OPTIONS"] = "detect_leaks=0:detect_container_overflow=0:allow_user_poisoning=0"
config.environment["UBSAN_OPTIONS"] = "print_stacktrace=1"

config.substitutions.append(("%root", root))
config.substitutions.append(("%examples", os.path.join(root, "examples")))
config.substitutions.append(("%python", "python3 -B"))

# `REQUIRES: host`, for the few tests that run what they compiled.
targets = []
if os.path.exists(os.path.join(config.bluec_bin_dir, "bluec")):
    asked = subprocess.run([os.path.join(config.bluec_bin_dir, "bluec"), "list-targets", "--json"],
                           capture_output=True, text=True, check=True)
    targets = json.loads(asked.stdout)
    if any(target["host"] for target in targets):
        config.available_features.add("host")
    elif os.environ.get("BLUEC_HOST"):
        lit_config.fatal(asked.stderr.strip())
if "BLUEC_HOST" in os.environ:
    config.environment["BLUEC_HOST"] = os.environ["BLUEC_HOST"]
# C++ source has no object and no LLVM IR, and a compiler takes half a minute for a bundle of it:
# tests/e2e/cpp_source.py is about it.
config.test_format = each_target.EachTarget([target["name"] for target in targets if target["triple"] != "any"])
if config.bluec_sanitize:
    config.available_features.add("sanitize")
