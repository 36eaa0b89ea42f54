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

    def prompt(self, question, tile_count):
        return [self.bos, self.user] + [self.image] * (tile_count * self.tokens_per_tile) + self.encode(question) + [self.assistant]

    def dialogue(self, turns, tile_count):
        """Token ids of several turns about one picture, and a mask of the positions whose *next* token is learned."""
        ids, learn = [], []
        for i, (question, answer) in enumerate(turns):
            p = self.prompt(question, tile_count) if i == 0 else [self.user] + self.encode(question) + [self.assistant]
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
            "{{ bos_token }}{% for m in messages %}{% if m['role'] == 'user' %}"
            "{{ '" + USER + "' + m['content'] }}{% elif m['role'] == 'assistant' %}"
            "{{ '" + ASSISTANT + "' + m['content'] + eos_token }}{% endif %}{% endfor %}"
            "{% if add_generation_prompt %}{{ '" + ASSISTANT + "' }}{% endif %}"
        ),
        # The same template as plain strings, for a runtime without a Jinja engine:
        # prefix, then for each turn user_prefix [image for each picture] text user_suffix assistant_prefix answer assistant_suffix.
        "bluec_chat": {
            "version": 1,
            "prefix": BOS,
            "image": IMAGE,
            "user_prefix": USER,
            "user_suffix": "",
            "assistant_prefix": ASSISTANT,
            "assistant_suffix": EOS,
        },
    }
