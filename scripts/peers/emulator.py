"""Counts the instructions that a program of another machine executes, by QEMU's log of translated blocks."""

import os
import subprocess
import tempfile

QEMU = ["qemu-aarch64", "-cpu", "max", "-L", "/usr/aarch64-linux-gnu"]


class Failed(RuntimeError):
    """A program did not end as it should; the message says which, and how."""


def count_blocks(lines):
    """Instructions executed, of a log by `-d in_asm,exec,nochain`.

    A block is written out when it is translated: a line "IN:", then one for each instruction, which
    begins with its address. When it is executed there is a line "Trace 0: ... [x/ADDRESS/...]".
    """
    sizes, total, block = {}, 0, None
    for line in lines:
        if line.startswith(b"Trace "):
            block = None
            total += sizes[line.split(b"/", 2)[1]]
        elif line.startswith(b"IN:"):
            block = b""
        elif block is not None and line.startswith(b"0x"):
            if block == b"":
                block = b"%016x" % int(line[: line.index(b":")], 16)
                sizes[block] = 0
            sizes[block] += 1
    return total


def instructions(command):
    """Of a program that ends with exit code 0, and what it printed."""
    with tempfile.TemporaryDirectory() as folder:
        log = os.path.join(folder, "log")
        os.mkfifo(log)
        process = subprocess.Popen([*QEMU, "-d", "in_asm,exec,nochain", "-D", log, *command],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        with open(log, "rb", buffering=1 << 20) as stream:
            total = count_blocks(stream)
        out, err = process.communicate()
    if process.returncode != 0:
        raise Failed(f"{' '.join(command)}: expected exit code 0, found {process.returncode}: "
                     f"{err.strip()[-300:]}")
    return total, out
