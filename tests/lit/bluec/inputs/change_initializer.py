"""change_initializer.py FILE NAME INDEX VALUE: element INDEX of the initializer NAME, of f32 inside the file, becomes VALUE."""

import os
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "..", "support"))
from onnx_wire import TENSOR_NAME, TENSOR_RAW, Model, get, put

path, name, index, value = sys.argv[1:]
with open(path, "rb") as file:
    model = Model(file.read())
tensor = next(value for value in model.initializers if get(value, TENSOR_NAME) == name.encode())
raw = bytearray(get(tensor, TENSOR_RAW))
struct.pack_into("<f", raw, 4 * int(index), float(value))
put(tensor, TENSOR_RAW, bytes(raw))
with open(path, "wb") as file:
    file.write(model.encode())
