"""Runs the test on the exported package, through onnxruntime: what a user of the files gets.

    python evaluate.py ../../examples/tiny-bluelm-v [count]
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


def main():
    folder, count = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 500
    chat = text.Chat(Tokenizer.from_file(os.path.join(folder, "tokenizer.json")))
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    vision, embed, decoder = (
        onnxruntime.InferenceSession(os.path.join(folder, n + ".onnx"), options, providers=["CPUExecutionProvider"])
        for n in ("vision_encoder", "embed_tokens", "decoder_model_merged")
    )
    empty = {
        i.name: np.zeros((1, i.shape[1], 0, i.shape[3]), np.float32) for i in decoder.get_inputs() if i.name.startswith("past_key_values.")
    }
    score = defaultdict(lambda: [0, 0])
    for image, kind, question, answer in data.test_set(count):
        tiles, _ = preprocess.tiles(image)
        ids = np.array([chat.prompt(question, len(tiles))], np.int64)
        x = embed.run(None, {"input_ids": ids})[0]
        x[ids == chat.image] = vision.run(None, {"pixel_values": preprocess.normalise(tiles)})[0].reshape(-1, x.shape[-1])
        past, out, at = empty, [], 0
        while len(out) < 32 and (not out or out[-1] != chat.eos):
            n = x.shape[1]
            feed = {"inputs_embeds": x, "attention_mask": np.ones((1, at + n), np.int64), "position_ids": np.arange(at, at + n)[None]}
            logits, *present = decoder.run(None, feed | past)
            past, at = dict(zip(empty, present)), at + n
            out.append(int(logits[0, -1].argmax()))
            x = embed.run(None, {"input_ids": np.array([[out[-1]]], np.int64)})[0]
        score[kind][0] += chat.decode(out) == answer
        score[kind][1] += 1
    right = sum(r for r, _ in score.values())
    print(f"exact match {right}/{count} ({100 * right / count:.1f}%)  " + "  ".join(f"{k} {r}/{c}" for k, (r, c) in sorted(score.items())))


if __name__ == "__main__":
    main()
