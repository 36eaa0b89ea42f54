#!/usr/bin/env python3
"""Writes what bluec knows about Unicode: runtime/text/UnicodeTables.cpp and compiler/import/tokenizer/Unicode*.cpp.

All of it is asked of the `tokenizers` package (pip install tokenizers regex), because that is what bluec has to reproduce: its parts
follow different releases of Unicode. Combining classes and pairs of a composition come from Python's unicodedata, as far as the
package has them; boundaries of grapheme clusters from the `regex` package.

    scripts/make_unicode_tables.py
"""

import os
import unicodedata

import regex
from tokenizers import Regex, normalizers, pre_tokenizers

import tokenizer_families as families

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
EVERY = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]
TEXT = "".join(map(chr, EVERY))
CATEGORIES = "Lu Ll Lt Lm Lo Mn Mc Me Nd Nl No Pc Pd Ps Pe Pi Pf Po Sm Sc Sk So Zs Zl Zp Cc Cf Co Cn".split()
CLUSTERS = "Control Extend Prepend SpacingMark L V T LV LVT Regional_Indicator".split()


def removed(pre_tokenizer):
    """The code points that `pre_tokenizer` takes out of a text."""
    kept = bytearray(len(EVERY))
    for _, (begin, end) in pre_tokenizer.pre_tokenize_str(TEXT):
        kept[begin:end] = b"\1" * (end - begin)
    return [c for c, stays in zip(EVERY, kept) if not stays]


def matching(pattern):
    return removed(pre_tokenizers.Split(Regex(pattern), "removed"))


def alone(pre_tokenizer):
    """The code points that do not stay together with a newline, which is of no class that is asked for."""
    pieces = pre_tokenizer.pre_tokenize_str("".join("\n" + chr(c) for c in EVERY if c != 10))
    return [ord(piece) for piece, _ in pieces if len(piece) == 1 and piece != "\n"]


def vanishing(normalizer):
    return [c for c in EVERY if normalizer.normalize_str(chr(c)) == ""]


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


WIDTH = 128


def rows(cells):
    lines, line = [], "   "
    for cell in cells:
        if len(line) + 1 + len(cell) + 1 > WIDTH:
            lines.append(line)
            line = "   "
        line += " " + cell + ","
    return "\n".join(lines + [line])


def table(kind, name, cells):
    return f"constexpr {kind} {name}[] = {{\n{rows(cells)}\n}};\n\n"


def set_table(name, code_points):
    return table("CodePointRange", name, [f"{{0x{a:x}, 0x{b:x}}}" for a, b, _ in ranges(code_points)])


def combining_class(c):
    """As the package has it: 0 where it does not reorder the mark."""
    own, nfd = unicodedata.combining(chr(c)), normalizers.NFD().normalize_str
    if own == 0:
        return 0
    moves = nfd("a\u0301" + chr(c)) != "a\u0301" + chr(c) if own == 1 else nfd("a" + chr(c) + "\u0334") != "a" + chr(c) + "\u0334"
    return own if moves else 0


def runtime():
    nfc, nfd = normalizers.NFC().normalize_str, normalizers.NFD().normalize_str
    marks = [(c, combining_class(c)) for c in EVERY if unicodedata.combining(chr(c))]
    class_of = dict(marks)
    classes = ranges([c for c, own in marks if own], class_of.get)
    decomposed, composed = [], []
    for c in EVERY:
        parts = unicodedata.decomposition(chr(c))
        if not parts or parts.startswith("<") or nfd(chr(c)) == chr(c):
            continue
        pair = [int(p, 16) for p in parts.split()] + [0]
        decomposed.append((c, pair[0], pair[1]))
        # Composition exclusions, singletons and non-starters do not survive normalisation.
        if nfc(chr(c)) == chr(c):
            composed.append((pair[0], pair[1], c))
    out = '// Made by scripts/make_unicode_tables.py; do not edit.\n#include "text/Unicode.h"\n\n// clang-format off\n'
    out += "namespace bluec::runtime {\nnamespace {\n\n"
    out += table("CombiningRange", "kCombiningRanges", [f"{{0x{a:x}, 0x{b:x}, {v}}}" for a, b, v in classes])
    out += table("CodePointPair", "kDecompositions", [f"{{0x{c:x}, 0x{a:x}, 0x{b:x}}}" for c, a, b in decomposed])
    out += table("CodePointPair", "kCompositions", [f"{{0x{c:x}, 0x{a:x}, 0x{b:x}}}" for a, b, c in sorted(composed)])
    out += "} // namespace\n\nconst UnicodeTables unicodeTables = {kCombiningRanges, kDecompositions, kCompositions};\n\n"
    return out + "} // namespace bluec::runtime\n"


def octal(text):
    return '"' + "".join(f"\\{byte:03o}" for byte in text.encode()) + '"'


def mapping(name, pairs):
    return table("CodePointText", name, [f"{{0x{c:x}, {octal(text)}}}" for c, text in pairs])


def source(body, end):
    """A file of the compiler."""
    out = '// Made by scripts/make_unicode_tables.py; do not edit.\n#include "compiler/import/tokenizer/UnicodeSets.h"\n\n'
    out += "// clang-format off\nnamespace bluec::tokenizer {\nnamespace {\n\n"
    return f"{out}{body}}} // namespace\n\n{end}\n\n}} // namespace bluec::tokenizer\n"


def categories():
    of = {c: name for name in CATEGORIES for c in matching(rf"\p{{{name}}}")}
    cells = [f"{{0x{a:x}, 0x{b:x}, Category::{v}}}" for a, b, v in ranges(EVERY, of.get)]
    return source(table("CategoryRange", "kCategories", cells), "const std::span<const CategoryRange> unicodeCategories = kCategories;")


def maps():
    lower, nfd, nfkd = (form().normalize_str for form in (normalizers.Lowercase, normalizers.NFD, normalizers.NFKD))
    body = mapping("kLowercase", [(c, lower(chr(c))) for c in EVERY if lower(chr(c)) != chr(c)])
    body += mapping("kCompatible", [(c, nfkd(chr(c))) for c in EVERY if nfkd(chr(c)) != nfd(chr(c))])
    return source(body, "const UnicodeMaps unicodeMaps = {kLowercase, kCompatible};")


def sets():
    clean = normalizers.BertNormalizer(clean_text=True, handle_chinese_chars=False, strip_accents=False, lowercase=False)
    marks = normalizers.BertNormalizer(clean_text=False, handle_chinese_chars=False, strip_accents=True, lowercase=False)
    # The releases differ: what the package knows joins the character before it, and takes part in its replacement.
    joins = normalizers.Precompiled(families.darts({"a": "b"})).normalize_str
    clusters = {c: name for name in CLUSTERS for c in map(ord, regex.findall(rf"\p{{GCB={name}}}", TEXT))
                if name not in ("Extend", "SpacingMark") or joins("a" + chr(c)) == "b"}
    body = set_table("kWords", matching(r"\w"))
    # Rust's own classes, which the other pre-tokenizers ask.
    spaces = set(matching(r"\s"))
    assert removed(pre_tokenizers.WhitespaceSplit()) == sorted(spaces) == removed(pre_tokenizers.Whitespace())
    pieces = pre_tokenizers.Whitespace().pre_tokenize_str("".join("a" + chr(c) for c in EVERY))
    apart = {ord(piece[-1]) for piece, _ in pieces if not piece.startswith("a")}
    body += set_table("kRustWords", [c for c in EVERY if c not in apart and c not in spaces])
    body += set_table("kDigits", alone(pre_tokenizers.Digits(individual_digits=False)))
    body += set_table("kPunctuation", removed(pre_tokenizers.Punctuation("removed")))
    body += set_table("kAccents", vanishing(normalizers.StripAccents()))
    body += set_table("kBertRemoved", vanishing(clean))
    body += set_table("kBertMarks", vanishing(marks))
    cells = [f"{{0x{a:x}, 0x{b:x}, Cluster::{v.replace('_', '')}}}" for a, b, v in ranges(sorted(clusters), clusters.get)]
    body += table("ClusterRange", "kClusters", cells)
    body += set_table("kPictographs", [ord(c) for c in regex.findall(r"\p{Extended_Pictographic}", TEXT)])
    names = "kWords, kRustWords, kDigits, kPunctuation, kAccents, kBertRemoved, kBertMarks, kClusters, kPictographs"
    return source(body, f"const UnicodeSets unicodeSets = {{{names}}};")


if __name__ == "__main__":
    folder = "compiler/import/tokenizer/"
    for path, made in (("runtime/text/UnicodeTables.cpp", runtime), (folder + "UnicodeCategories.cpp", categories), (folder + "UnicodeMaps.cpp", maps),
                       (folder + "UnicodeSets.cpp", sets)):
        with open(os.path.join(ROOT, path), "w") as f:
            f.write(made())
