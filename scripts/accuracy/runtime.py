"""The runtime from Python: builds it as a shared library and calls its C interface.

What stands here follows runtime/include/bluec/bluec_runtime.h and runtime/abi/bluec_abi.h.
"""

import ctypes
import fcntl
import os
import pathlib
import subprocess

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
MESSAGE_BYTES = 1024
SIZE_MAX = ctypes.c_size_t(-1).value


def build_library(folder: pathlib.Path) -> pathlib.Path:
    """libbluec_runtime.so out of the runtime's own build, made anew when a source changed."""
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return _build(folder)


def _build(folder):
    compiler = os.environ.get("CXX", "clang++-22")
    quiet = {"check": True, "stdout": subprocess.DEVNULL}
    subprocess.run(
        ["cmake", "-S", ROOT / "runtime", "-B", folder, "-G", "Ninja",
         f"-DCMAKE_CXX_COMPILER={compiler}", "-DCMAKE_POSITION_INDEPENDENT_CODE=ON"], **quiet,
    )
    subprocess.run(["ninja", "-C", folder, "bluec_runtime"], **quiet)
    library = folder / "libbluec_runtime.so"
    subprocess.run(
        [compiler, "-shared", "-o", library, "-Wl,--whole-archive", folder / "libbluec_runtime.a",
         "-Wl,--no-whole-archive", "-pthread", "-ldl"], **quiet,
    )
    return library


class Tensor(ctypes.Structure):
    _fields_ = [
        ("name", ctypes.c_char_p), ("dtype", ctypes.c_uint32), ("rank", ctypes.c_uint32),
        ("dims", ctypes.c_int64 * 4), ("offset", ctypes.c_int64), ("bytes", ctypes.c_int64),
    ]


class OpenOptions(ctypes.Structure):
    _fields_ = [
        ("struct_bytes", ctypes.c_size_t), ("threads", ctypes.c_int32),
        ("verify_weights", ctypes.c_int32), ("guard_weights", ctypes.c_int32),
    ]


class GenerateOptions(ctypes.Structure):
    _fields_ = [
        ("struct_bytes", ctypes.c_size_t), ("max_new_tokens", ctypes.c_int64),
        ("temperature", ctypes.c_float), ("top_p", ctypes.c_float), ("seed", ctypes.c_uint64),
    ]


class Error(RuntimeError):
    pass


class Bundle:
    """A bundle with one session."""

    def __init__(self, library: pathlib.Path, directory: pathlib.Path, threads: int = 0):
        self.library = ctypes.CDLL(str(library))
        for name in ("bluec_session_error", "bluec_status_name", "bluec_bundle_manifest"):
            getattr(self.library, name).restype = ctypes.c_char_p
        for name in ("bluec_session_answer_tokens", "bluec_session_turn_tokens"):
            getattr(self.library, name).restype = ctypes.POINTER(ctypes.c_int32)
        self.library.bluec_session_logits.restype = ctypes.POINTER(ctypes.c_float)
        options = OpenOptions()
        self.library.bluec_open_options_defaults(ctypes.byref(options))
        options.threads = threads
        self.bundle, self.session = ctypes.c_void_p(), ctypes.c_void_p()
        message = ctypes.create_string_buffer(MESSAGE_BYTES)
        if self.library.bluec_bundle_open(
            os.fsencode(directory), ctypes.byref(options), ctypes.byref(self.bundle), message,
            ctypes.c_size_t(MESSAGE_BYTES),
        ):
            raise Error(message.value.decode())
        if self.library.bluec_session_create(
            self.bundle, ctypes.byref(self.session), message, ctypes.c_size_t(MESSAGE_BYTES)
        ):
            raise Error(message.value.decode())

    def close(self) -> None:
        self.library.bluec_session_free(self.session)
        self.library.bluec_bundle_close(self.bundle)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _check(self, status: int) -> None:
        if status:
            raise Error(self.library.bluec_session_error(self.session).decode())

    def reset(self) -> None:
        self.library.bluec_session_reset(self.session)

    def run_entry(self, name: str, count: int, position: int, value, out=None) -> None:
        """One entry point of one input and one output; `out` is filled when it is given."""
        inputs = (ctypes.c_void_p * 1)(value.ctypes.data)
        outputs = (ctypes.c_void_p * 1)(None if out is None else out.ctypes.data)
        self._check(self.library.bluec_session_run_entry(
            self.session, name.encode(), ctypes.c_int64(count), ctypes.c_int64(position), inputs,
            outputs, None, None,
        ))

    def window_logits(self, ids, vocabulary: int, first: int = 0):
        """Logits f32 [len(ids) - first, vocabulary] of positions `first` and on, with an empty
        context; one token at a time. A chunk computes the same bits, but gives its last logits
        only."""
        ids = np.ascontiguousarray(ids, np.int32)
        logits = np.empty((len(ids) - first, vocabulary), np.float32)
        for position in range(len(ids)):
            row = logits[position - first] if position >= first else None
            self.run_entry("decode", 1, position, ids[position : position + 1], row)
        return logits

    def add_picture(self, rgb: np.ndarray) -> None:
        """uint8 [height, width, 3]"""
        rgb = np.ascontiguousarray(rgb, np.uint8)
        height, width, _ = rgb.shape
        self._check(self.library.bluec_session_add_picture_rgb(
            self.session, ctypes.c_void_p(rgb.ctypes.data), width, height,
            ctypes.c_int64(rgb.strides[0]),
        ))

    def ask(self, text: str) -> None:
        self._check(self.library.bluec_session_add_turn(
            self.session, text.encode(), ctypes.c_size_t(SIZE_MAX)
        ))

    def generate(self, most: int) -> str:
        """The most likely answer."""
        options = GenerateOptions()
        self.library.bluec_generate_options_defaults(ctypes.byref(options))
        options.max_new_tokens = most
        parts = []
        callback = ctypes.CFUNCTYPE(
            ctypes.c_int32, ctypes.c_void_p, ctypes.POINTER(ctypes.c_char), ctypes.c_size_t
        )

        @callback
        def collect(_, text, size):
            parts.append(ctypes.string_at(text, size))
            return 0

        self._check(self.library.bluec_session_generate(
            self.session, ctypes.byref(options), collect, None
        ))
        return b"".join(parts).decode()
