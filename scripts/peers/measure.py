"""Runs one side in a process of its own and says what the kernel knows about that process."""

import json
import os
import re
import subprocess
import threading
import time


class Failed(RuntimeError):
    """A side did not do its work; the message says which and why."""


def status(pid):
    """Bytes of the memory lines of /proc/PID/status; empty when the process is gone."""
    try:
        with open(f"/proc/{pid}/status") as stream:
            return {name: int(kilobytes) * 1024 for name, kilobytes in
                    re.findall(r"^(VmHWM|RssAnon|RssFile):\s+(\d+) kB", stream.read(), re.M)}
    except OSError:
        return {}


def busy_seconds():
    """Processor time that all processes of this machine have used so far."""
    with open("/proc/stat") as stream:
        user, nice, system, _, _, irq, softirq, steal = map(int, stream.readline().split()[1:9])
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")


class Measured:
    """What a finished process printed, and what it took.

    memory: bytes; VmHWM (peak resident), and the most seen of RssAnon and RssFile.
    others: processors that other processes kept busy meanwhile, on average.
    """

    def __init__(self, output, memory, seconds, others):
        self.output, self.memory, self.seconds, self.others = output, memory, seconds, others

    def json(self):
        return json.loads(self.output)


def run(command, environment=None, interval=0.1):
    """Runs `command` to its end; Failed when its exit code is not 0."""
    start, busy = time.monotonic(), busy_seconds()
    process = subprocess.Popen(command, env=environment, text=True, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE)
    memory, done = {}, threading.Event()

    def watch():
        while not done.wait(interval):
            for name, value in status(process.pid).items():
                memory[name] = max(value, memory.get(name, 0))

    watcher = threading.Thread(target=watch)
    watcher.start()
    before = os.times()
    output, errors = process.communicate()
    done.set()
    watcher.join()
    after = os.times()
    mine = sum(after[2:4]) - sum(before[2:4])
    seconds = time.monotonic() - start
    if process.returncode != 0:
        last = errors.strip().splitlines()[-3:]
        raise Failed(f"{' '.join(command)}: expected exit code 0, found {process.returncode}: "
                     + " | ".join(last))
    others = max(0.0, (busy_seconds() - busy - mine) / seconds)
    return Measured(output, memory, seconds, others)
