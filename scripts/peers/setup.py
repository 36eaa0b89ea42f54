"""Puts the peers in place under a cache folder: a Python environment and a build of llama.cpp.

Everything comes from PyPI: llama.cpp is what the source distribution of llama-cpp-python carries,
built here for this CPU with LLAMA_OPTIONS. Standard library only.
"""

import glob
import os
import shutil
import subprocess
import sys
import tarfile

HERE = os.path.dirname(os.path.abspath(__file__))
REQUIREMENTS = os.path.join(HERE, "requirements.txt")
LLAMA_PACKAGE = "llama-cpp-python==0.3.36"
LLAMA_TOOLS = ("llama-bench", "llama-perplexity", "llama-quantize")
LLAMA_OPTIONS = ("CMAKE_BUILD_TYPE=Release", "GGML_NATIVE=ON", "BUILD_SHARED_LIBS=ON",
                 "LLAMA_BUILD_TOOLS=ON", "LLAMA_BUILD_SERVER=OFF", "LLAMA_BUILD_TESTS=OFF",
                 "LLAMA_BUILD_EXAMPLES=OFF", "LLAMA_BUILD_APP=OFF", "LLAMA_OPENSSL=OFF")


class Missing(RuntimeError):
    """Something that has to be there is not; the message says what and how to get it."""


def default_cache():
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return os.path.join(base, "bluec-peers")


def say(text):
    print(text, file=sys.stderr, flush=True)


def call(command, log, **options):
    """Runs a command with its output in `log`; says where to look when it fails."""
    with open(log, "a") as stream:
        done = subprocess.run(command, stdout=stream, stderr=subprocess.STDOUT, **options)
    if done.returncode != 0:
        raise Missing(f"{command[0]}: expected exit code 0, found {done.returncode}; see {log}")


def python_environment(cache):
    """The environment's Python, with requirements.txt installed."""
    folder = os.path.join(cache, "venv")
    python = os.path.join(folder, "bin", "python")
    with open(REQUIREMENTS) as stream:
        wanted = stream.read()
    stamp = os.path.join(folder, "requirements.installed")
    if os.path.exists(stamp) and open(stamp).read() == wanted:
        return python
    os.makedirs(cache, exist_ok=True)
    log = os.path.join(cache, "setup.log")
    say(f"installing the Python packages of {REQUIREMENTS} into {folder}")
    call([sys.executable, "-m", "venv", folder], log)
    call([python, "-m", "pip", "install", "-r", REQUIREMENTS], log)
    with open(stamp, "w") as stream:
        stream.write(wanted)
    return python


def enter(cache):
    """Goes on in the environment's Python; returns when already there."""
    python = python_environment(cache)
    if os.path.realpath(sys.prefix) != os.path.realpath(os.path.join(cache, "venv")):
        os.execv(python, [python, *sys.argv])


class LlamaCpp:
    """The unpacked source distribution and what was built of it."""

    def __init__(self, root):
        self.root = root
        self.package = os.path.join(root, "source")  # holds the Python package llama_cpp
        self.source = os.path.join(self.package, "vendor", "llama.cpp")
        self.bin = os.path.join(root, "build", "bin")

    def tool(self, name):
        return os.path.join(self.bin, name)

    def built(self):
        return all(os.path.exists(self.tool(name)) for name in LLAMA_TOOLS)

    def environment(self):
        """For a Python process that imports llama_cpp: the same library that the tools use."""
        return {**os.environ, "LLAMA_CPP_LIB_PATH": self.bin,
                "PYTHONPATH": os.pathsep.join([self.package, HERE])}


def fetch_llama_cpp(llama, log):
    if os.path.exists(llama.source):
        return
    say(f"fetching {LLAMA_PACKAGE} from PyPI")
    os.makedirs(llama.root, exist_ok=True)
    call([sys.executable, "-m", "pip", "download", "--no-deps", "--no-binary", ":all:",
          "--no-build-isolation", "-d", llama.root, LLAMA_PACKAGE], log)
    archive = glob.glob(os.path.join(llama.root, "llama_cpp_python-*.tar.gz"))[0]
    unpacked = os.path.join(llama.root, "unpacked")
    with tarfile.open(archive) as tar:
        tar.extractall(unpacked, filter="data")
    os.rename(glob.glob(os.path.join(unpacked, "llama_cpp_python-*"))[0], llama.package)
    os.rmdir(unpacked)


def llama_cpp(cache, jobs=2):
    """llama.cpp, built if it is not."""
    llama = LlamaCpp(os.path.join(cache, LLAMA_PACKAGE.replace("==", "-")))
    if llama.built():
        return llama
    for tool in ("cmake", "ninja", "c++"):
        if not shutil.which(tool):
            raise Missing(f"{tool}: needed to build llama.cpp, not found in PATH")
    log = os.path.join(cache, "setup.log")
    fetch_llama_cpp(llama, log)
    build = os.path.join(llama.root, "build")
    say(f"building llama.cpp for this CPU in {build} (about ten minutes on two cores)")
    call(["cmake", "-S", llama.source, "-B", build, "-G", "Ninja",
          *(f"-D{option}" for option in LLAMA_OPTIONS)], log)
    call(["nice", "ninja", "-C", build, f"-j{jobs}", *LLAMA_TOOLS], log)
    return llama


def clip_encode(llama, cache):
    """The program that times llama.cpp's image encoder (clip_encode.cpp), built if it is not."""
    program, source = llama.tool("clip_encode"), os.path.join(HERE, "clip_encode.cpp")
    if os.path.exists(program) and os.path.getmtime(program) > os.path.getmtime(source):
        return program
    log = os.path.join(cache, "setup.log")
    if not os.path.exists(llama.tool("libmtmd.so")):
        say("building llama.cpp's image encoders (some minutes)")
        call(["nice", "ninja", "-C", os.path.join(llama.root, "build"), "mtmd"], log)
    include = [f"-I{os.path.join(llama.source, folder)}"
               for folder in ("tools/mtmd", "ggml/include", "include", "common", "vendor")]
    call(["c++", "-O2", "-std=c++17", *include, source, "-o", program, f"-L{llama.bin}", "-lmtmd",
          "-lllama", "-lggml", "-lggml-base", "-Wl,-rpath,$ORIGIN"], log)
    return program
