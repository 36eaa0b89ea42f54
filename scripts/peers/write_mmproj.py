"""Writes the image encoder of bluelm-v-3b as the `mmproj` file that llama.cpp loads.

The weights are those of the package's vision_encoder.onnx. llama.cpp has no graph with this projector; the
nearest one ("lfm2") gathers 2x2 tokens, padding included, and goes on with two linear layers and a
GELU between. The fusing linear and the projector's first one are one linear map, so their product
stands for both, and the graph computes the same function (but for GELU's form) with less work.
"""

import os

import gguf
import numpy as np
import onnx
from onnx import numpy_helper

from model_writer.vision import Vision

Q8_0 = gguf.GGMLQuantizationType.Q8_0
BLOCK = 32


class Package:
    """Initializers of vision_encoder.onnx, by name, in f32."""

    def __init__(self, folder):
        self.folder = folder
        model = onnx.load(os.path.join(folder, "vision_encoder.onnx"), load_external_data=False)
        self.tensors = {each.name: each for each in model.graph.initializer}

    def __getitem__(self, name):
        return numpy_helper.to_array(self.tensors[name], self.folder).astype(np.float32)

    def matrix(self, name):
        """[outputs, inputs]; the file has the transpose."""
        return np.ascontiguousarray(self[name + ".weight"].T)


class MmprojWriter:
    def __init__(self, path, vision, hidden, kind):
        self.writer = gguf.GGUFWriter(path, "clip")
        self.vision, self.hidden, self.kind = vision, hidden, kind

    def header(self):
        v, w = self.vision, self.writer
        w.add_type("mmproj")
        w.add_name("bluelm-v-3b image encoder")
        w.add_file_type(gguf.LlamaFileType.MOSTLY_Q8_0 if self.kind == "q8_0"
                        else gguf.LlamaFileType.MOSTLY_F16)
        w.add_bool("clip.has_vision_encoder", True)
        w.add_string("clip.projector_type", "lfm2")
        w.add_bool("clip.use_gelu", True)
        for key, value in (("embedding_length", v.width), ("feed_forward_length", v.mlp),
                           ("block_count", v.layers), ("projection_dim", self.hidden),
                           ("attention.head_count", v.heads), ("image_size", v.image),
                           ("patch_size", v.patch), ("projector.scale_factor", 2)):
            w.add_uint32(f"clip.vision.{key}", value)
        w.add_float32("clip.vision.attention.layer_norm_epsilon", v.epsilon)
        w.add_array("clip.vision.image_mean", [0.5] * 3)
        w.add_array("clip.vision.image_std", [0.5] * 3)

    def matrix(self, name, values):
        """A block of Q8_0 has 32 columns; where they do not divide a row, the row stays in f16."""
        if self.kind == "q8_0" and values.shape[-1] % BLOCK == 0:
            self.writer.add_tensor(name, gguf.quants.quantize(values, Q8_0), raw_dtype=Q8_0)
        else:
            self.writer.add_tensor(name, values.astype(np.float16))

    def vector(self, name, values):
        self.writer.add_tensor(name, values.astype(np.float32))

    def norm(self, source, name, to):
        self.vector(to + ".weight", source[name + ".weight"])
        self.vector(to + ".bias", source[name + ".bias"])

    def linear(self, source, name, to):
        self.matrix(to + ".weight", source.matrix(name))
        self.vector(to + ".bias", source[name + ".bias"])

    def tensors(self, source):
        tower = "vision_tower"
        self.writer.add_tensor("v.patch_embd.weight",
                               source[f"{tower}.patch_embedding.weight"].astype(np.float16))
        self.vector("v.patch_embd.bias", source[f"{tower}.patch_embedding.bias"])
        self.vector("v.position_embd.weight", source[f"{tower}.position_embedding"][0])
        for layer in range(self.vision.layers):
            name, to = f"{tower}.layers.{layer}", f"v.blk.{layer}"
            self.norm(source, name + ".layer_norm1", to + ".ln1")
            for part, short in (("q_proj", "attn_q"), ("k_proj", "attn_k"), ("v_proj", "attn_v"),
                                ("out_proj", "attn_out")):
                self.linear(source, f"{name}.self_attn.{part}", f"{to}.{short}")
            self.norm(source, name + ".layer_norm2", to + ".ln2")
            self.linear(source, name + ".mlp.fc1", to + ".ffn_up")
            self.linear(source, name + ".mlp.fc2", to + ".ffn_down")
        self.norm(source, f"{tower}.post_layernorm", "v.post_ln")
        fusing, first = source.matrix("downsampler.linear"), source.matrix("projector.linear_1")
        self.matrix("mm.1.weight", first @ fusing)
        self.vector("mm.1.bias", first @ source["downsampler.linear.bias"]
                    + source["projector.linear_1.bias"])
        self.linear(source, "projector.linear_2", "mm.2")

    def write(self, source):
        self.header()
        self.tensors(source)
        self.writer.write_header_to_file()
        self.writer.write_kv_data_to_file()
        self.writer.write_tensors_to_file()
        self.writer.close()


def write(path, kind, hidden, package, vision=Vision()):
    """`kind`: f16 or q8_0, the type of the matrices; `package`: the folder of the ONNX files."""
    MmprojWriter(path, vision, hidden, kind).write(Package(package))
