"""Damages a model in many ways and imports each: exit status 0 or 1, nothing else, and one line."""

import pathlib
import random
import subprocess
import sys

model, folder = pathlib.Path(sys.argv[1]).read_bytes(), pathlib.Path(sys.argv[2])
rng = random.Random(1)
cases = [model[: len(model) * i // 20] for i in range(20)]
for _ in range(60):
    flipped = bytearray(model)
    for _ in range(rng.choice((1, 1, 4))):
        flipped[rng.randrange(len(flipped))] ^= 1 << rng.randrange(8)
    cases.append(bytes(flipped))
path = folder / "damaged.onnx"
for case in cases:
    path.write_bytes(case)
    result = subprocess.run(["onnx-import", path], capture_output=True, timeout=60)
    lines = result.stderr.decode(errors="replace").strip().splitlines()
    if result.returncode not in (0, 1) or (result.returncode == 1 and len(lines) != 1):
        (folder / "kept.onnx").write_bytes(case)
        sys.exit(f"status {result.returncode}, stderr {lines[:3]}, model in {folder}/kept.onnx")
