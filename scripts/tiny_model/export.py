"""Writes the model directory: three ONNX graphs and the Hugging Face JSON files.

    python export.py CHECKPOINT ../../examples/tiny-bluelm-v

Vision goes through the dynamo exporter, embedding and decoder through the TorchScript one, so that the example has both dialects.
"""

import argparse
import json
import os
import warnings

import numpy as np
import onnx
import onnxruntime
import torch
from torch import nn

import preprocess
import text
from model import BlueLMV, Config

VISION_OPSET, TEXT_OPSET = 18, 17


class DecoderGraph(nn.Module):
    """The decoder with the flat inputs and outputs that the ONNX ecosystem expects."""

    def __init__(self, decoder):
        super().__init__()
        self.decoder = decoder

    def forward(self, inputs_embeds, attention_mask, position_ids, *past):
        pairs = [(past[2 * i], past[2 * i + 1]) for i in range(len(past) // 2)]
        logits, presents = self.decoder(inputs_embeds, attention_mask, position_ids, pairs)
        return (logits, *(t for pair in presents for t in pair))


def load(checkpoint, seed=7):
    torch.manual_seed(seed)
    model = BlueLMV(Config())
    if checkpoint != "random":
        state = torch.load(checkpoint, weights_only=True, map_location="cpu")
        model.load_state_dict(state.get("model", state))
    else:
        # Equal tensors (fresh norms) would be merged by the exporter and give a graph that a trained model does not give.
        for p in model.parameters():
            p.data.add_(torch.randn_like(p) * 1e-3)
    return model.eval()


def export_vision(model, path):
    example = torch.zeros(3, 3, preprocess.BASE, preprocess.BASE)
    program = torch.onnx.export(
        model.vision,
        (example,),
        dynamo=True,
        opset_version=VISION_OPSET,
        input_names=["pixel_values"],
        output_names=["image_features"],
        dynamic_shapes={"pixel_values": {0: torch.export.Dim("num_tiles", min=1, max=64)}},
        verbose=False,
    )
    proto = program.model_proto
    for node in proto.graph.node:
        # Stack traces of the exporting machine: megabytes of paths that help nobody. The names of the modules stay: layers are named by them.
        scopes = [(p.key, p.value) for p in node.metadata_props if p.key == "pkg.torch.onnx.name_scopes"]
        del node.metadata_props[:]
        for key, value in scopes:
            node.metadata_props.add(key=key, value=value)
    for value in list(proto.graph.value_info) + list(proto.graph.input) + list(proto.graph.output) + list(proto.graph.initializer):
        del value.metadata_props[:]
    del proto.graph.metadata_props[:]
    del proto.metadata_props[:]
    onnx.save(proto, path)


def export_embedding(model, path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            model.embed_tokens,
            (torch.zeros(1, 4, dtype=torch.long),),
            path,
            dynamo=False,
            opset_version=TEXT_OPSET,
            input_names=["input_ids"],
            output_names=["inputs_embeds"],
            dynamic_axes={"input_ids": {0: "batch_size", 1: "sequence_length"}, "inputs_embeds": {0: "batch_size", 1: "sequence_length"}},
        )


def export_decoder(model, path):
    c = model.c.text
    b, n, p = 2, 3, 5
    past = [torch.zeros(b, c.num_key_value_heads, p, c.head_dim) for _ in range(2 * c.num_hidden_layers)]
    inputs = ["inputs_embeds", "attention_mask", "position_ids"]
    outputs = ["logits"]
    axes = {
        "inputs_embeds": {0: "batch_size", 1: "sequence_length"},
        "attention_mask": {0: "batch_size", 1: "total_sequence_length"},
        "position_ids": {0: "batch_size", 1: "sequence_length"},
        "logits": {0: "batch_size", 1: "sequence_length"},
    }
    for i in range(c.num_hidden_layers):
        for kind in ("key", "value"):
            inputs.append(f"past_key_values.{i}.{kind}")
            outputs.append(f"present.{i}.{kind}")
            axes[inputs[-1]] = {0: "batch_size", 2: "past_sequence_length"}
            axes[outputs[-1]] = {0: "batch_size", 2: "total_sequence_length"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            DecoderGraph(model.decoder).eval(),
            (torch.zeros(b, n, c.hidden_size), torch.ones(b, n + p, dtype=torch.long), torch.arange(p, p + n).expand(b, n).contiguous(), *past),
            path,
            dynamo=False,
            opset_version=TEXT_OPSET,
            input_names=inputs,
            output_names=outputs,
            dynamic_axes=axes,
        )


def check(model, out):
    """Runs every graph in onnxruntime beside PyTorch; prints the worst differences and fails above 1e-4."""
    c = model.c.text
    rng = torch.Generator().manual_seed(1)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = lambda name: onnxruntime.InferenceSession(os.path.join(out, name), options, providers=["CPUExecutionProvider"])
    worst = {}

    def compare(name, got, want):
        want = want.detach().numpy()
        assert got.shape == want.shape, (name, got.shape, want.shape)
        worst[name] = max(worst.get(name, 0.0), float(np.abs(got - want).max() / max(1.0, np.abs(want).max())))

    vision, embed, decoder = session("vision_encoder.onnx"), session("embed_tokens.onnx"), session("decoder_model_merged.onnx")
    with torch.no_grad():
        for count in (1, 3, 5):
            x = torch.rand(count, 3, preprocess.BASE, preprocess.BASE, generator=rng) * 2 - 1
            compare("image_features", vision.run(None, {"pixel_values": x.numpy()})[0], model.vision(x))
        for b, n, steps in ((1, 25, 3), (2, 9, 2)):
            ids = torch.randint(0, c.vocab_size, (b, n), generator=rng)
            e = embed.run(None, {"input_ids": ids.numpy()})[0]
            compare("inputs_embeds", e, model.embed_tokens(ids))
            past = [np.zeros((b, c.num_key_value_heads, 0, c.head_dim), np.float32)] * (2 * c.num_hidden_layers)
            want_past, at, x = None, 0, torch.from_numpy(e)
            for _ in range(steps + 1):
                n = x.shape[1]
                mask = torch.ones(b, at + n, dtype=torch.long)
                positions = torch.arange(at, at + n).expand(b, n).contiguous()
                feed = {"inputs_embeds": x.numpy(), "attention_mask": mask.numpy(), "position_ids": positions.numpy()}
                feed |= {f"past_key_values.{i}.{k}": past[2 * i + j] for i in range(c.num_hidden_layers) for j, k in enumerate(("key", "value"))}
                got = decoder.run(None, feed)
                want, want_past = model.decoder(x, mask, positions, want_past)
                compare("logits (past 0)" if at == 0 else "logits (with past)", got[0], want)
                for i in range(c.num_hidden_layers):
                    compare("present", got[1 + 2 * i], want_past[i][0])
                    compare("present", got[2 + 2 * i], want_past[i][1])
                past, at = got[1:], at + n
                x = model.embed_tokens(torch.randint(0, c.vocab_size, (b, 1), generator=rng))
    for name, value in worst.items():
        print(f"  {name}: worst relative difference to PyTorch {value:.1e}")
        assert value < 1e-4, name


def write_json(out, name, value):
    with open(os.path.join(out, name), "w") as f:
        json.dump(value, f, indent=2)
        f.write("\n")


def write_configs(c: Config, tok, out):
    chat = text.Chat(tok)
    tok.save(os.path.join(out, "tokenizer.json"))
    write_json(out, "tokenizer_config.json", text.tokenizer_config())
    write_json(out, "generation_config.json", {
        "bos_token_id": chat.bos, "eos_token_id": chat.eos, "pad_token_id": chat.eos, "do_sample": False, "max_new_tokens": 32,
    })
    v, t = c.vision, c.text
    write_json(out, "config.json", {
        "architectures": ["BlueLMVForConditionalGeneration"],
        "model_type": "bluelm_v",
        "dtype": "float32",
        "image_token_id": chat.image,
        "image_seq_length": c.tokens_per_tile,
        "vision_config": {
            "model_type": "siglip_vision_model", "image_size": v.image_size, "patch_size": v.patch_size, "num_channels": 3,
            "hidden_size": v.hidden_size, "intermediate_size": v.intermediate_size, "num_hidden_layers": v.num_hidden_layers,
            "num_attention_heads": v.num_attention_heads, "layer_norm_eps": v.layer_norm_eps, "hidden_act": "gelu_pytorch_tanh",
        },
        "downsample": {"factor": 2, "pad": "bottom_right_zeros", "order": "top_left,top_right,bottom_left,bottom_right", "hidden_size": c.downsample_hidden_size},
        "projector": {"hidden_size": c.projector_hidden_size, "hidden_act": "gelu", "num_layers": 2},
        "text_config": {
            "model_type": "bluelm", "vocab_size": t.vocab_size, "hidden_size": t.hidden_size, "intermediate_size": t.intermediate_size,
            "num_hidden_layers": t.num_hidden_layers, "num_attention_heads": t.num_attention_heads, "num_key_value_heads": t.num_key_value_heads,
            "head_dim": t.head_dim, "hidden_act": "silu", "rms_norm_eps": t.rms_norm_eps, "layer_norm_eps": t.layer_norm_eps,
            "use_stable_embedding": True, "rope_theta": t.rope_theta, "max_position_embeddings": t.max_position_embeddings,
            "attention_bias": False, "tie_word_embeddings": False, "bos_token_id": chat.bos, "eos_token_id": chat.eos,
        },
        "tie_word_embeddings": False,
    })
    write_json(out, "preprocessor_config.json", {
        "image_processor_type": "BlueLMVImageProcessor",
        "do_convert_rgb": True,
        "do_resize": True,
        "size": {"height": preprocess.BASE, "width": preprocess.BASE},
        "resample": 3,
        "do_rescale": True,
        "rescale_factor": 1 / 255,
        "do_normalize": True,
        "image_mean": [0.5, 0.5, 0.5],
        "image_std": [0.5, 0.5, 0.5],
        "do_pad": True,
        "pad_color": list(preprocess.PAD),
        "pad_position": "center",
        "dynamic_resolution": {
            "algorithm": "relaxed_aspect_ratio",
            "alpha": preprocess.ALPHA,
            # [columns, rows] in the order in which the algorithm visits them.
            "grids": [list(g) for g in preprocess.GRIDS],
            "thumbnail": "last_if_many",
        },
    })


def main():
    p = argparse.ArgumentParser()
    p.add_argument("checkpoint", help="a checkpoint of train.py, or 'random'")
    p.add_argument("out")
    a = p.parse_args()
    os.makedirs(a.out, exist_ok=True)
    model = load(a.checkpoint)
    write_configs(model.c, text.build(), a.out)
    export_vision(model, os.path.join(a.out, "vision_encoder.onnx"))
    export_embedding(model, os.path.join(a.out, "embed_tokens.onnx"))
    export_decoder(model, os.path.join(a.out, "decoder_model_merged.onnx"))
    total = 0
    for name in ("vision_encoder", "embed_tokens", "decoder_model_merged"):
        path = os.path.join(a.out, name + ".onnx")
        onnx.checker.check_model(path)
        total += os.path.getsize(path)
        print(f"  {name}.onnx {os.path.getsize(path)} bytes, opset {onnx.load(path).opset_import[0].version}")
    assert total <= 16 * 2**20, total
    check(model, a.out)


if __name__ == "__main__":
    main()
