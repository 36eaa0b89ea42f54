"""Writes a model whose If nodes nest far deeper than any exporter's, as protobuf bytes."""

import pathlib
import sys


def varint(value: int) -> bytes:
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def field(number: int, content) -> bytes:
    if isinstance(content, int):
        return varint(number << 3) + varint(content)
    if isinstance(content, str):
        content = content.encode()
    return varint(number << 3 | 2) + varint(len(content)) + content


graph = field(1, field(1, "c") + field(2, "y") + field(4, "Identity")) + field(12, field(1, "y"))
for _ in range(int(sys.argv[2]) if len(sys.argv) > 2 else 30):
    # Only one branch nests, or the file would double with every level.
    leaf = field(1, field(1, "c") + field(2, "y") + field(4, "Identity")) + field(12, field(1, "y"))
    branches = field(5, field(1, "then_branch") + field(20, 5) + field(6, graph)) + field(
        5, field(1, "else_branch") + field(20, 5) + field(6, leaf)
    )
    graph = field(1, field(1, "c") + field(2, "y") + field(4, "If") + branches) + field(
        12, field(1, "y")
    )
shape = field(1, field(1, 1))
condition = field(11, field(1, "c") + field(2, field(1, field(1, 9) + field(2, shape))))
model = field(1, 8) + field(8, field(2, 17)) + field(7, graph + condition)
pathlib.Path(sys.argv[1]).write_bytes(model)
