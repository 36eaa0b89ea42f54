"""flip_weight.py FILE: changes one bit in the middle of the largest run of bytes, which in an ONNX file are weights."""

import sys

with open(sys.argv[1], "r+b") as file:
    file.seek(0, 2)
    middle = file.tell() // 2 // 4 * 4 + 1
    file.seek(middle)
    byte = file.read(1)[0]
    file.seek(middle)
    file.write(bytes([byte ^ 1]))
