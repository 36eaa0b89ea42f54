#!/usr/bin/env python3
"""Writes a Qwen 3 with random weights, as transformers saves one: a stand-in for a model of yours.

    python3 examples/own-model/make_qwen3.py DIR
"""

import pathlib
import sys

import torch
from transformers import AutoTokenizer, Qwen3Config, Qwen3ForCausalLM

EXAMPLE = pathlib.Path(__file__).resolve().parent.parent / "tiny-bluelm-v"

torch.manual_seed(0)
config = Qwen3Config(
    vocab_size=384,
    hidden_size=64,
    intermediate_size=128,
    num_hidden_layers=2,
    num_attention_heads=4,
    num_key_value_heads=2,
    head_dim=16,
    bos_token_id=1,
    eos_token_id=2,
    pad_token_id=0,
)
Qwen3ForCausalLM(config).save_pretrained(sys.argv[1])
AutoTokenizer.from_pretrained(EXAMPLE).save_pretrained(sys.argv[1])
