"""Pictures that are none, are damaged, or have absurd sizes; and the smallest one, which works.

    python3 tests/hostile/picture.py [PART-OF-A-CASE-NAME...]
"""

import os
import struct
import sys
import zlib

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from tool import BLUEC, MODEL, Suite, check, check_refused, compile_model, describe, read_bytes, replace, run, scratch

ROOT = scratch("hostile-picture")
BUNDLE = compile_model(os.path.join(ROOT, "bundle"))
GOOD = read_bytes(os.path.join(MODEL, "pictures", "sign-01.png"))
INPUTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "inputs")
JPEG = read_bytes(os.path.join(INPUTS, "sign.jpg"))
suite = Suite("hostile/picture")


def ask(picture):
    return run(BLUEC, "run", BUNDLE, "--image", picture, "--prompt", "What does it say?", "--max-new-tokens", "4",
               seconds=60, memory=4 << 30)


def save(name, data):
    path = os.path.join(ROOT, name.replace(" ", "-").replace("/", "-") + ".png")
    replace(path, data)
    return path


def refused(name, data):
    suite.case(name, lambda: check_refused(ask(save(name, data)), [r"\.png"]))


def works(name, data):
    def body():
        done = ask(save(name, data))
        check(done.code == 0, f"expected exit code 0, found {describe(done)}")
    suite.case(name, body)


def survives(name, data):
    def body():
        done = ask(save(name, data))
        return "answered" if done.code == 0 else check_refused(done, [r"\.png"])
    suite.case(name, body)


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width, height, rows=None, depth=8, color=2):
    """A grey picture; `rows` where the file should hold other data than its header says."""
    channels = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[color]
    if rows is None:
        rows = (b"\0" + b"\x80" * ((width * channels * depth + 7) // 8)) * height
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, 0))
            + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b""))


def with_segment(contents):
    """The JPEG with an APP1 segment behind its start."""
    return JPEG[:2] + b"\xff\xe1" + struct.pack(">H", len(contents) + 2) + contents + JPEG[2:]


def exif(entries, count=None, start=8):
    """An EXIF block; an entry is (tag, type, count, value)."""
    return (b"Exif\0\0II*\0" + struct.pack("<IH", start, len(entries) if count is None else count)
            + b"".join(struct.pack("<HHII", *entry) for entry in entries) + b"\0" * 4)


works("the picture itself", GOOD)
works("a jpeg", JPEG)
works("1x1", png(1, 1))
works("1 pixel wide", png(1, 200))
works("1 pixel high", png(200, 1))
works("grey with alpha", png(20, 20, color=4))
works("16 bits", png(20, 20, depth=16))

works("12 megapixels", png(4000, 3000))
works("turned by exif", with_segment(exif([(0x112, 3, 1, 6)])))
works("an orientation that there is not", with_segment(exif([(0x112, 3, 1, 60000)])))
works("exif of 65535 entries that are not there", with_segment(exif([(0x112, 3, 1, 6)], count=65535)))
works("exif that begins behind its end", with_segment(exif([], start=0xFFFFFFFF)))
works("exif that begins in itself", with_segment(exif([(0x112, 3, 1, 6)], start=0)))
works("an orientation of 4294967295 values", with_segment(exif([(0x112, 4, 0xFFFFFFFF, 0xFFFFFFFF)])))
works("exif of nothing", with_segment(b"Exif\0\0"))
works("exif of a header", with_segment(b"Exif\0\0MM\0*\0\0\0"))
works("xmp that ends early", with_segment(b"http://ns.adobe.com/xap/1.0/\0tiff:Orientation=\""))
works("a png with exif of garbage", GOOD[:33] + chunk(b"eXIf", b"\xff" * 40) + GOOD[33:])

refused("empty", b"")
refused("one byte", b"\x89")
refused("a text", b"This is not a picture.\n" * 20)
refused("an onnx file", read_bytes(os.path.join(MODEL, "embed_tokens.onnx")))
refused("a png of a signature only", GOOD[:8])
refused("a png cut in its header", GOOD[:20])
refused("a png cut in half", GOOD[: len(GOOD) // 2])
refused("a jpeg of a signature only", JPEG[:3])
refused("a jpeg cut in its tables", JPEG[:100])
refused("30000 pixels wide", png(30000, 30))
refused("30000 pixels high", png(30, 30000))
refused("30000 x 30000 without the pixels", png(30000, 30000, b"\0" * 1000))
refused("2^31 - 1 pixels wide", png((1 << 31) - 1, 1, b"\0" * 1000))
refused("0 pixels wide", png(0, 10, b"\0" * 10))
refused("0 pixels high", png(10, 0, b""))
refused("16384 x 16384, of a few kilobytes", png(16384, 16384, b"\0" * 1000))
refused("fewer pixels than its header says", png(300, 300, b"\0" * 100))
refused("a palette that is missing", png(10, 10, color=3))
refused("a size of which the product wraps around", png(1 << 16, (1 << 16) + 1, b"\0" * 100))
suite.case("no such file", lambda: check_refused(ask(os.path.join(ROOT, "nowhere.png")), ["nowhere.png"]))
suite.case("a folder", lambda: check_refused(ask(ROOT), ["hostile-picture"]))
suite.case("a device without an end", lambda: check_refused(ask("/dev/zero"), ["/dev/zero"]))
for at in range(0, len(GOOD), max(1, len(GOOD) // 24)):
    survives(f"a flipped byte at {at}", GOOD[:at] + bytes([GOOD[at] ^ 0xFF]) + GOOD[at + 1:])
for at in range(0, len(JPEG), max(1, len(JPEG) // 24)):
    survives(f"a flipped byte in a jpeg at {at}", JPEG[:at] + bytes([JPEG[at] ^ 0xFF]) + JPEG[at + 1:])


if __name__ == "__main__":
    suite.main()
