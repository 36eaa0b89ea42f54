"""Logits and tokens out of llama.cpp's library, through the ctypes layer of llama-cpp-python.

Run as a program it is llama.cpp's side of the check that logits are real:

    llama_model.py MODEL.gguf --prompts PROMPTS.json --logits FILE.npy [--cache-type q8_0]
"""

import argparse
import ctypes
import json

import llama_cpp
import numpy as np

CACHE_TYPES = {"f32": 0, "f16": 1, "q8_0": 8}  # enum ggml_type


@llama_cpp.llama_log_callback
def warnings_only(level, text, _):
    if level in (3, 4):  # GGML_LOG_LEVEL_WARN, GGML_LOG_LEVEL_ERROR
        print(text.decode("utf-8", "replace"), end="", flush=True)


class LlamaModel:
    """One model and one context of `capacity` tokens, with flash attention."""

    def __init__(self, path, capacity, cache_type="f16", threads=2):
        llama_cpp.llama_log_set(warnings_only, None)
        llama_cpp.llama_backend_init()
        self.model = llama_cpp.llama_model_load_from_file(
            path.encode(), llama_cpp.llama_model_default_params())
        if not self.model:
            raise RuntimeError(f"{path}: llama.cpp does not load it")
        params = llama_cpp.llama_context_default_params()
        params.n_ctx = params.n_batch = capacity
        params.n_threads = params.n_threads_batch = threads
        params.flash_attn_type = llama_cpp.LLAMA_FLASH_ATTN_TYPE_ENABLED
        params.type_k = params.type_v = CACHE_TYPES[cache_type]
        self.context = llama_cpp.llama_init_from_model(self.model, params)
        if not self.context:
            raise RuntimeError(f"{path}: llama.cpp makes no context of {capacity} tokens")
        self.batch = llama_cpp.llama_batch_init(capacity, 0, 1)
        self.vocab = llama_cpp.llama_model_get_vocab(self.model)
        self.vocabulary = llama_cpp.llama_vocab_n_tokens(self.vocab)

    def close(self):
        llama_cpp.llama_batch_free(self.batch)
        llama_cpp.llama_free(self.context)
        llama_cpp.llama_model_free(self.model)

    def tokenize(self, text):
        """Tokens of plain text; nothing is put in front, special tokens are not recognised."""
        raw = text.encode("utf-8")
        found = (ctypes.c_int32 * (len(raw) + 8))()
        count = llama_cpp.llama_tokenize(self.vocab, raw, len(raw), found, len(found), False, False)
        if count < 0:
            raise RuntimeError(f"llama.cpp: expected at most {len(found)} tokens, found {-count}")
        return np.frombuffer(found, np.int32, count).copy()

    def logits(self, tokens, where=slice(-1, None)):
        """f32 [positions, vocabulary] of the positions `where` of one run over an empty context."""
        llama_cpp.llama_memory_clear(llama_cpp.llama_get_memory(self.context), True)
        wanted = range(len(tokens))[where]
        batch = self.batch
        batch.n_tokens = len(tokens)
        for i, token in enumerate(tokens):
            batch.token[i], batch.pos[i], batch.logits[i] = int(token), i, i in wanted
            batch.n_seq_id[i], batch.seq_id[i][0] = 1, 0
        status = llama_cpp.llama_decode(self.context, batch)
        if status != 0:
            raise RuntimeError(f"llama_decode: expected 0, found {status}")
        rows = [np.ctypeslib.as_array(llama_cpp.llama_get_logits_ith(self.context, i),
                                      (self.vocabulary,)).copy() for i in wanted]
        return np.stack(rows)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model")
    parser.add_argument("--prompts", required=True)
    parser.add_argument("--logits", required=True)
    parser.add_argument("--cache-type", choices=CACHE_TYPES, default="f16")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    with open(options.prompts) as stream:
        prompts = json.load(stream)
    model = LlamaModel(options.model, max(map(len, prompts)), options.cache_type, options.threads)
    np.save(options.logits, [model.logits(prompt)[0] for prompt in prompts])
    model.close()


if __name__ == "__main__":
    main()
