"""Text, token windows and figures that every side of the accuracy comparison shares.

The text is English prose out of Debian packages, fetched with `apt-get download` (no root, nothing
is installed) and unwrapped to one line a paragraph. What is scored and what may calibrate come out
of different packages.

A window is LENGTH consecutive tokens, fed to a model with an empty context. Its second half is
scored: position i, for LENGTH / 2 <= i < LENGTH - 1, predicts token i + 1. That is what
llama.cpp's own llama-perplexity scores, so its figures can be held against ours.
"""

import gzip
import hashlib
import json
import os
import re
import subprocess

import numpy as np

LENGTH = 512
EVALUATION = {
    "debian-history": "usr/share/doc/debian-history/docs/project-history.en.txt.gz",
    "debian-faq": "usr/share/doc/debian/FAQ/debian-faq.en.txt.gz",
}
CALIBRATION = {
    "developers-reference": "usr/share/developers-reference/developers-reference.txt.gz",
}


class Missing(RuntimeError):
    """Something that has to be there is not; the message says what and how to get it."""


def packaged_file(cache, package, path):
    """Bytes of `path` in a Debian package, out of `cache` if an earlier call put it there."""
    root = os.path.join(cache, "debian", package)
    file = os.path.join(root, path)
    if not os.path.exists(file):
        os.makedirs(root, exist_ok=True)
        done = subprocess.run(["apt-get", "download", package], cwd=root, capture_output=True,
                              text=True)
        archives = [name for name in os.listdir(root) if name.endswith(".deb")]
        if done.returncode != 0 or not archives:
            raise Missing(f"package {package}: apt-get download failed: {done.stderr.strip()}")
        subprocess.run(["dpkg-deb", "-x", archives[0], "."], cwd=root, check=True)
    if not os.path.exists(file):
        raise Missing(f"package {package}: expected {path}, which this version does not have")
    with open(file, "rb") as stream:
        return stream.read()


def prose(raw):
    """Paragraphs of a plain-text manual, one a line; tables, rules and page furniture left out."""
    paragraphs = []
    for block in re.split(r"\n\s*\n", raw.replace("\r", "")):
        line = " ".join(block.split())
        letters = sum(c.isalpha() or c == " " for c in line)
        if len(line) >= 80 and letters >= 0.85 * len(line):
            paragraphs.append(line)
    return "\n".join(paragraphs) + "\n"


def read_text(cache, sources):
    return "".join(prose(gzip.decompress(packaged_file(cache, package, path)).decode("utf-8"))
                   for package, path in sources.items())


def evaluation_text(cache):
    return read_text(cache, EVALUATION)


def calibration_text(cache):
    return read_text(cache, CALIBRATION)


def token_windows(ids, count, length=LENGTH):
    """`count` windows of `length` tokens, spread evenly over `ids`, none overlapping: int32
    [count, length]."""
    ids = np.asarray(ids, np.int32)
    blocks = len(ids) // length
    if blocks < count:
        raise Missing(f"expected text of {count * length} tokens, found {len(ids)}")
    starts = [block * blocks // count * length for block in range(count)]
    return np.stack([ids[start:start + length] for start in starts])


def digest(windows):
    """A short name for exactly these windows, to see that two sides scored the same ones."""
    return hashlib.sha256(np.ascontiguousarray(windows, "<i4").tobytes()).hexdigest()[:16]


def save_windows(path, windows):
    with open(path, "w") as stream:
        json.dump({"sha256": digest(windows), "windows": windows.tolist()}, stream)


def load_windows(path):
    with open(path) as stream:
        found = json.load(stream)
    windows = np.array(found["windows"], np.int32)
    if digest(windows) != found["sha256"]:
        raise Missing(f"{path}: expected windows with digest {found['sha256']}, "
                      f"found {digest(windows)}")
    return windows


def scored(length=LENGTH):
    """The positions whose logits count: a slice of a window's positions."""
    return slice(length // 2, length - 1)


def log_probabilities(logits):
    """float32 log-softmax over the last axis, summed in float64; refuses what no model computes."""
    logits = np.asarray(logits, np.float32)
    top = logits.max(-1, keepdims=True)
    if not np.isfinite(logits.sum(-1, dtype=np.float64)).all():
        raise ValueError("expected finite logits, found infinities or NaN")
    shifted = logits - top
    total = np.exp(shifted).sum(-1, keepdims=True, dtype=np.float64)
    return shifted - np.log(total).astype(np.float32)


class Score:
    """Perplexity of one side, and its distance from the float model, over all scored positions.

        score = Score()
        for window, (reference, mine) in zip(windows, logits):  # each [LENGTH/2 - 1, vocabulary]
            score.add(window, mine, reference)
        score.result()
    """

    def __init__(self):
        self.loss, self.divergence, self.same = [], [], []

    def add(self, window, logits, reference=None):
        """Logits of the scored positions of `window`, and the float model's for the same ones."""
        where = scored(len(window))
        following = np.asarray(window)[where.start + 1:where.stop + 1]
        if len(logits) != len(following):
            raise ValueError(f"expected logits of {len(following)} positions, found {len(logits)}")
        mine = log_probabilities(logits)
        self.loss.extend(-mine[np.arange(len(following)), following].astype(np.float64))
        if reference is not None:
            float_side = log_probabilities(reference)
            distance = np.exp(float_side) * (float_side - mine)
            self.divergence.extend(distance.sum(-1, dtype=np.float64))
            self.same.extend(float_side.argmax(-1) == mine.argmax(-1))

    def result(self):
        """perplexity; kl: mean KL(float || this) in nats; kl_error: its standard error; kl_99: its
        99th percentile; top1: share of positions with the float model's most likely token."""
        found = {"positions": len(self.loss), "perplexity": float(np.exp(np.mean(self.loss)))}
        if self.divergence:
            found["kl"] = float(np.mean(self.divergence))
            found["kl_error"] = float(np.std(self.divergence) / np.sqrt(len(self.divergence)))
            found["kl_99"] = float(np.percentile(self.divergence, 99))
            found["top1"] = float(np.mean(self.same))
        return found
