"""Renders the 20 example pictures and writes what PyTorch makes of them.

    python make_goldens.py CHECKPOINT ../../examples/tiny-bluelm-v
"""

import argparse
import hashlib
import json
import os
import random

import numpy as np
import torch
from PIL import Image

import data
import preprocess
import text
from export import load

# File name, kind, grid of the picture, and which of its questions.
PICTURES = [
    ("sign-01", "sign", (1, 1), 0), ("sign-02", "sign", (1, 1), 0), ("sign-03", "sign", (1, 1), 1), ("sign-04", "sign", (2, 1), 0),
    ("sign-05", "sign", (2, 1), 0), ("sign-06", "sign", (2, 1), 1), ("sign-07", "sign", (3, 1), 0), ("sign-08", "sign", (2, 2), 0),
    ("label-01", "label", (1, 1), 0), ("label-02", "label", (1, 1), 1), ("label-03", "label", (1, 1), 0), ("label-04", "label", (2, 1), 1),
    ("label-05", "label", (2, 1), 0), ("receipt-01", "receipt", (1, 2), 0), ("receipt-02", "receipt", (1, 2), 0),
    ("receipt-03", "receipt", (1, 2), 1), ("receipt-04", "receipt", (1, 3), 0), ("receipt-05", "receipt", (2, 2), 0),
    ("receipt-06", "receipt", (2, 2), 0), ("receipt-07", "receipt", (2, 2), 1),
]


def render(folder, seed):
    """Writes the PNG files; returns name, question and answer.  The strings are held out, as in the test."""
    rng = random.Random(seed)
    out = []
    for name, kind, grid, which in PICTURES:
        image, _, qa = data.sample(rng, True, kind, grid)
        file = name + ".png"
        image.save(os.path.join(folder, file), optimize=True)
        out.append((file, *qa[which][1:]))
    return out


def main():
    p = argparse.ArgumentParser()
    p.add_argument("checkpoint")
    p.add_argument("out")
    p.add_argument("--seed", type=int, default=20)
    a = p.parse_args()
    torch.set_num_threads(1)  # so that the sums, and so the last bits of the logits, do not depend on the machine's cores
    folder = os.path.join(a.out, "pictures")
    os.makedirs(folder, exist_ok=True)
    model = load(a.checkpoint)
    chat = text.Chat(text.build())
    entries, logits, right = [], [], 0
    for file, question, answer in render(folder, a.seed):
        # From the file, as a user's runtime will see it.
        image = Image.open(os.path.join(folder, file))
        t, grid = preprocess.tiles(image)
        ids = chat.prompt(question, len(t))
        out, first = model.generate(torch.tensor([ids]), torch.from_numpy(preprocess.normalise(t)), chat.image, chat.eos)
        top = torch.topk(first[0], 2).values
        got = chat.decode(out[0])
        right += got == answer
        entries.append({
            "file": file,
            "width": image.width,
            "height": image.height,
            "question": question,
            "answer": answer,
            "grid": list(grid),
            "tiles": len(t),
            "tiles_sha256": hashlib.sha256(np.ascontiguousarray(t).tobytes()).hexdigest(),
            "prompt_ids": ids,
            "image_positions": [ids.index(chat.image), len(t) * chat.tokens_per_tile],
            "generated_ids": out[0],
            "generated_text": got,
            # How far the first token is ahead of the second: a golden with a small margin would be a fragile one.
            "first_margin": round(float(top[0] - top[1]), 4),
        })
        logits.append(first[0].numpy().astype("<f4"))
    np.stack(logits).tofile(os.path.join(folder, "first_logits.f32"))
    lines = ",\n".join("    " + json.dumps(e) for e in entries)
    header = {
        "about": "grid is [columns, rows]; tiles_sha256 is over the uint8 RGB tiles [tile, row, column, channel] after resize, padding and cutting, "
        "thumbnail last; image_positions is [first, count]; generated_ids ends with eos unless cut at 32; "
        "first_logits.f32 holds, for the pictures in this order, the logits that choose the first token: little-endian float32 [pictures, vocab_size]",
        "vocab_size": model.c.text.vocab_size,
    }
    with open(os.path.join(folder, "goldens.json"), "w") as f:
        f.write(json.dumps(header)[:-1] + ',\n"pictures": [\n' + lines + "\n]}\n")
    print(f"{len(entries)} pictures, {right} answered right")
    for e in entries:
        print(f"  {e['file']:16} {e['grid']} {e['question']:38} {e['answer']:8} {e['generated_text']!r}")


if __name__ == "__main__":
    main()
