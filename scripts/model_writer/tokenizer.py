"""A byte-level BPE of any size, made up from a seed."""

import random

# What stands for each byte in the vocabulary of a byte-level BPE (GPT-2's alphabet): itself where it
# prints, else the next code point from 256 on.
_PRINTS = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]


def byte_alphabet() -> list[str]:
    others = [byte for byte in range(256) if byte not in _PRINTS]
    shown = {byte: chr(byte) for byte in _PRINTS}
    shown |= {byte: chr(256 + index) for index, byte in enumerate(others)}
    return [shown[byte] for byte in range(256)]


# Letters about as often as English has them, and the space in front of a word.
_LETTERS = "eeeeeeeeeeeettttttttttaaaaaaaaaooooooooiiiiiiinnnnnnnssssssshhhhhhrrrrrrddddlllluuucccmmmwwfffggyyppbbvkjxqz"
_LONGEST = 12


def _merges(count: int, seed: int, alphabet: list[str]) -> list[tuple[str, str]]:
    """Pairs of tokens that exist by then; early tokens are drawn more often, as in a trained BPE."""
    generator = random.Random(seed)
    space = alphabet[ord(" ")]
    pool, known, merges = [*_LETTERS], set(alphabet), []
    while len(merges) < count:
        left = pool[int(len(pool) * generator.random() ** 2)]
        if generator.random() < 0.3:
            left = space
        right = pool[int(len(pool) * generator.random() ** 2)]
        made = left + right
        if len(made) > _LONGEST or made in known or right.startswith(space):
            continue
        known.add(made)
        pool.append(made)
        merges.append((left, right))
    return merges


def byte_level_bpe(vocab: dict[str, int], merges, added: list[dict]) -> dict:
    """tokenizer.json."""
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": added,
        "normalizer": None,
        "pre_tokenizer": {
            "type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True,
        },
        "post_processor": None,
        "decoder": {
            "type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True,
        },
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": False,
            "vocab": vocab,
            "merges": [list(pair) for pair in merges],
        },
    }


def added_token(index: int, text: str) -> dict:
    return {
        "id": index, "content": text, "single_word": False, "lstrip": False, "rstrip": False,
        "normalized": False, "special": True,
    }


def made_up_bpe(size: int, specials: list[str], seed: int) -> dict:
    """`specials` have the first ids, then come the 256 bytes, then merges up to `size` entries."""
    alphabet = byte_alphabet()
    merges = _merges(size - len(specials) - len(alphabet), seed, alphabet)
    tokens = [*specials, *alphabet, *(left + right for left, right in merges)]
    vocab = {token: index for index, token in enumerate(tokens)}
    assert len(vocab) == size
    return byte_level_bpe(
        vocab, merges, [added_token(index, text) for index, text in enumerate(specials)]
    )
