#!/usr/bin/env python3
"""Writes a SmolVLM (Idefics 3) with random weights and its processor, as transformers saves them: a
stand-in for a model of yours.

    python3 examples/own-model/make_smolvlm.py DIR
"""

import pathlib
import sys

import torch
import transformers as tf

EXAMPLE = pathlib.Path(__file__).resolve().parent.parent / "tiny-bluelm-v"
TEMPLATE = (
    "<|im_start|>{% for message in messages %}{{ message.role | capitalize }}:"
    "{% for item in message.content %}"
    "{{ '<image>' if item.type == 'image' else ' ' ~ item.text }}{% endfor %}"
    "<end_of_utterance>\n{% endfor %}{% if add_generation_prompt %}Assistant:{% endif %}"
)

torch.manual_seed(0)
tokenizer = tf.PreTrainedTokenizerFast(
    tokenizer_file=str(EXAMPLE / "tokenizer.json"),
    bos_token="<|im_start|>",
    eos_token="<end_of_utterance>",
)
places = [f"<row_{row}_col_{column}>" for row in range(1, 5) for column in range(1, 5)]
tokenizer.add_special_tokens(
    {"additional_special_tokens": ["<fake_token_around_image>", "<image>", "<global-img>", *places]}
)
processor = tf.Idefics3Processor(
    tf.Idefics3ImageProcessor(size={"longest_edge": 256}, max_image_size={"longest_edge": 64}),
    tokenizer,
    image_seq_len=16,
    chat_template=TEMPLATE,
)
id_of = tokenizer.convert_tokens_to_ids
config = tf.Idefics3Config(
    image_token_id=id_of("<image>"),
    scale_factor=2,
    tie_word_embeddings=False,
    vision_config={
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "image_size": 64,
        "patch_size": 8,
    },
    text_config={
        "model_type": "llama",
        "vocab_size": len(tokenizer),
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "tie_word_embeddings": False,
        "max_position_embeddings": 2048,
        "bos_token_id": id_of("<|im_start|>"),
        "eos_token_id": id_of("<end_of_utterance>"),
        "pad_token_id": None,
    },
)
model = tf.Idefics3ForConditionalGeneration(config)
model.generation_config.eos_token_id = id_of("<end_of_utterance>")
model.save_pretrained(sys.argv[1])
processor.save_pretrained(sys.argv[1])
