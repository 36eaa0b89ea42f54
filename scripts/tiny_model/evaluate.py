"""Runs the tests on the exported package, through onnxruntime: what a user of the files gets.

    python evaluate.py ../../examples/tiny-bluelm-v [count]

The single pictures of the six grids, `count` (500) of them; then a fifth as many of every other class, and of conversations about two.
"""

import os
import sys
from collections import defaultdict

import numpy as np
import onnxruntime
from tokenizers import Tokenizer

import data
import preprocess
import text


class Package:
    """The exported files, with one conversation."""

    def __init__(self, folder):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.vision, self.embed, self.decoder = (
            onnxruntime.InferenceSession(os.path.join(folder, n + ".onnx"), options, providers=["CPUExecutionProvider"])
            for n in ("vision_encoder", "embed_tokens", "decoder_model_merged")
        )
        self.chat = text.Chat(Tokenizer.from_file(os.path.join(folder, "tokenizer.json")))
        self.past_inputs = [i for i in self.decoder.get_inputs() if i.name.startswith("past_key_values.")]
        self.reset()

    def reset(self):
        self.at, self.waiting = 0, [self.chat.bos]
        self.past = {i.name: np.zeros((1, i.shape[1], 0, i.shape[3]), np.float32) for i in self.past_inputs}

    def step(self, ids, tiles=None):
        """Feeds ids; returns the one that follows."""
        ids = np.array([ids], np.int64)
        x = self.embed.run(None, {"input_ids": ids})[0]
        if tiles is not None:
            x[ids == self.chat.image] = self.vision.run(None, {"pixel_values": preprocess.normalise(tiles)})[0].reshape(-1, x.shape[-1])
        n = ids.shape[1]
        feed = {"inputs_embeds": x, "attention_mask": np.ones((1, self.at + n), np.int64), "position_ids": np.arange(self.at, self.at + n)[None]}
        logits, *present = self.decoder.run(None, feed | self.past)
        self.past, self.at = dict(zip(self.past, present)), self.at + n
        return int(logits[0, -1].argmax())

    def ask(self, images, question, longest=32):
        cut = [preprocess.tiles(image)[0] for image in images]
        ids = self.waiting + self.chat.turn(question, [len(t) for t in cut])
        out = [self.step(ids, np.concatenate(cut) if cut else None)]
        while len(out) < longest and out[-1] != self.chat.eos:
            out.append(self.step(out[-1:]))
        # The last token was not fed; an answer that was cut is closed as well.
        self.waiting = [self.chat.eos] if out[-1] == self.chat.eos else [out[-1], self.chat.eos]
        return self.chat.decode(out)


def measure(package, name, conversations):
    """Conversations: (kind, pictures, turns of (pictures that come with it, question, answer))."""
    score, wrong = defaultdict(lambda: [0, 0]), []
    for kind, images, turns in conversations:
        package.reset()
        for new, question, answer in turns:
            got = package.ask([images[k] for k in new], question)
            score[kind][0] += got == answer
            score[kind][1] += 1
            if got != answer:
                wrong.append((question, answer, got))
    right, count = (sum(s[i] for s in score.values()) for i in (0, 1))
    kinds = "  ".join(f"{k} {r}/{c}" for k, (r, c) in sorted(score.items())) if len(score) > 1 else ""
    print(f"{name:18} {right}/{count} ({100 * right / count:.1f}%)  {kinds}")
    print(f"  wrong: {wrong}", flush=True)


def main():
    package, count = Package(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 500
    alone = lambda pictures: [(kind, [image], [([0], question, answer)]) for image, kind, question, answer in pictures]
    measure(package, "six grids", alone(data.test_set(count)))
    for name in ("wide", "tall", "tiny", "large", "huge", "jpeg"):
        measure(package, name, alone(data.shape_test(name, count // 5)))
    for name, later in (("two at once", False), ("second one later", True)):
        measure(package, name, [(name, *c) for c in data.pair_test(count // 5, later)])


if __name__ == "__main__":
    main()
