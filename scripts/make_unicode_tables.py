#!/usr/bin/env python3
"""Writes runtime/text/UnicodeTables.cpp: what the tokenizer knows about Unicode.

Letters and numbers are those of the regular expressions in the `tokenizers` package (pip install tokenizers), asked one code
point at a time, because that is what the runtime has to reproduce. Canonical decomposition and combining classes come from
Python's unicodedata.

    scripts/make_unicode_tables.py > runtime/text/UnicodeTables.cpp
"""

import unicodedata

from tokenizers import Regex
from tokenizers.pre_tokenizers import Split

EVERY = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]


def matching(pattern):
    """The code points that `pattern` matches: removing them leaves nothing."""
    split = Split(Regex(pattern), "removed")
    return [c for c in EVERY if not split.pre_tokenize_str(chr(c))]


def ranges(code_points, value=None):
    """[first, last, value] of maximal runs of neighbours with the same value."""
    out = []
    for c in code_points:
        v = value(c) if value else None
        if out and out[-1][1] == c - 1 and out[-1][2] == v:
            out[-1][1] = c
        else:
            out.append([c, c, v])
    return out


def rows(cells):
    lines, line = [], "   "
    for cell in cells:
        if len(line) + 1 + len(cell) + 1 > 100:
            lines.append(line)
            line = "   "
        line += " " + cell + ","
    return "\n".join(lines + [line])


def table(kind, name, cells):
    print(f"constexpr {kind} {name}[] = {{\n{rows(cells)}\n}};\n")


def main():
    letters = ranges(matching(r"\p{L}"))
    numbers = ranges(matching(r"\p{N}"))
    classes = ranges([c for c in EVERY if unicodedata.combining(chr(c))], lambda c: unicodedata.combining(chr(c)))
    decomposed, composed = [], []
    for c in EVERY:
        parts = unicodedata.decomposition(chr(c))
        if not parts or parts.startswith("<"):
            continue
        pair = [int(p, 16) for p in parts.split()] + [0]
        decomposed.append((c, pair[0], pair[1]))
        # Composition exclusions, singletons and non-starters do not survive normalisation.
        if unicodedata.normalize("NFC", chr(c)) == chr(c):
            composed.append((pair[0], pair[1], c))
    print("// Made by scripts/make_unicode_tables.py; do not edit.")
    print('#include "text/Unicode.h"\n')
    print("// clang-format off")
    print("namespace bluec::runtime {\nnamespace {\n")
    table("CodePointRange", "letterRanges", [f"{{0x{a:x}, 0x{b:x}}}" for a, b, _ in letters])
    table("CodePointRange", "numberRanges", [f"{{0x{a:x}, 0x{b:x}}}" for a, b, _ in numbers])
    table("CombiningRange", "combiningRanges", [f"{{0x{a:x}, 0x{b:x}, {v}}}" for a, b, v in classes])
    table("CodePointPair", "decompositions", [f"{{0x{c:x}, 0x{a:x}, 0x{b:x}}}" for c, a, b in decomposed])
    table("CodePointPair", "compositions", [f"{{0x{c:x}, 0x{a:x}, 0x{b:x}}}" for a, b, c in sorted(composed)])
    print("} // namespace\n")
    print("const UnicodeTables unicodeTables = {letterRanges, numberRanges, combiningRanges, decompositions, compositions};\n")
    print("} // namespace bluec::runtime")


if __name__ == "__main__":
    main()
