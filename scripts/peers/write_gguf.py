"""Writes a GGUF file of a geometry with random Q4_0 weights, one matrix in memory at a time."""

import gguf
import numpy as np

BLOCK = 32
BYTES = 18  # f16 scale and 32 nibbles
# Nibbles are uniform over 0..15 and mean q - 8: a block's values have this standard deviation.
NIBBLE_DEVIATION = float(np.sqrt(np.mean((np.arange(16) - 8.0) ** 2)))


def random_q4_0(rng, rows, columns, deviation):
    """Blocks [rows, columns / 32 * 18] of Q4_0 whose values have about this standard deviation."""
    scales = deviation / NIBBLE_DEVIATION * np.exp(0.25 * rng.standard_normal(
        (rows, columns // BLOCK), np.float32))
    # Signs differ from block to block, as in real files: the nibbles' mean of -0.5 cancels out.
    scales *= rng.choice(np.float32([-1, 1]), scales.shape)
    blocks = np.empty((rows, columns // BLOCK, BYTES), np.uint8)
    blocks[..., :2] = scales.astype("<f2")[..., None].view(np.uint8)
    blocks[..., 2:] = np.frombuffer(rng.bytes(rows * columns // 2), np.uint8).reshape(
        rows, columns // BLOCK, BLOCK // 2)
    return blocks.reshape(rows, -1)


def tensors(geometry):
    """(name, shape, deviation) in file order; deviation None: a norm's scale, in f32."""
    g = geometry
    attention = g.heads * g.head_width
    into, residual = g.width ** -0.5, (2 * g.layers) ** -0.5
    yield "token_embd.weight", (g.vocabulary, g.width), 0.05
    for i in range(g.layers):
        yield f"blk.{i}.attn_norm.weight", (g.width,), None
        yield f"blk.{i}.attn_q.weight", (attention, g.width), into
        yield f"blk.{i}.attn_k.weight", (attention, g.width), into
        yield f"blk.{i}.attn_v.weight", (attention, g.width), into
        yield f"blk.{i}.attn_output.weight", (g.width, attention), attention ** -0.5 * residual
        yield f"blk.{i}.ffn_norm.weight", (g.width,), None
        yield f"blk.{i}.ffn_gate.weight", (g.ffn, g.width), into
        yield f"blk.{i}.ffn_up.weight", (g.ffn, g.width), into
        yield f"blk.{i}.ffn_down.weight", (g.width, g.ffn), g.ffn ** -0.5 * residual
    yield "output_norm.weight", (g.width,), None
    if not g.tied_head:
        yield "output.weight", (g.vocabulary, g.width), 0.05


def write(path, geometry, seed=0):
    g = geometry
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name(g.name)
    writer.add_context_length(g.context)
    writer.add_embedding_length(g.width)
    writer.add_block_count(g.layers)
    writer.add_feed_forward_length(g.ffn)
    writer.add_head_count(g.heads)
    writer.add_head_count_kv(g.heads)
    writer.add_rope_dimension_count(g.head_width)
    writer.add_rope_freq_base(g.rope_theta)
    writer.add_layer_norm_rms_eps(g.rms_eps)
    writer.add_vocab_size(g.vocabulary)
    writer.add_tokenizer_model("none")
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_Q4_0)
    for name, shape, deviation in tensors(g):
        if deviation is None:
            writer.add_tensor_info(name, shape, np.dtype(np.float32), 4 * shape[0])
        else:
            stored = (shape[0], shape[1] // BLOCK * BYTES)
            writer.add_tensor_info(name, stored, np.dtype(np.uint8), stored[0] * stored[1],
                                   raw_dtype=gguf.GGMLQuantizationType.Q4_0)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    rng = np.random.default_rng(seed)
    for name, shape, deviation in tensors(g):
        if deviation is None:
            data = (1 + 0.1 * rng.standard_normal(shape)).astype(np.float32)
        else:
            data = random_q4_0(rng, *shape, deviation)
        writer.write_tensor_data(data)
    writer.close()
