"""Renders the example pictures and writes what PyTorch makes of them.

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
    ("sign-01.png", "sign", (1, 1), 0), ("sign-02.png", "sign", (1, 1), 0), ("sign-03.png", "sign", (1, 1), 1), ("sign-04.png", "sign", (2, 1), 0),
    ("sign-05.png", "sign", (2, 1), 0), ("sign-06.png", "sign", (2, 1), 1), ("sign-07.png", "sign", (3, 1), 0), ("sign-08.png", "sign", (2, 2), 0),
    ("label-01.png", "label", (1, 1), 0), ("label-02.png", "label", (1, 1), 1), ("label-03.png", "label", (1, 1), 0),
    ("label-04.png", "label", (2, 1), 1), ("label-05.png", "label", (2, 1), 0), ("receipt-01.png", "receipt", (1, 2), 0),
    ("receipt-02.png", "receipt", (1, 2), 0), ("receipt-03.png", "receipt", (1, 2), 1), ("receipt-04.png", "receipt", (1, 3), 0),
    ("receipt-05.png", "receipt", (2, 2), 0), ("receipt-06.png", "receipt", (2, 2), 0), ("receipt-07.png", "receipt", (2, 2), 1),
]
# The same, of these very sizes.
SIZES = [
    ("wide-01.png", "sign", (600, 120), 0), ("wide-02.png", "label", (640, 128), 1),
    ("tall-01.png", "sign", (120, 600), 0), ("tall-02.png", "label", (150, 480), 1),
    ("tiny-01.png", "sign", (24, 16), 0), ("tiny-02.png", "label", (46, 36), 1),
    ("huge-01.png", "sign", (4000, 3000), 0), ("huge-02.jpg", "receipt", (3000, 4000), 0),
]
# Conversations: turns of (files that come with it, question, whose answer it is, which of that picture's questions it asks).
CONVERSATIONS = [
    [(["sign-01.png", "sign-02.png"], "What does the first sign say?", "sign-01.png", 0)],
    [(["sign-02.png", "sign-01.png"], "What does the second sign say?", "sign-01.png", 0)],
    [(["label-04.png", "label-02.png"], "What is the price on the second label?", "label-02.png", 1)],
    [(["sign-04.png", "receipt-02.png"], "What does the first picture say?", "sign-04.png", 0)],
    [(["receipt-05.png", "sign-06.png"], "What is the total?", "receipt-05.png", 0),
     ([], "What colour is the sign?", "sign-06.png", 1)],
    [(["sign-04.png"], "What does it say?", "sign-04.png", 0),
     (["tall-01.png"], "What does it say?", "tall-01.png", 0),
     ([], "What does the first picture say?", "sign-04.png", 0)],
]


def render(folder, seed):
    """Writes the picture files; returns (file, question, answer) lists by file.  The strings are held out, as in the test."""
    rng, sized = random.Random(seed), random.Random(f"sizes/{seed}")
    known = {}
    for r, entries in ((rng, PICTURES), (sized, [(f, k, data.Size(s), w) for f, k, s, w in SIZES])):
        for file, kind, grid, which in entries:
            image, _, qa = data.sample(r, True, kind, grid)
            options = {"quality": 60} if file.endswith(".jpg") else {}
            image.save(os.path.join(folder, file), optimize=True, **options)
            known[file] = (which, qa)
    return known


class Maker:
    """Asks the model in PyTorch, about the files, as a user's runtime will see them."""

    def __init__(self, checkpoint, folder):
        self.model, self.folder = load(checkpoint), folder
        self.chat = text.Chat(text.build())
        self.logits, self.right = [], 0

    def tiles(self, file):
        image = Image.open(os.path.join(self.folder, file))
        t, grid = preprocess.tiles(image)
        return t, {
            "file": file,
            "width": image.width,
            "height": image.height,
            "grid": list(grid),
            "tiles": len(t),
            "tiles_sha256": hashlib.sha256(np.ascontiguousarray(t).tobytes()).hexdigest(),
        }

    def ask(self, before, cut, ids, answer):
        """What a turn gives, after the turns before and with all the tiles so far."""
        pixels = torch.from_numpy(preprocess.normalise(np.concatenate(cut)))
        out, first = self.model.generate(torch.tensor([before + ids]), pixels, self.chat.image, self.chat.eos)
        top = torch.topk(first[0], 2).values
        got = self.chat.decode(out[0])
        self.right += got == answer
        self.logits.append(first[0].numpy().astype("<f4"))
        return {
            "prompt_ids": ids,
            "image_positions": self.positions(ids),
            "generated_ids": out[0],
            "generated_text": got,
            # How far the first token is ahead of the second: a golden with a small margin would be a fragile one.
            "first_margin": round(float(top[0] - top[1]), 4),
        }

    def positions(self, ids):
        return [ids.index(self.chat.image), ids.count(self.chat.image)] if self.chat.image in ids else []

    def picture(self, file, question, answer):
        t, facts = self.tiles(file)
        said = self.ask([], [t], self.chat.prompt(question, len(t)), answer)
        order = ["file", "width", "height", "question", "answer", "grid", "tiles", "tiles_sha256"]
        entry = facts | {"question": question, "answer": answer}
        return {key: entry[key] for key in order} | said

    def conversation(self, turns):
        out, before, cut = [], [], []
        for files, question, answer in turns:
            new = [self.tiles(file) for file in files]
            cut += [t for t, _ in new]
            # The end of the answer before opens the next turn.
            opening = [self.chat.eos] if before else [self.chat.bos]
            ids = opening + self.chat.turn(question, [len(t) for t, _ in new])
            said = self.ask(before, cut, ids, answer)
            out.append({"files": files, "question": question, "answer": answer, "tiles": [len(t) for t, _ in new]} | said)
            before = before + ids + [i for i in said["generated_ids"] if i != self.chat.eos]
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
    known = render(folder, a.seed)
    maker = Maker(a.checkpoint, folder)
    pictures = [maker.picture(file, *qa[which][1:]) for file, (which, qa) in known.items()]
    conversations = []
    for turns in CONVERSATIONS:
        conversations.append(maker.conversation([(files, question, known[of][1][which][2]) for files, question, of, which in turns]))
    np.stack(maker.logits).tofile(os.path.join(folder, "first_logits.f32"))
    header = {
        "about": "grid is [columns, rows]; tiles_sha256 is over the uint8 RGB tiles [tile, row, column, channel] after resize, padding and cutting, "
        "thumbnail last; image_positions is [first, count], in the turn; generated_ids ends with eos unless cut at 32; conversations are lists of turns, "
        "where a turn's prompt_ids continue those of the turn before and its answer; first_logits.f32 holds, for the pictures and then the turns in this "
        "order, the logits that choose the first token: little-endian float32 [pictures and turns, vocab_size]",
        "vocab_size": maker.model.c.text.vocab_size,
    }
    rows = lambda entries: ",\n".join("    " + json.dumps(e) for e in entries)
    turns = ",\n".join("  [\n" + rows(c) + "\n  ]" for c in conversations)
    with open(os.path.join(folder, "goldens.json"), "w") as f:
        f.write(json.dumps(header)[:-1] + ',\n"pictures": [\n' + rows(pictures) + '\n],\n"conversations": [\n' + turns + "\n]}\n")
    print(f"{len(maker.logits)} questions, {maker.right} answered right")
    for e in pictures:
        print(f"  {e['file']:16} {e['grid']} {e['question']:38} {e['answer']:8} {e['generated_text']!r} {e['first_margin']}")
    for e in (turn for c in conversations for turn in c):
        print(f"  {' '.join(e['files']):32} {e['question']:38} {e['answer']:8} {e['generated_text']!r} {e['first_margin']}")


if __name__ == "__main__":
    main()
