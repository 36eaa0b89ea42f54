"""Dynamic resolution: relaxed aspect ratio matching, resize, pad, tiles and thumbnail.

Everything up to the uint8 tiles is integer arithmetic inside Pillow, so another implementation can match it bit for bit.
"""

import math

import numpy as np
from PIL import Image

BASE = 98
ALPHA = 0.1
# Columns : rows, in the order in which they are visited.  More than four tiles never pays at this toy size.
GRIDS = [(m, n) for m in (3, 2, 1) for n in (3, 2, 1) if m * n <= 4]
PAD = (127, 127, 127)


def select_grid(w, h, grids=GRIDS, base=BASE, alpha=ALPHA):
    """Algorithm 1 of the BlueLM-V-3B paper.  `best` starts as the last (smallest) candidate."""
    effective, waste, best = 0, math.inf, grids[-1]
    for m, n in grids:
        scale = min(base * m / w, base * n / h)
        e = min(int(w * scale) * int(h * scale), w * h)
        r = base * m * base * n - e
        if e - effective > alpha * effective or (effective - e < alpha * effective and r < waste):
            effective, waste, best = e, r, (m, n)
    return best


def placement(w, h, grid, base=BASE):
    """Size and top-left corner of the resized picture on the canvas of the grid."""
    cw, ch = base * grid[0], base * grid[1]
    scale = min(cw / w, ch / h)
    nw, nh = max(1, int(w * scale)), max(1, int(h * scale))
    return nw, nh, (cw - nw) // 2, (ch - nh) // 2


def tiles(image, base=BASE):
    """uint8 tiles [count, base, base, 3], row-major, then the thumbnail when there is more than one; and the grid."""
    image = image.convert("RGB")
    grid = select_grid(*image.size)
    nw, nh, x, y = placement(*image.size, grid, base)
    canvas = Image.new("RGB", (base * grid[0], base * grid[1]), PAD)
    canvas.paste(image.resize((nw, nh), Image.BICUBIC), (x, y))
    pixels = np.asarray(canvas)
    out = [pixels[r * base : (r + 1) * base, c * base : (c + 1) * base] for r in range(grid[1]) for c in range(grid[0])]
    if len(out) > 1:
        out.append(np.asarray(image.resize((base, base), Image.BICUBIC)))
    return np.stack(out), grid


def normalise(t):
    """uint8 [count, h, w, 3] -> float32 [count, 3, h, w]: x / 255, minus the mean 0.5, over the deviation 0.5."""
    return ((t.transpose(0, 3, 1, 2).astype(np.float32) * np.float32(1 / 255)) - np.float32(0.5)) / np.float32(0.5)
