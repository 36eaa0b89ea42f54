"""onnxruntime's side of one round, in a process of its own: prints one JSON object.

    run_onnxruntime.py MODEL.onnx --tasks prefill:512 decode:0 --threads 2 [--logits FILE.npy]

A task is `prefill:N` (N tokens into an empty cache) or `decode:D` (one token at a time after D).
"""

import argparse
import json
import time

import numpy as np
import onnxruntime

from measure import status


class Session:
    def __init__(self, path, threads, capacity):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(path, options, ["CPUExecutionProvider"])
        self.binding = self.session.io_binding()
        self.binding.bind_output("logits")
        self.caches = []
        for value in self.session.get_inputs():
            if value.name.startswith("past_"):
                shape = [capacity if isinstance(n, str) else n for n in value.shape]
                cache = onnxruntime.OrtValue.ortvalue_from_numpy(np.zeros(shape, np.float32))
                self.caches.append(cache)
                # Keys and values are updated in place.
                self.binding.bind_ortvalue_input(value.name, cache)
                self.binding.bind_ortvalue_output(value.name.replace("past_", "present_"), cache)
        self.vocabulary = self.session.get_outputs()[0].shape[-1]

    def run(self, tokens, position):
        """Logits [vocabulary] after `tokens`, the first of which stands at `position`."""
        total = position + len(tokens)
        self.binding.bind_cpu_input("input_ids", np.array([tokens], np.int64))
        self.binding.bind_cpu_input("seqlens_k", np.array([total - 1], np.int32))
        self.binding.bind_cpu_input("total_sequence_length", np.array(total, np.int32))
        self.session.run_with_iobinding(self.binding)
        # A copy: the next run writes to the same place.
        return self.binding.get_outputs()[0].numpy()[0, 0].copy()


def measure(session, task, decoded, rng):
    """Tokens per second of one task."""
    kind, tokens = task.split(":")
    tokens = int(tokens)
    prompt = rng.integers(0, session.vocabulary, tokens).tolist()
    if kind == "prefill":
        start = time.perf_counter()
        session.run(prompt, 0)
        return tokens / (time.perf_counter() - start)
    for at in range(0, tokens, 512):
        session.run(prompt[at:at + 512], at)
    token = 1
    session.run([token], tokens)
    start = time.perf_counter()
    for step in range(decoded):
        token = int(session.run([token], tokens + 1 + step).argmax())
    return decoded / (time.perf_counter() - start)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model")
    parser.add_argument("--tasks", nargs="*", default=[])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--decoded", type=int, default=32)
    parser.add_argument("--capacity", type=int, default=2048)
    parser.add_argument("--prompts", help="JSON: lists of tokens whose logits --logits takes")
    parser.add_argument("--logits", help="writes the logits after each prompt as .npy")
    options = parser.parse_args()
    start = time.perf_counter()
    session = Session(options.model, options.threads, options.capacity)
    load = time.perf_counter() - start
    session.run([1] * 32, 0)
    rng = np.random.default_rng(1)
    rates = {task: measure(session, task, options.decoded, rng) for task in options.tasks}
    if options.logits:
        with open(options.prompts) as stream:
            np.save(options.logits, [session.run(prompt, 0) for prompt in json.load(stream)])
    print(json.dumps({"version": onnxruntime.__version__, "load_seconds": load, "rates": rates,
                      "memory": status("self")}))


if __name__ == "__main__":
    main()
