"""Renders signs, labels and receipts, with questions, answers and the place of every glyph.

Run as a script it writes a contact sheet, to look at:  python data.py sheet.png
"""

import io
import random
import sys
import zlib

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from preprocess import BASE, placement, select_grid, tiles
from text import COLOURS, ITEMS, QUESTIONS, questions_of_many, questions_of_one

# Debian packages: fonts-dejavu-core, fonts-liberation.
FONTS = [
    "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf",
    "/usr/share/fonts/truetype/dejavu/DejaVuSans-Bold.ttf",
    "/usr/share/fonts/truetype/dejavu/DejaVuSansMono-Bold.ttf",
    "/usr/share/fonts/truetype/liberation/LiberationSans-Bold.ttf",
]
# No I, O, Q and 0 in codes (O stands in words, 0 in prices): beside 1 and each other they are a matter of luck in several of the fonts.
CODE = "ABCDEFGHJKLMNPRSTUVWXYZ123456789"
# The vision stage and the start of the joint stage read a wider task than the test asks: see `phase` below.
WIDE_CODE = "ABCDEFGHJKLMNPRSTUVWXYZ0123456789"
CHARS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789."
CHAR_CLASS = {c: i + 1 for i, c in enumerate(CHARS)}  # 0: no glyph
WORDS = (
    "OPEN STOP EXIT TAXI SALE BANK CAFE HOTEL PARK SHOP BUS METRO PIZZA FUEL WAIT SLOW DANGER PUSH PULL CLOSED TICKET GATE MENU "
    "SALT SUGAR HONEY COFFEE OLIVE LEMON MANGO PEPPER BUTTER CHEESE FLOUR BEANS ONION GARLIC GINGER COCOA OATS PEACH PLUM PEAR "
    "NORTH SOUTH EAST WEST TOWN LAKE RIVER BRIDGE TOWER LIBRARY"
).split()
WORDS = [w for w in WORDS if len(w) <= 6]
RGB = {
    "red": (200, 30, 35), "green": (25, 140, 55), "blue": (30, 70, 190), "yellow": (240, 210, 30),
    "orange": (240, 130, 20), "purple": (120, 40, 150), "white": (240, 240, 240), "black": (25, 25, 25),
}
LIGHT = {"yellow", "orange", "white"}
LEGIBLE = 9  # pixels an em

_fonts, _widths = {}, {}


def font(path, size):
    key = (path, size)
    if key not in _fonts:
        _fonts[key] = ImageFont.truetype(path, size, layout_engine=ImageFont.Layout.BASIC)
    return _fonts[key]


def advance(path, size, c):
    key = (path, size, c)
    if key not in _widths:
        _widths[key] = font(path, size).getlength(c)
    return _widths[key]


def width(path, size, s):
    return sum(advance(path, size, c) for c in s)


def held_out(s):
    """One string in eight is kept from training, and the test shows only such: codes, words, label prices, totals.

    The prices of single items are not part of this; there only the pictures are new.
    """
    return zlib.crc32(s.encode()) % 8 == 0


def pick(rng, make, test, fits=lambda s: True):
    while True:
        s = make()
        if held_out(s) == test and fits(s):
            return s


def smallest(size, scale):
    """The smallest letters, in native pixels: `size` on the tile, but never less than a person can read."""
    return max(size / scale, LEGIBLE)


def has_room(grid):
    return isinstance(grid, tuple) and not isinstance(grid, Size)


def fits(path, room, scale, grid):
    """Whether a string can stand in `room` pixels in letters of a size to be read.  The six grids leave room for every string."""
    if has_room(grid):
        return lambda s: True
    per = max(LEGIBLE, 13 / scale)
    return lambda s: width(path, 100, s) / 100 * per <= room


def code(rng, low, high, phase):
    return "".join(rng.choice(CODE if phase else WIDE_CODE) for _ in range(rng.randint(low, high)))


def word(rng, phase, longest):
    """A word of the list or, in the final phase, as often a made-up one: the list alone is learned by heart."""
    if phase == 2 and rng.random() < 0.5:
        start, length = rng.randrange(2), rng.randint(3, 5)
        return "".join(rng.choice("BCDFGHKLMNPRSTVWZ" if (start + i) % 2 == 0 else "AEIOU") for i in range(length))
    return rng.choice([w for w in WORDS if len(w) <= longest])


def cents(rng, high=999):
    return rng.randint(50, high)


def money(c):
    return f"{c // 100}.{c % 100:02d}"


def jitter(rng, rgb, amount=18):
    return tuple(max(0, min(255, v + rng.randint(-amount, amount))) for v in rgb)


class Page:
    """A picture being drawn, with the place of every glyph for the auxiliary losses."""

    def __init__(self, rng, w, h, background):
        self.rng, self.glyphs = rng, []
        self.image = Image.new("RGB", (w, h), background)
        self.draw = ImageDraw.Draw(self.image)

    def fit(self, path, s, room, low, high):
        """A size in low..high (at most what fits into room pixels)."""
        per = width(path, 100, s) / 100
        high = max(5, min(int(high), int(room / per)))
        return self.rng.randint(min(int(low), high), high)

    def text(self, path, size, s, x, y, fill):
        """Draws s with its left end at x and its middle line at y."""
        self.draw.text((x, y), s, font=font(path, size), fill=fill, anchor="lm")
        for i, c in enumerate(s):
            a = advance(path, size, c)
            if c != " ":
                self.glyphs.append((x, y - size * 0.4, x + a, y + size * 0.4, CHAR_CLASS[c], i + 1))
            x += a

    def finish(self):
        """Blur, brightness and noise: cheap stand-ins for a camera.  Shrinking a large picture averages all of it away."""
        image, rng = self.image, self.rng
        if image.width * image.height > LARGE:
            return image
        if image.width < TINY:
            return self.noise(image, 4)
        if rng.random() < 0.2:
            image = image.filter(ImageFilter.GaussianBlur(rng.uniform(0.2, 0.6)))
        return self.noise(image, 10)

    def noise(self, image, most):
        rng = self.rng
        a = np.asarray(image).astype(np.int16)
        if rng.random() < 0.7:
            seed = np.random.default_rng(rng.getrandbits(32))
            sigma = rng.randint(1, most)
            a = a + seed.integers(-sigma, sigma + 1, a.shape, dtype=np.int16)
        a = a + rng.randint(-10, 10)
        return Image.fromarray(np.clip(a, 0, 255).astype(np.uint8))


# Ranges of native picture sizes that lead to a grid: width, height / width.
SHAPES = {
    (1, 1): ((64, 100), (0.70, 1.30)),
    (2, 1): ((150, 230), (0.36, 0.62)),
    (3, 1): ((200, 290), (0.28, 0.42)),
    (2, 2): ((160, 215), (0.80, 1.25)),
    (1, 2): ((80, 112), (1.70, 2.20)),
    (1, 3): ((76, 96), (2.40, 3.10)),
}


# Beyond those: the shorter side and how many times as long the longer one is.  The longer sides go from 21 to 1400 pixels.
WIDE, TALL = ((40, 200), (3.0, 7.0)), ((40, 200), (3.0, 5.5))
TINY = 64  # narrower than this is tiny
LARGE = 150_000  # pixels; more is large


class Large(tuple):
    """A grid whose pictures have many times the pixels that its tiles have; `Large.times` says how many a side."""

    times = (1.6, 3.5)


class Huge(Large):
    """Of 12 megapixels or more."""

    times = (18.0, 20.0)


class Size(tuple):
    """A native size, wanted to the pixel, in place of a grid."""


def canvas_size(rng, grid):
    """A native picture size for which the algorithm picks the wanted grid; or one that is "wide", "tall", "tiny", `Large` or `Size`."""
    if isinstance(grid, Size):
        return grid
    if grid == "tiny":
        w = rng.randint(24, TINY - 1)
        return w, max(16, int(w * rng.uniform(0.4, 1.0)))
    if grid in ("wide", "tall"):
        (low, high), times = WIDE if grid == "wide" else TALL
        short = rng.randint(low, high)
        long = int(short * rng.uniform(*times))
        return (long, short) if grid == "wide" else (short, long)
    (low, high), (flat, steep) = SHAPES[tuple(grid)]
    while True:
        w = rng.randint(low, high)
        h = int(w * rng.uniform(flat, steep))
        if isinstance(grid, Large):
            times = rng.uniform(*grid.times)
            w, h = int(w * times), int(h * times)
        if select_grid(w, h) == grid:
            return w, h


def scale_of(w, h):
    grid = select_grid(w, h)
    return placement(w, h, grid)[0] / w


def board(rng, w, h, colour, back=None):
    """A page with a coloured board on a background of another, duller tone."""
    pen = max(1, round(1 / scale_of(w, h)))
    if rng.random() < 0.35:
        page, box = Page(rng, w, h, jitter(rng, RGB[colour])), (0, 0, w, h)
    else:
        g = rng.randint(60, 200)
        page = Page(rng, w, h, jitter(rng, back or (g, g, g), 25))
        box = (rng.randint(0, w // 14), rng.randint(0, h // 7), w - rng.randint(0, w // 14), h - rng.randint(0, h // 7))
        page.draw.rounded_rectangle(box, radius=min(rng.randint(0, 8) * pen, h // 5), fill=jitter(rng, RGB[colour]))
    if rng.random() < 0.3:
        ink = RGB["black"] if colour in LIGHT else RGB["white"]
        inset = (box[0] + 2, box[1] + 2, box[2] - 3, box[3] - 3)
        page.draw.rectangle(inset, outline=jitter(rng, ink), width=pen)
    return page, box


def ink_for(rng, colour):
    if colour in LIGHT:
        return jitter(rng, rng.choice([RGB["black"], RGB["blue"], (120, 10, 20)] if colour != "orange" else [RGB["black"]]))
    return jitter(rng, rng.choice([RGB["white"], RGB["yellow"]]))


def sign(rng, test, grid, phase):
    w, h = canvas_size(rng, grid)
    s = scale_of(w, h)
    colour = rng.choice(COLOURS)
    page, (x0, y0, x1, y1) = board(rng, w, h, colour)
    path = rng.choice(FONTS)
    room = (x1 - x0) * 0.9
    legible = fits(path, room, s, grid)
    if rng.random() < 0.2 and legible("ANNA"):
        string = pick(rng, lambda: word(rng, phase, 5 if phase else 6), test, legible)
    else:
        string = pick(rng, lambda: code(rng, 2, 5 if phase else 6, phase), test, legible)
    size = page.fit(path, string, room, smallest(17, s), min(46 / s, (y1 - y0) * 0.8))
    slack_x, slack_y = max(0, room - width(path, size, string)), max(0, (y1 - y0) - size * 1.1)
    page.text(path, size, string, x0 + (x1 - x0) * 0.05 + rng.uniform(0, slack_x), y0 + size * 0.55 + rng.uniform(0, slack_y), ink_for(rng, colour))
    qa = [("sign_text", rng.choice(QUESTIONS["sign_text"]), string), ("sign_colour", QUESTIONS["sign_colour"][0], colour)]
    return page, qa


def label(rng, test, grid, phase):
    w, h = canvas_size(rng, grid)
    if grid == "tiny":
        w, h = max(w, 34), max(h, 30)  # two lines and a price need that
    s = scale_of(w, h)
    colour = rng.choice(["white", "yellow", "white", "orange", "green", "blue"])
    page, (x0, y0, x1, y1) = board(rng, w, h, colour)
    ink = ink_for(rng, colour)
    room, middle = (x1 - x0) * 0.9, (y1 - y0) * 0.5
    side_by_side = grid == "wide" and rng.random() < 0.5 or isinstance(grid, Size) and w > 4 * h
    if side_by_side:
        room, middle = room * 0.48, y1 - y0
    # Outside the six grids one font serves both lines, and it must leave room for them.
    both = None if has_room(grid) else rng.choice(FONTS)
    legible = fits(both, room, s, grid)
    if rng.random() < 0.2 and legible("ANNA"):
        name = pick(rng, lambda: word(rng, phase, 5), test, legible)
    else:
        name = pick(rng, lambda: code(rng, 2, 5, phase), test, legible)
    price = pick(rng, lambda: money(cents(rng, rng.choice([999, 2999]))), test, legible)
    for string, left, top in ((name, 0, 0), (price, room * 1.08 if side_by_side else 0, 0 if side_by_side else middle)):
        path = both or rng.choice(FONTS)
        size = page.fit(path, string, room, smallest(16, s), min(38 / s, middle * 0.9))
        slack_x, slack_y = max(0, room - width(path, size, string)), max(0, middle - size * 1.1)
        x = x0 + (x1 - x0) * 0.05 + left + rng.uniform(0, slack_x)
        page.text(path, size, string, x, y0 + top + middle * 0.5 + rng.uniform(-0.5, 0.5) * slack_y, ink)
    return page, [("label_text", rng.choice(QUESTIONS["label_text"]), name), ("label_price", QUESTIONS["label_price"][0], price)]


def receipt(rng, test, grid, phase):
    w, h = canvas_size(rng, grid)
    s = scale_of(w, h)
    page = Page(rng, w, h, jitter(rng, (242, 240, 232), 10))
    ink = jitter(rng, (35, 35, 45), 20)
    count = rng.randint(2, 3 if phase else 4) if h * s > 150 else 2
    items = rng.sample(ITEMS, count)
    while True:
        prices = [cents(rng, rng.choice([499, 999])) for _ in items]
        total = money(sum(prices))
        if held_out(total) == test:
            break
    rows = [(i.upper(), money(p)) for i, p in zip(items, prices)] + [("TOTAL", total)]
    path = rng.choice(FONTS)
    margin = w * rng.uniform(0.02, 0.05)
    widest = max((a + b for a, b in rows), key=lambda t: width(path, 100, t))
    per = width(path, 100, widest) / 100 + 0.5
    line = h / (len(rows) + 0.4)
    high = min((w - 2 * margin) / per, line * 0.85)
    size = max(6, int(rng.uniform(max(0.85 * high, min(high, 11 / s)), high)))
    pitch = min(line, size * (rng.uniform(1.6, 2.4) if phase else rng.uniform(1.25, 2.0)))
    y = rng.uniform(pitch * 0.6, max(pitch * 0.6, h - pitch * (len(rows) - 0.4)))
    right = w - margin - rng.uniform(0, 0.4) * max(0, w - 2 * margin - per * size)
    for a, b in rows:
        page.text(path, size, a, margin, y, ink)
        page.text(path, size, b, right - width(path, size, b), y, ink)
        y += pitch
    if rng.random() < 0.5:
        page.draw.line((margin, y - 1.5 * pitch, right, y - 1.5 * pitch), fill=ink, width=max(1, round(1 / s)))
    # Several items, so that training gets several turns out of one picture; the test takes the first.
    asked = rng.sample(range(count), min(count, 3))
    qa = [("receipt_total", QUESTIONS["receipt_total"][0], total)]
    qa += [("receipt_item", QUESTIONS["receipt_item"][0].format(items[k]), money(prices[k])) for k in asked]
    return page, qa


def dense(rng, grid, easy=0.0):
    """Rows of random characters of one font: nothing to ask, many glyphs a tile.  For training the reader only."""
    w, h = canvas_size(rng, grid)
    s = scale_of(w, h)
    colour = rng.choice(COLOURS)
    page, (x0, y0, x1, y1) = board(rng, w, h, colour)
    ink, y = ink_for(rng, colour), y0 + rng.uniform(0, 10)
    while True:
        if rng.random() < easy:
            path, size = FONTS[1], max(7, int(rng.uniform(15, 19) / s))
        else:
            path, size = rng.choice(FONTS), max(7, int(rng.choice([rng.uniform(11, 16), rng.uniform(14, 25), rng.uniform(20, 44)]) / s))
        y += size * 0.6
        if y + size * 0.5 > y1:
            break
        x, string = x0 + rng.uniform(0, 12), ""
        end = x
        while True:
            c = rng.choice(WIDE_CODE + "IOQ...0123456789") if rng.random() > 0.08 else " "
            end += advance(path, size, c)
            if end > x1:
                break
            string += c
        if string:
            page.text(path, size, string, x, y, ink)
        y += size * rng.uniform(0.6, 1.0)
    return page, []


def patch_targets(glyphs, size, grid, patch=14, base=BASE):
    """What stands in every patch of every tile: int8 [tiles, 49, 4].

    0: the glyph that covers the patch's centre.  1, 2: the (up to two) glyphs whose own centre lies in the patch, from
    left to right; they are free of duplicates, which is what makes reading in order learnable.  3: place in its line of 1.
    """
    w, h = size
    side = base // patch
    nw, nh, ox, oy = placement(w, h, grid)
    views = [(nw / w, nh / h, ox - c * base, oy - r * base) for r in range(grid[1]) for c in range(grid[0])]
    if len(views) > 1:
        views.append((base / w, base / h, 0.0, 0.0))
    out = np.zeros((len(views), side * side, 4), np.int64)
    if not glyphs:
        return out
    g = np.asarray(glyphs, np.float32)
    for t, (sx, sy, dx, dy) in enumerate(views):
        xa, ya, xb, yb = g[:, 0] * sx + dx, g[:, 1] * sy + dy, g[:, 2] * sx + dx, g[:, 3] * sy + dy
        cx, cy = (xa + xb) / 2, (ya + yb) / 2
        inside = (cx >= 0) & (cx < base) & (cy >= 0) & (cy < base)
        for k in np.nonzero((xb > 0) & (xa < base) & (yb > 0) & (ya < base))[0]:
            c0, c1 = max(0, int(np.ceil(xa[k] / patch - 0.5))), min(side - 1, int(np.floor(xb[k] / patch - 0.5)))
            r0, r1 = max(0, int(np.ceil(ya[k] / patch - 0.5))), min(side - 1, int(np.floor(yb[k] / patch - 0.5)))
            if r0 <= r1 and c0 <= c1:
                out[t].reshape(side, side, 4)[r0 : r1 + 1, c0 : c1 + 1, 0] = int(g[k, 4])
        for k in np.nonzero(inside)[0]:  # glyphs of a line come from left to right
            p = out[t, int(cy[k] // patch) * side + int(cx[k] // patch)]
            if p[1] == 0:
                p[1], p[3] = int(g[k, 4]), min(15, int(g[k, 5]))
            elif p[2] == 0:
                p[2] = int(g[k, 4])
    return out


def sample(rng, test, kind, grid, easy=0.0, phase=2):
    """`easy` is for dense pages only.  `phase` 0 is a wider task (codes up to six characters and with 0, receipts of more and
    closer lines), 1 the task of the test but for made-up words, 2 the task of the test."""
    if kind == "sign":
        page, qa = sign(rng, test, grid, phase)
    elif kind == "label":
        page, qa = label(rng, test, grid, phase)
    elif kind == "receipt":
        page, qa = receipt(rng, test, grid, phase)
    else:
        page, qa = dense(rng, grid, easy)
    return page.finish(), page.glyphs, qa


def jpeg(rng, image, low=60):
    """What a JPEG file leaves of the picture."""
    file = io.BytesIO()
    image.save(file, "JPEG", quality=rng.randint(low, 95))
    return Image.open(file).convert("RGB")


# What a picture is, for the joint stage and for the test: (weight, kind, grid).
MIX = [
    (0.23, "sign", (1, 1)), (0.18, "sign", (2, 1)), (0.03, "sign", (3, 1)), (0.05, "sign", (2, 2)),
    (0.16, "label", (1, 1)), (0.08, "label", (2, 1)),
    (0.14, "receipt", (1, 2)), (0.03, "receipt", (1, 3)), (0.10, "receipt", (2, 2)),
]


def draw_mix(rng, mix=MIX):
    return rng.choices([m[1:] for m in mix], [m[0] for m in mix])[0]


# What the last stage brings: pictures of other shapes and sizes.
NEW_MIX = {
    "wide": [(0.6, "sign", "wide"), (0.4, "label", "wide")],
    "tall": [(0.4, "sign", "tall"), (0.3, "label", "tall"), (0.15, "receipt", (1, 3)), (0.15, "receipt", Large((1, 3)))],
    "tiny": [(0.7, "sign", "tiny"), (0.3, "label", "tiny")],
    "large": [
        (0.2, "sign", Large((2, 1))), (0.15, "sign", Large((2, 2))), (0.05, "sign", Large((3, 1))),
        (0.1, "label", Large((2, 1))), (0.15, "label", Large((2, 2))),
        (0.1, "receipt", Large((1, 2))), (0.05, "receipt", Large((1, 3))), (0.2, "receipt", Large((2, 2))),
    ],
}


class Shown:
    """A picture and what can be asked of it."""

    def __init__(self, rng, test, kind, grid):
        self.kind = kind
        self.image, self.glyphs, self.qa = sample(rng, test, kind, grid)


def draw_any(rng):
    return draw_mix(rng, NEW_MIX[rng.choice(list(NEW_MIX))] if rng.random() < 0.25 else MIX)


def draw_pair(rng):
    """Kind and grid of two pictures, more often of one kind than chance would have it: only these need "first" and "second"."""
    one, two = draw_any(rng), draw_any(rng)
    while two[0] != one[0] and rng.random() < 0.6:
        two = draw_any(rng)
    return [one, two]


def tile_count(grid):
    """About how many tiles such a picture will have, before it is drawn."""
    if isinstance(grid, str):
        return 1 if grid == "tiny" else 4
    return grid[0] * grid[1] + (tuple(grid) != (1, 1))


def conversation(rng, shown, later):
    """Turns about one or two pictures: (pictures that come with it, question, answer).

    With `later` the second picture comes in a later turn: what is asked there without a number means the new one.
    """
    if len(shown) == 1:
        asked = rng.sample(shown[0].qa, min(3, len(shown[0].qa)))
        return [([0] if i == 0 else [], *questions_of_one(rng, *qa)) for i, qa in enumerate(asked)]
    if not later:
        turns = questions_of_many(rng, shown, 4)
        return [([0, 1] if i == 0 else [], *turn) for i, turn in enumerate(turns)]
    first, second = (questions_of_one(rng, *rng.choice(s.qa)) for s in shown)
    return [([0], *first), ([1], *second)] + [([], *turn) for turn in questions_of_many(rng, shown, 2)]


def test_set(count=500, seed=990001):
    """The unseen pictures: held-out strings, one question each."""
    rng = random.Random(seed)
    out = []
    for _ in range(count):
        image, _, qa = sample(rng, True, *draw_mix(rng))
        # The colour is the easy question: it is asked of one sign in four only.
        i = (rng.random() < 0.25) if qa[0][0].startswith("sign") else (rng.random() < 0.4)
        out.append((image, *qa[int(i)]))
    return out


def shape_test(name, count, seed=990002):
    """Unseen pictures of one of NEW_MIX, or "huge": 4000 x 3000 and the like; "jpeg" is huge and went through a JPEG file."""
    rng, out = random.Random(f"{name}/{seed}"), []
    huge = name in ("huge", "jpeg")
    for _ in range(count):
        kind, grid = draw_mix(rng, NEW_MIX["large" if huge else name])
        if huge:
            grid = Huge(grid)
        shown = Shown(rng, True, kind, grid)
        image = jpeg(rng, shown.image) if name == "jpeg" else shown.image
        out.append((image, *shown.qa[int(rng.random() < (0.2 if kind == "sign" else 0.4))]))
    return out


def pair_test(count, later=False, seed=990003):
    """Conversations about two unseen pictures: pictures, and turns of (pictures that come with it, question, answer)."""
    rng, out = random.Random(f"{later}/{seed}"), []
    for _ in range(count):
        shown = [Shown(rng, True, *spec) for spec in draw_pair(rng)]
        turns = conversation(rng, shown, later)
        out.append(([s.image for s in shown], turns[:3] if later else turns[:1]))
    return out


if __name__ == "__main__":
    rng = random.Random(1)
    sheet = Image.new("RGB", (1240, 1500), (90, 60, 60))
    x = y = 4
    for i in range(80):
        kind, grid = draw_mix(rng) if i < 32 else draw_any(rng) if i < 72 else ("dense", rng.choice(list(SHAPES)))
        image, glyphs, qa = sample(rng, False, kind, grid)
        print(image.size, select_grid(*image.size), qa)
        image.thumbnail((300, 300))
        if x + image.width > sheet.width:
            x, y = 4, y + 150
        sheet.paste(image, (x, y))
        x += image.width + 6
    sheet.save(sys.argv[1])
