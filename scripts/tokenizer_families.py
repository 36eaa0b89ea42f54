"""Small tokenizers with the settings of published families, and texts with every kind of trap.

Used by make_runtime_goldens and check_tokenizers. Vocabularies are trained on a few lines; pre-tokenizers, normalizers and decoders
are those of the family's tokenizer.json.
"""

import json
import random
import struct
import unicodedata

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
CL100K = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
QWEN2 = CL100K.replace("{1,3}", "")
UPPER, LOWER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
MARK = r"[^\r\n\p{L}\p{N}]?"
ENDINGS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
TAIL = r"| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
O200K = rf"{MARK}{UPPER}*{LOWER}+{ENDINGS}|{MARK}{UPPER}+{LOWER}*{ENDINGS}|\p{{N}}{{1,3}}{TAIL}"
TEKKEN = rf"{MARK}{UPPER}*{LOWER}+|{MARK}{UPPER}+{LOWER}*|\p{{N}}{TAIL}"
DEEPSEEK = (
    r"""[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+"""
    "[\r\n]*" + r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
BLOOM = r" ?[^(\s|[.,!?…。，、।۔،])]+"

CORPUS = [
    "What does the sign say? It says OPEN. What is the total? The total is 12.50.",
    "the price of the bread is 3.20 and the price of the tea is 1.99\n\n  for (int i = 0; i < 10; ++i)\n    total += price[i];",
    "Grüße aus München. Où est le café? ¿Qué tal? привет мир, привет. 東京 東京 大阪 こんにちは 안녕하세요 안녕 😀 😀 👍🏽 ½ ½ ٣٤٥",
    "It's what they've said; I'll say we'd go, they're here, I'm not. DON'T. 1000 2000 123456",
] * 4

ATOMS = (
    "'s 'S 'll 'LL 'ſ 're 'Ve a the The hello helloWorld ABCdef 12345 7 ½ ٣ Ⅷ é e\u0301 ﬁ Å \u212b 가 \u1100\u1161 \u1100\u1161\u11a8 "
    "\uac00\u11a8 😀 👍🏽 \u200d ! ?! ... _ /// -- <|end|> <image> <tool> <toolbox> <|user|> <| <s> </s> <unk> [MASK] [UNK] <0x41> <0xe9> 東京 привет "
    "\u0300\u0316 a\u0316\u0300 \ufb2c \u1e9b\u0323 \u0344 ß İ K ｶﾞ Ａ ① ㍿ ﷺ \u00ad \ufeff \ufffd \ue000 \u0600a क्ष \u0939\u093f ğ Ǆ ǅ ʰ ªº ▁ ▁▁ "
    "x\u0301\u0301 🇩🇪🇫🇷 ©\ufe0f 1,000 3.14 don't n't do not ##x こんにちは 안녕 한글 \U00011935\U00011930 ไทย ำ ﬀ ŉ \u1f80 ẞ Σς wörd wo\u0308rd Ġé"
).split(" ") + [" ", "  ", "   ", "    ", "\n", "\r\n", "\t", "\n\n", " \n ", "\u00a0", "\u3000", "\u2028", "\u0085", "\0", "\x7f", " the", " total", "\u200b"]

TEXTS = [
    "", " ", "What does it say?", "What is the price of the bread?", "  leading and trailing  ", "tabs\tand\nnew\r\nlines\n\n\n",
    "ignore <|end|> and <image>", "x" * 200, "😀😀😀 👩‍👩‍👧‍👦", "e\u0301 vs é", "𝔘𝔫𝔦𝔠𝔬𝔡𝔢", "１２３ ٣٤٥ Ⅷ", "\u202eright to left", "a\u00a0b\u3000c",
]


def random_text(rng):
    """Atoms, whole characters of every kind, or both."""
    kind = rng.randrange(4)
    if kind < 3:
        atoms = [rng.choice(ATOMS) for _ in range(rng.randrange(1, 14))]
        if kind == 2:
            atoms += [random_character(rng) for _ in range(rng.randrange(1, 8))]
            rng.shuffle(atoms)
        return "".join(atoms)
    return "".join(random_character(rng) for _ in range(rng.randrange(1, 30)))


def random_character(rng):
    first, last = rng.choice([(0, 0x7F), (0x20, 0x7E), (0x80, 0x24F), (0x250, 0x6FF), (0x700, 0x10FF), (0x1100, 0x1FFF), (0x2000, 0x2BFF), (0x2E80, 0x31FF),
                              (0x4E00, 0x9FFF), (0xAC00, 0xD7A3), (0xE000, 0xFFFD), (0x10000, 0x1FBFF), (0x20000, 0x323AF), (0xE0000, 0x10FFFF)])
    return chr(rng.randint(first, last))


def darts(pairs):
    """A SentencePiece charsmap: a double-array trie of keys to offsets of their values."""
    values, offset_of = b"", {}
    for key, value in pairs.items():
        offset_of[key.encode()] = len(values)
        values += value.encode() + b"\0"
    children = {}
    for key in offset_of:
        for i in range(len(key)):
            children.setdefault(key[:i], set()).add(key[i])
    units, used = {0: 0}, {0}

    def place(prefix, at):
        # The children, and the value as the one of byte 0.
        labels = sorted(children.get(prefix, ())) + ([0] if prefix in offset_of else [])
        base = next(b for b in range(1, 1 << 21) if all((b ^ at ^ x) not in used for x in labels) and b ^ at)
        target = base ^ at
        units[at] |= base << 10 | (256 if prefix in offset_of else 0)
        used.update(target ^ x for x in labels)
        for x in labels:
            if x == 0:
                units[target] = offset_of[prefix] | 1 << 31
            else:
                units[target ^ x] = x
        for x in labels:
            if x:
                place(prefix + bytes([x]), target ^ x)

    place(b"", 0)
    array = b"".join(struct.pack("<I", units.get(i, 0)) for i in range(max(units) + 256))
    return struct.pack("<I", len(array)) + array + values


def nmt_nfkc():
    """The most of SentencePiece's rules: NFKC of characters and of short compositions; controls vanish; white space is a space."""
    rules = {}
    for c in range(1, 0x30000):
        if 0xD800 <= c < 0xE000 or 0xAC00 <= c < 0xD7A4:
            continue
        text = chr(c)
        if c in (0x7F, 0x8F, 0x9F, 0x200B, 0xFEFF, 0x200E) or c < 9 or 0xE <= c < 0x20:
            rules[text] = ""
        elif text.isspace():
            rules[text] = " "
        elif unicodedata.normalize("NFKC", text) != text:
            rules[text] = unicodedata.normalize("NFKC", text)
        decomposed = unicodedata.normalize("NFD", text)
        if len(decomposed) > 1 and decomposed[0] not in rules and unicodedata.normalize("NFC", decomposed) == text:
            rules[decomposed] = text
    return darts(rules)


def split(expression, behavior="isolated", invert=False):
    return pre_tokenizers.Split(Regex(expression), behavior, invert)


def byte_level(**options):
    return pre_tokenizers.ByteLevel(**{"add_prefix_space": False, **options})


PLAIN = {"use_regex": False}
ISOLATED_DIGITS = pre_tokenizers.Digits(individual_digits=True)

# Of byte-level BPE: pre-tokenizer, normalizer, ignore_merges.
BYTE_LEVEL = {
    "gpt2": (byte_level(), None, False),
    "gpt2_prefix_space": (byte_level(add_prefix_space=True), None, False),
    "llama3": ([split(CL100K), byte_level(**PLAIN)], None, True),
    "cl100k": ([split(CL100K, "removed", True), byte_level(**PLAIN)], None, False),
    "qwen2": ([split(QWEN2), byte_level(**PLAIN)], normalizers.NFC(), False),
    "digits": ([ISOLATED_DIGITS, byte_level()], None, False),
    "o200k": ([split(O200K), byte_level(**PLAIN)], None, True),
    "tekken": ([split(TEKKEN), byte_level(**PLAIN)], None, True),
    "deepseek_v3": ([split(r"\p{N}{1,3}"), split("[一-龥぀-ゟ゠-ヿ]+"), split(DEEPSEEK), byte_level(**PLAIN)], normalizers.Sequence([]), False),
    "deepseek_v2": ([split("[\r\n]"), split(r"\s?\p{L}+"), split(r"\s?\p{P}+"), split("[一-龥ࠀ-一가-퟿]+"), ISOLATED_DIGITS, byte_level()], None, False),
    "falcon": ([pre_tokenizers.Punctuation("contiguous"), byte_level(), pre_tokenizers.Digits(False), split("[0-9][0-9][0-9]")], None, False),
    "starcoder": ([ISOLATED_DIGITS, byte_level(add_prefix_space=False, use_regex=True)], None, False),
    "gpt_neox": (byte_level(add_prefix_space=False), normalizers.NFC(), False),
    "bloom": ([split(BLOOM), byte_level(**PLAIN)], None, False),
}
METASPACE = "▁"


def spm_decoder(strips):
    parts = [decoders.Replace(METASPACE, " "), decoders.ByteFallback(), decoders.Fuse()]
    return decoders.Sequence(parts + ([decoders.Strip(" ", 1, 0)] if strips else []))


# Of BPE of characters: normalizer, pre-tokenizer, decoder, byte_fallback, fuse_unk.
LEGACY = normalizers.Sequence([normalizers.Prepend(METASPACE), normalizers.Replace(" ", METASPACE)])
CHARACTERS = {
    "llama2": (LEGACY, None, spm_decoder(True), True, True),
    "mistral_v03": (None, pre_tokenizers.Metaspace(METASPACE, "first", False), spm_decoder(True), True, True),
    "gemma": (normalizers.Replace(" ", METASPACE), pre_tokenizers.Split(" ", "merged_with_previous"), spm_decoder(False), True, True),
    "phi3": (LEGACY, None, spm_decoder(True), True, False),
    "metaspace_always": (None, pre_tokenizers.Metaspace(METASPACE, "always", True), decoders.Metaspace(METASPACE, "always", True), False, True),
    "metaspace_never": (normalizers.NFKC(), pre_tokenizers.Metaspace(METASPACE, "never", True), decoders.Metaspace(METASPACE, "never", True), False, False),
    "nfkd_lowercase": (normalizers.Sequence([normalizers.NFKD(), normalizers.StripAccents(), normalizers.Lowercase(), normalizers.Strip(True, True)]),
                       pre_tokenizers.Sequence([pre_tokenizers.Whitespace(), pre_tokenizers.Punctuation("merged_with_next")]), decoders.Fuse(), False, True),
}
UNIGRAM = {
    "t5": ([], [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace(METASPACE, "always", True)], False),
    "albert": ([normalizers.Strip(False, True), normalizers.Replace(Regex(" {2,}"), METASPACE), normalizers.NFD()],
               [pre_tokenizers.Metaspace(METASPACE, "always", True)], False),
    "unigram_bytes": ([], [pre_tokenizers.Metaspace(METASPACE, "never", False)], True),
}
BERT = {"bert": normalizers.BertNormalizer(), "bert_cased": normalizers.BertNormalizer(lowercase=False, handle_chinese_chars=False)}
FAMILIES = [*BYTE_LEVEL, *CHARACTERS, *UNIGRAM, *BERT]

SPECIAL = ["<|end|>", "<image>", "<|user|>"]
BYTES = [f"<0x{byte:02X}>" for byte in range(256)]


def add_tokens(tok):
    tok.add_tokens([AddedToken("wörd", normalized=True), AddedToken("Ġé", normalized=True), AddedToken("<tool>", normalized=False), AddedToken("   ", normalized=False),
                    AddedToken("<toolbox>", normalized=False, lstrip=True, rstrip=True)])
    return tok


def sequence(parts):
    return pre_tokenizers.Sequence(list(parts)) if isinstance(parts, (list, tuple)) else parts


def train(tok, trainer):
    tok.train_from_iterator(CORPUS, trainer)
    return tok


def family(name):
    if name in BYTE_LEVEL:
        parts, normalizer, ignores = BYTE_LEVEL[name]
        tok = Tokenizer(models.BPE(ignore_merges=ignores))
        tok.pre_tokenizer = sequence(parts)
        if normalizer is not None:
            tok.normalizer = normalizer
        tok.decoder = decoders.ByteLevel()
        trainer = trainers.BpeTrainer(vocab_size=360, special_tokens=SPECIAL, initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()), show_progress=False)
        return add_tokens(train(tok, trainer))
    if name in CHARACTERS:
        normalizer, pre_tokenizer, decoder, falls_back, fuses = CHARACTERS[name]
        tok = Tokenizer(models.BPE(byte_fallback=falls_back, fuse_unk=fuses, unk_token="<unk>"))
        if normalizer is not None:
            tok.normalizer = normalizer
        # Words for training; the family's own has whole lines.
        tok.pre_tokenizer = pre_tokenizers.Metaspace(METASPACE, "always", True)
        specials = ["<unk>", "<s>", "</s>"] + (BYTES if falls_back else []) + SPECIAL
        train(tok, trainers.BpeTrainer(vocab_size=620 if falls_back else 300, special_tokens=specials, limit_alphabet=70, show_progress=False))
        return add_tokens(rebuilt(tok, pre_tokenizer, decoder, falls_back))
    if name in UNIGRAM:
        parts, before, falls_back = UNIGRAM[name]
        tok = Tokenizer(models.Unigram())
        tok.normalizer = normalizers.Sequence([normalizers.Precompiled(nmt_nfkc()), *parts])
        tok.pre_tokenizer = sequence([pre_tokenizers.Metaspace(METASPACE, "always", True)])
        specials = ["<pad>", "</s>", "<unk>"] + SPECIAL
        train(tok, trainers.UnigramTrainer(vocab_size=200, special_tokens=specials, unk_token="<unk>", show_progress=False))
        decoder = decoders.Metaspace(METASPACE, "always", True) if not falls_back else spm_decoder(False)
        return add_tokens(rebuilt(tok, sequence(before), decoder, falls_back))
    tok = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tok.normalizer, tok.pre_tokenizer, tok.decoder = BERT[name], pre_tokenizers.BertPreTokenizer(), decoders.WordPiece("##", name == "bert")
    train(tok, trainers.WordPieceTrainer(vocab_size=260, special_tokens=["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] + SPECIAL, show_progress=False))
    return add_tokens(tok)


def rebuilt(tok, pre_tokenizer, decoder, falls_back):
    """With the family's own pre-tokenizer and decoder; tokens of bytes are no special ones."""
    tok.decoder = decoder
    data = json.loads(tok.to_str())
    data["pre_tokenizer"] = json.loads(with_pre_tokenizer(pre_tokenizer))["pre_tokenizer"] if pre_tokenizer is not None else None
    data["added_tokens"] = [each for each in data["added_tokens"] if not each["content"].startswith("<0x")]
    if data["model"]["type"] == "Unigram" and falls_back:
        data["model"]["byte_fallback"] = True
        data["model"]["vocab"] += [[name, 0.0] for name in BYTES]
    return Tokenizer.from_str(json.dumps(data))


def with_pre_tokenizer(pre_tokenizer):
    tok = Tokenizer(models.BPE())
    tok.pre_tokenizer = pre_tokenizer
    return tok.to_str()
