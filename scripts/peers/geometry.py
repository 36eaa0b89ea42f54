"""What every side has to have in common: the decoder of bluelm-v-3b."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Geometry:
    """A LLaMA-style decoder: RMSNorm, rotary positions, SwiGLU, no biases."""

    name: str
    layers: int
    width: int
    ffn: int
    heads: int
    head_width: int
    vocabulary: int
    tied_head: bool = True
    context: int = 4096
    rms_eps: float = 1e-6
    rope_theta: float = 10000.0

    def matrices(self):
        """(name, rows, columns, how many) of every matrix a token is multiplied with."""
        attention = self.heads * self.head_width
        return [
            ("qkv", 3 * attention, self.width, self.layers),
            ("out", self.width, attention, self.layers),
            ("gate_up", 2 * self.ffn, self.width, self.layers),
            ("down", self.width, self.ffn, self.layers),
            ("head", self.vocabulary, self.width, 1),
        ]

    def weights_read(self):
        """How many weights one decoded token reads."""
        return sum(rows * columns * count for _, rows, columns, count in self.matrices())

    def prefill_operations(self, tokens):
        """Operations (two a multiply-add) of the linears for `tokens` tokens, head for the last."""
        return sum(2 * rows * columns * count * (1 if name == "head" else tokens)
                   for name, rows, columns, count in self.matrices())

    def kv_elements(self, tokens):
        """Elements of keys and values that `tokens` tokens leave in the cache."""
        return 2 * self.layers * self.heads * self.head_width * tokens


# The decoder that PAPER.md names for bluelm-v-3b. The peers have no LayerNorm on the embedding.
BLUELM_V_3B = Geometry("bluelm-v-3b", 40, 2304, 5760, 36, 64, 122753)
# The same with fewer layers, to try the scripts with (make_bluelm_v_3b --layers 2).
SMALL = Geometry("small", 2, 2304, 5760, 36, 64, 122753)
