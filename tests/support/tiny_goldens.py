"""What PyTorch answered about the example's pictures (pictures/goldens.json), and how to hold the lines of `answers` against it."""

import json
import math
import os
import struct

from tool import MODEL, check, read_bytes

PICTURES = os.path.join(MODEL, "pictures")
# How far a logit may be from PyTorch's: float differs in the order of sums only; logits are about 10.
RECIPES = {"float": 1e-3, "bluelm-v": 3.0, "fast": 3.0}

GOLDENS = json.loads(read_bytes(os.path.join(PICTURES, "goldens.json")))


def asked():
    """What is asked, in the order of the goldens' logits: pictures, whether it goes on with a conversation, golden."""
    for entry in GOLDENS["pictures"]:
        yield [entry["file"]], False, entry
    for conversation in GOLDENS["conversations"]:
        for index, entry in enumerate(conversation):
            yield entry["files"], index > 0, entry


def line(files, goes_on, entry):
    return "\t".join([*["+"] * goes_on, *(os.path.join(PICTURES, file) for file in files), entry["question"]]) + "\n"


ASKED = list(asked())
# Numbers of turns in ASKED.
ALL = range(len(ASKED))
# Decoding 12 megapixels takes longer than the rest together, and has no part in what threads, chunks and batches do.
FEW = [index for index in ALL if not any(file.startswith("huge") for file in ASKED[index][0])]


def text_of(which):
    """What `answers` reads."""
    return "".join(line(*ASKED[index]) for index in which)


def floats(words):
    return [struct.unpack("<f", struct.pack("<I", int(word, 16)))[0] for word in words]


def check_goldens(printed, recipe, which=ALL):
    """Compares the answers to those turns with PyTorch's; says the largest difference of a logit."""
    tolerance = RECIPES[recipe]
    vocabulary = GOLDENS["vocab_size"]
    expected = struct.unpack(f"<{vocabulary * len(ASKED)}f", read_bytes(os.path.join(PICTURES, "first_logits.f32")))
    lines, worst = printed.strip("\n").split("\n"), 0.0
    check(len(lines) == 3 * len(which), f"expected {3 * len(which)} lines, found {len(lines)}")
    for place, index in enumerate(which):
        files, _, entry = ASKED[index]
        turn, answer, logits = (line.split(" ")[1:] for line in lines[3 * place : 3 * place + 3])
        where = f"{', '.join(files)}: {entry['question']} "
        check([int(token) for token in turn] == entry["prompt_ids"],
              f"{where}expected the prompt {entry['prompt_ids']}, found {turn}")
        found = floats(logits)
        check(len(found) == vocabulary, f"{where}expected {vocabulary} logits, found {len(found)}")
        row = expected[index * vocabulary : (index + 1) * vocabulary]
        difference = max(abs(a - b) if math.isfinite(a) else math.inf for a, b in zip(found, row))
        worst = max(worst, difference)
        check(difference <= tolerance, f"{where}expected logits within {tolerance}, found {difference}")
        check([int(token) for token in answer] == entry["generated_ids"],
              f"{where}expected the answer {entry['generated_ids']}, found {answer}")
    return f"{len(which)} questions, logits within {worst:.1e}"
