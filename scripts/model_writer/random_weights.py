"""Seeded weights that look like those of a trained model to whoever quantizes them.

Elements are Gaussian, scaled by output channel and by input channel (log-normal), with a few
elements far out. Some channels of the residual stream are much larger than the rest, the same ones in
every layer, as trained transformers have them: they come from the weights of the norms. Gains keep
activations near one through any number of layers.
"""

import zlib

import numpy as np

OUTPUT_SPREAD, INPUT_SPREAD = 0.25, 0.2
FAR_SHARE, FAR_FACTOR = 2e-5, 5.0
LOUD_SHARE, LOUD_FACTOR = 0.004, 5.0
# Standard deviation of a query times a key, before the softmax: attention that looks at something.
SCORE_GAIN = 1.2
LOGIT_GAIN = 2.5
# What embeddings are in the residual stream, beside what the layers add: little, or a tied head would
# repeat every token that it is given.
EMBEDDING_GAIN = 0.1


class RandomWeights:
    """`layers` is the depth of the residual stream that this part of the model adds to."""

    def __init__(self, seed: int, part: str, layers: int):
        self.seed, self.part, self.layers = seed, part, layers

    def _generator(self, name: str, begin: int = 0) -> np.random.Generator:
        key = [self.seed, zlib.crc32(f"{self.part}/{name}".encode()), begin]
        return np.random.Generator(np.random.SFC64(np.random.SeedSequence(key)))

    def _spread(self, name: str, count: int, sigma: float) -> np.ndarray:
        scale = np.exp(self._generator(name).standard_normal(count) * sigma)
        return (scale / np.sqrt(np.mean(scale**2))).astype(np.float32)

    def _gain(self, name: str) -> float:
        last = name.rsplit(".", 1)[-1]
        if last in ("o_proj", "out_proj", "down_proj", "fc2"):
            return (2 * self.layers) ** -0.5
        return SCORE_GAIN if last in ("q_proj", "k_proj") else 1.0

    def _rows(self, name, rows, columns, row_spread, column_spread, deviation):
        by_row = self._spread(name + "/rows", rows, row_spread) * np.float32(deviation)
        by_column = self._spread(name + "/columns", columns, column_spread)

        def make(begin: int, end: int) -> np.ndarray:
            generator = self._generator(name, begin + 1)
            made = generator.standard_normal((end - begin, columns), dtype=np.float32)
            far = generator.integers(made.size, size=round(made.size * FAR_SHARE))
            made.reshape(-1)[far] *= FAR_FACTOR
            made *= by_row[begin:end, None]
            made *= by_column
            return made

        return make

    def linear(self, name, inputs, outputs, fan_in=None):
        deviation = self._gain(name) * (fan_in or inputs) ** -0.5
        return self._rows(name, inputs, outputs, INPUT_SPREAD, OUTPUT_SPREAD, deviation)

    def table(self, name, rows, width, deviation):
        return self._rows(name, rows, width, OUTPUT_SPREAD, INPUT_SPREAD, deviation)

    def embedding(self, vocabulary, width):
        return self.table("embed_tokens", vocabulary, width, LOGIT_GAIN * width**-0.5)

    def bias(self, name, width):
        gain = EMBEDDING_GAIN if name == "embed_layer_norm" else 1.0
        values = self._generator(name + "/bias").standard_normal(width) * 0.05 * gain
        return lambda begin, end: values[begin:end].astype(np.float32)

    def norm(self, name, width):
        loud = self._generator(f"loud/{width}").random(width) < LOUD_SHARE
        values = np.exp(self._generator(name + "/norm").standard_normal(width) * 0.15)
        values[loud] *= LOUD_FACTOR
        if name == "embed_layer_norm":
            values *= EMBEDDING_GAIN
        return lambda begin, end: values[begin:end].astype(np.float32)


class TiedHead:
    """The head of a decoder whose table of embeddings has been written: its transpose."""

    def __init__(self, weights: RandomWeights, path, offset: int, dtype):
        self.weights, self.path, self.offset, self.dtype = weights, path, offset, dtype

    def __getattr__(self, name):
        return getattr(self.weights, name)

    def head(self, vocabulary, width):
        table = np.memmap(
            self.path, self.dtype, mode="r", offset=self.offset, shape=(vocabulary, width)
        )
        return lambda begin, end: table[:, begin:end].T
