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
import os

import lit.formats

config.name = "bluec"
config.test_format = lit.formats.ShTest(execute_external=False)
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
config.environment["FILECHECK_OPTS"] = "--dump-input-filter=annotation-full"
# The LLVM libraries that MLIR tools link are not built with the sanitizers, so leaks inside them
# are not ours to find.
config.environment["ASAN_OPTIONS"] = "detect_leaks=0:detect_container_overflow=0:allow_user_poisoning=0"
config.environment["UBSAN_OPTIONS"] = "print_stacktrace=1"

config.substitutions.append(("%root", root))
config.substitutions.append(("%examples", os.path.join(root, "examples")))
config.substitutions.append(("%python", "python3 -B"))

# `REQUIRES: avx512` and the like, for the few tests that run what they compiled.
with open("/proc/cpuinfo") as cpuinfo:
    flags = next((line.split(":")[1].split() for line in cpuinfo if line.startswith("flags")), [])
if {"avx2", "fma"} <= set(flags):
    config.available_features.add("avx2")
if {"avx512f", "avx512vnni"} <= set(flags):
    config.available_features.add("avx512")
if config.bluec_sanitize:
    config.available_features.add("sanitize")
