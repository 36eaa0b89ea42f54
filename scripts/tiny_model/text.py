"""The tokenizer, the chat form, and the words that the tasks use."""

import json

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers

EOS, BOS, USER, ASSISTANT, IMAGE = "<|endoftext|>", "<|startoftext|>", "<|user|>", "<|assistant|>", "<image>"
SPECIALS = [EOS, BOS, USER, ASSISTANT, IMAGE]
VOCAB = 384

COLOURS = ["red", "green", "blue", "yellow", "orange", "purple", "white", "black"]
ITEMS = ["tea", "cake", "soup", "milk", "rice", "fish", "bread", "apple", "juice", "salad", "pasta", "egg"]
QUESTIONS = {
    "sign_text": ["What does it say?", "What does the sign say?"],
    "sign_colour": ["What colour is the sign?"],
    "label_text": ["What does it say?", "What does the label say?"],
    "label_price": ["What is the price?"],
    "receipt_total": ["What is the total?"],
    "receipt_item": ["What is the price of the {}?"],
}
# The same of one picture, as others would say it.
OTHER_QUESTIONS = {
    "sign_text": ["What does the picture say?", "What does this sign say?", "What is on the sign?"],
    "sign_colour": ["What colour is it?", "What colour is this sign?"],
    "label_text": ["What does the picture say?", "What does this label say?", "What is on the label?"],
    "label_price": ["What is the price on the label?", "What does it cost?"],
    "receipt_total": ["What is the total of the receipt?", "What is the total on the receipt?"],
    "receipt_item": ["What does the {} cost?", "How much is the {}?"],
}
# Of one of two: {n} counts the pictures; where `thing` is asked for, both are of its kind.
PAIR_QUESTIONS = {
    "sign_text": ["What does the {n} sign say?"],
    "sign_colour": ["What colour is the {n} sign?"],
    "label_text": ["What does the {n} label say?"],
    "label_price": ["What is the price on the {n} label?", "What is the price of the {n} label?", "What is the {n} price?"],
    "receipt_total": ["What is the total of the {n} receipt?", "What is the total on the {n} receipt?", "What is the {n} total?"],
    "receipt_item": ["What is the price of the {i} on the {n} receipt?", "How much is the {i} on the {n} receipt?"],
}
# The same whatever the pictures are.
PLACE_QUESTIONS = {
    "sign_text": ["What does the {n} picture say?", "What does the {n} one say?", "What does the {n} picture say?"],
    "sign_colour": ["What colour is the {n} picture?", "What colour is the {n} one?"],
    "label_text": ["What does the {n} picture say?", "What does the {n} one say?", "What does the {n} picture say?"],
    "label_price": ["What is the price on the {n} picture?", "What is the price in the {n} picture?"],
    "receipt_total": ["What is the total on the {n} picture?", "What is the total in the {n} picture?"],
    "receipt_item": ["What is the price of the {i} on the {n} picture?", "What is the price of the {i} in the {n} picture?"],
}
PLACES = ["first", "second"]


def item_of(kind, question):
    """Which item of the receipt is asked for."""
    return next(i for i in ITEMS if f" {i}?" in question) if kind == "receipt_item" else ""


def questions_of_one(rng, kind, question, answer):
    """A question about the only or the newest picture: three in four as in QUESTIONS."""
    if rng.random() < 0.25:
        question = rng.choice(OTHER_QUESTIONS[kind]).format(item_of(kind, question))
    return question, answer


def questions_of_many(rng, shown, count):
    """Up to `count` questions that only one of the pictures in `shown` answers, with their answers."""
    out = []
    for place, one in enumerate(shown):
        others = [s for i, s in enumerate(shown) if i != place]
        for kind, question, answer in one.qa:
            item = item_of(kind, question)
            forms = [rng.choice(PLACE_QUESTIONS[kind])]
            if all(s.kind == one.kind for s in others):
                forms += [rng.choice(PAIR_QUESTIONS[kind])] * 2
            # No number is needed where the others have no answer to it.
            if not any(q == question if item else s.kind == one.kind for s in others for k, q, _ in s.qa):
                forms += [rng.choice([q for q in QUESTIONS[kind] + OTHER_QUESTIONS[kind][:1] if " it " not in q and "picture" not in q])]
            out.append((rng.choice(forms).format(item, n=PLACES[place], i=item), answer))
    return rng.sample(out, min(count, len(out)))


def build():
    """Trains the byte-level BPE on lower-case questions and words only.

    Codes are upper case and digits and so never merge: the model reads and writes them one character a token.
    """
    lines = [q.format(i) for qs in QUESTIONS.values() for q in qs for i in ITEMS]
    lines += [f"What colour is the {thing}? It is {c}." for thing in ("sign", "label", "board") for c in COLOURS]
    lines += [f"How much is the {i}? The {i} is on the receipt." for i in ITEMS]
    lines += [f"Read the {t} and write what it says." for t in ("sign", "label", "receipt", "picture", "text")]
    tok = Tokenizer(models.BPE())
    tok.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    tok.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCAB,
        special_tokens=[AddedToken(s, special=True, normalized=False) for s in SPECIALS],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tok.train_from_iterator(lines, trainer)
    assert tok.get_vocab_size() == VOCAB, tok.get_vocab_size()
    return tok


class Chat:
    """Turns questions and answers into token ids."""

    def __init__(self, tok, tokens_per_tile=16):
        self.tok, self.tokens_per_tile = tok, tokens_per_tile
        self.eos, self.bos, self.user, self.assistant, self.image = (tok.token_to_id(s) for s in SPECIALS)
        self.cache = {}

    def encode(self, s):
        if s not in self.cache:
            self.cache[s] = self.tok.encode(s, add_special_tokens=False).ids
        return self.cache[s]

    def turn(self, question, tile_counts, separator=""):
        """A question with the pictures that come with it, one number of tiles a picture."""
        ids = [self.user]
        for i, count in enumerate(tile_counts):
            ids += (self.encode(separator) if i else []) + [self.image] * (count * self.tokens_per_tile)
        return ids + self.encode(question) + [self.assistant]

    def prompt(self, question, tile_count):
        return [self.bos] + self.turn(question, [tile_count])

    def dialogue(self, turns, separator=""):
        """Token ids of several turns (numbers of tiles, question, answer), and a mask of the positions whose *next* token is learned."""
        ids, learn = [self.bos], [0]
        for tile_counts, question, answer in turns:
            p = self.turn(question, tile_counts, separator)
            a = self.tok.encode(answer, add_special_tokens=False).ids + [self.eos]
            ids += p + a
            learn += [0] * (len(p) - 1) + [1] * len(a) + [0]
        return ids, learn

    def decode(self, ids):
        return self.tok.decode([i for i in ids if i >= len(SPECIALS)])


def tokenizer_config():
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": 512,
        "add_bos_token": True,
        "add_eos_token": False,
        "add_prefix_space": False,
        "clean_up_tokenization_spaces": False,
        "bos_token": BOS,
        "eos_token": EOS,
        "pad_token": EOS,
        "image_token": IMAGE,
        "added_tokens_decoder": {
            str(i): {"content": s, "lstrip": False, "normalized": False, "rstrip": False, "single_word": False, "special": True}
            for i, s in enumerate(SPECIALS)
        },
        "chat_template": (
            "{% macro said(content) %}{% if content is string %}{{ content }}{% else %}{% for item in content %}"
            "{% if item['type'] == 'image' %}" + IMAGE + "{% else %}{{ item['text'] }}{% endif %}"
            "{% endfor %}{% endif %}{% endmacro %}"
            "{{ bos_token }}{% for m in messages %}{% if m['role'] == 'user' %}"
            "{{ '" + USER + "' + said(m['content']) }}{% elif m['role'] == 'assistant' %}"
            "{{ '" + ASSISTANT + "' + said(m['content']) + eos_token }}{% else %}"
            "{{ raise_exception('a user and an assistant talk, and nobody else') }}{% endif %}{% endfor %}"
            "{% if add_generation_prompt %}{{ '" + ASSISTANT + "' }}{% endif %}"
        ),
    }
