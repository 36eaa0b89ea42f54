#!/usr/bin/env python3
"""Exports a SmolVLM or Idefics 3 of transformers to the three graphs that bluec takes, with the files
of its processor beside them. DIR is a directory or a name of the Hugging Face hub.

    python3 examples/own-model/export_smolvlm.py DIR OUT
"""

import pathlib
import sys

import torch
import transformers as tf

OPSET = 17


class Vision(torch.nn.Module):
    """Pictures and a mask of their pixels, to rows of features. What transformers does to find
    pictures without content has no form in ONNX, and is not needed: there are none."""

    def __init__(self, model):
        super().__init__()
        self.tower, self.connector = model.vision_model, model.connector
        self.patch = model.config.vision_config.patch_size

    def forward(self, pixel_values, pixel_attention_mask):
        height, width = pixel_values.shape[-2:]
        down, across = height // self.patch, width // self.patch
        blocks = pixel_attention_mask.reshape(-1, down, self.patch, across, self.patch)
        pictures = pixel_values.reshape(-1, 3, height, width)
        seen = blocks.sum(dim=(2, 4)) > 0
        return self.connector(self.tower(pictures, patch_attention_mask=seen).last_hidden_state)


class Decoder(torch.nn.Module):
    """Embeddings to logits, with the KV cache as inputs and outputs."""

    def __init__(self, model):
        super().__init__()
        self.language, self.head = model.model.text_model, model.lm_head

    def forward(self, inputs_embeds, attention_mask, position_ids, *past):
        cache = tf.DynamicCache(list(zip(past[::2], past[1::2])))
        found = self.language(
            inputs_embeds=inputs_embeds,
            attention_mask=attention_mask,
            position_ids=position_ids,
            past_key_values=cache,
            use_cache=True,
        )
        present = [tensor for layer in cache.layers for tensor in (layer.keys, layer.values)]
        return self.head(found.last_hidden_state), *present


def whole_numbers(size, fill_value, full=torch.full, **settings):
    """torch.full, of whole numbers for a whole number: the exporter would make floats of them."""
    if isinstance(fill_value, int) and not isinstance(fill_value, bool):
        settings.setdefault("dtype", torch.int64)
    return full(size, fill_value, **settings)


def count_edges(values, edges, right=False):
    """torch.bucketize, which has no form in ONNX."""
    return ((values[..., None] >= edges) if right else (values[..., None] > edges)).sum(-1)


def export(module, inputs, path, names, outputs, axes):
    with torch.no_grad():
        torch.onnx.export(
            module.eval(),
            inputs,
            str(path),
            dynamo=False,
            opset_version=OPSET,
            input_names=names,
            output_names=outputs,
            dynamic_axes=axes,
        )


source, out = sys.argv[1], pathlib.Path(sys.argv[2])
out.mkdir(parents=True)
torch.full, torch.bucketize = whole_numbers, count_edges
model = tf.AutoModelForImageTextToText.from_pretrained(source, dtype=torch.float32)
model.config.save_pretrained(out)
model.generation_config.save_pretrained(out)
tf.AutoProcessor.from_pretrained(source).save_pretrained(out)

size = model.config.vision_config.image_size
pictures = {0: "batch_size", 1: "num_images"}
export(
    Vision(model.model),
    (torch.rand(2, 2, 3, size, size), torch.ones(2, 2, size, size, dtype=torch.bool)),
    out / "vision_encoder.onnx",
    ["pixel_values", "pixel_attention_mask"],
    ["image_features"],
    {"pixel_values": pictures, "pixel_attention_mask": pictures, "image_features": {0: "num_tiles"}},
)

rows = {0: "batch_size", 1: "sequence_length"}
export(
    model.get_input_embeddings(),
    (torch.zeros(1, 3, dtype=torch.int64),),
    out / "embed_tokens.onnx",
    ["input_ids"],
    ["inputs_embeds"],
    {"input_ids": rows, "inputs_embeds": rows},
)

text = model.config.text_config
text._attn_implementation = "sdpa"
heads = text.num_key_value_heads
width = getattr(text, "head_dim", None) or text.hidden_size // text.num_attention_heads
parts = [f"{layer}.{part}" for layer in range(text.num_hidden_layers) for part in ("key", "value")]
past, present = [f"past_key_values.{part}" for part in parts], [f"present.{part}" for part in parts]
before, length = 5, 3
total = "past_sequence_length + sequence_length"
axes = {name: rows for name in ("inputs_embeds", "position_ids", "logits")}
axes["attention_mask"] = {0: "batch_size", 1: total}
axes |= {name: {0: "batch_size", 2: "past_sequence_length"} for name in past}
axes |= {name: {0: "batch_size", 2: total} for name in present}
export(
    Decoder(model),
    (
        torch.zeros(1, length, text.hidden_size),
        torch.ones(1, before + length, dtype=torch.int64),
        torch.arange(before, before + length)[None],
        *(torch.zeros(1, heads, before, width) for _ in past),
    ),
    out / "decoder_model_merged.onnx",
    ["inputs_embeds", "attention_mask", "position_ids", *past],
    ["logits", *present],
    axes,
)
