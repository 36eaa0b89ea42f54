"""Trains the tiny model on the CPU.  Seeded; a batch depends on its index only, so that a run can be resumed.

Three stages: first the vision encoder alone learns, through auxiliary heads, which glyph is where (the renderer knows);
then everything learns to answer, with the auxiliary losses beside; at last come two pictures in a conversation, and pictures
of other shapes and sizes.  The heads are training aids and are not exported.
"""

import argparse
import json
import math
import os
import random
import time
from collections import defaultdict

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

import data
import text
from model import BlueLMV, Config
from preprocess import normalise, tiles

CLASSES = len(data.CHARS) + 1
PLACES = 16


class Heads(nn.Module):
    """Linear readers of what the renderer knows; see data.patch_targets."""

    def __init__(self, c: Config):
        super().__init__()
        self.patch = nn.Linear(c.vision.hidden_size, 3 * CLASSES)
        self.token = nn.Linear(c.text.hidden_size, 4 * 2 * CLASSES)
        self.place = nn.Linear(c.text.hidden_size, 4 * PLACES)


def fuse(targets):
    """[n, 49, k] patch targets -> [n, 16, 4, k], as the downsampler fuses patches; -1 where it padded."""
    n, _, k = targets.shape
    t = F.pad(targets.reshape(n, 7, 7, k), (0, 0, 0, 1, 0, 1), value=-1)
    return t.reshape(n, 4, 2, 4, 2, k).permute(0, 1, 3, 2, 4, 5).reshape(n, 16, 4, k)


NONE_WEIGHT = 0.25
# The joint steps at which the task changes: it narrows to what is within reach of the training time, then made-up words come in
# (O and I stand in words only, and the model had begun to take O for 0).
PHASES = (2750, 4500)


def glyph_loss(logits, targets, weight):
    return F.cross_entropy(logits.float().reshape(-1, logits.shape[-1]), targets.reshape(-1), weight=weight, ignore_index=-1)


# What stands between two pictures that come together: mostly what the runtime writes there, at times what a person might.
SEPARATORS = ["", "", "", "\n"]


def pad(ids, learn, eos):
    n = max(map(len, ids))
    return {
        "ids": torch.tensor([a + [eos] * (n - len(a)) for a in ids]),
        "learn": torch.tensor([b + [0] * (n - len(b)) for b in learn], dtype=torch.bool),
    }


class Conversations(torch.utils.data.Dataset):
    """Batch i of the last stage: half of the tiles in conversations about two pictures, half in those about one."""

    def __init__(self, seed, start, count, chat, budget):
        self.seed, self.start, self.count, self.chat, self.budget = seed, start, count, chat, budget

    def __len__(self):
        return self.count

    def specs(self, rng):
        """Conversations of like length, so that little is padded: lists of (kind, grid), one a picture."""
        pairs = rng.random() < 0.55
        draw = data.draw_pair if pairs else lambda r: [data.draw_mix(r, r.choice(list(data.NEW_MIX.values())) if r.random() < 0.5 else data.MIX)]
        tiles_of = lambda specs: sum(data.tile_count(grid) for _, grid in specs)
        first = draw(rng)
        out, left = [first], self.budget - tiles_of(first)
        # Large pictures make small batches: they must come more often to keep their share.
        while left >= tiles_of(first):
            specs = draw(rng)
            if tiles_of(specs) == tiles_of(first):
                out.append(specs)
                left -= tiles_of(specs)
        return out

    def __getitem__(self, i):
        i += self.start
        rng = random.Random(f"many/{self.seed}/{i}")
        pixels, targets, ids, learn = [], [], [], []
        for specs in self.specs(rng):
            shown = [data.Shown(rng, False, *spec) for spec in specs]
            counts = []
            for one in shown:
                image = data.jpeg(rng, one.image) if one.image.width >= data.TINY and rng.random() < 0.15 else one.image
                t, grid = tiles(image)
                counts.append(len(t))
                pixels.append(t)
                targets.append(data.patch_targets(one.glyphs, image.size, grid))
            turns = data.conversation(rng, shown, rng.random() < 0.3)
            a, b = self.chat.dialogue([([counts[k] for k in new], q, answer) for new, q, answer in turns], rng.choice(SEPARATORS))
            ids.append(a)
            learn.append(b)
        return {"pixels": torch.from_numpy(np.concatenate(pixels)), "targets": torch.from_numpy(np.concatenate(targets))} | pad(ids, learn, self.chat.eos)


class Batches(torch.utils.data.Dataset):
    """Batch i of one of the first two stages.  All pictures of a batch have one grid, so nothing is padded but the text."""

    def __init__(self, stage, seed, start, count, chat, budget):
        self.stage, self.seed, self.start, self.count, self.chat, self.budget = stage, seed, start, count, chat, budget

    def __len__(self):
        return self.count

    def __getitem__(self, i):
        i += self.start
        rng = random.Random(f"{self.stage}/{self.seed}/{i}")
        mix = defaultdict(list)
        for weight, kind, grid in data.MIX:
            mix[grid].append((weight, kind))
        grids = list(mix)
        per = {g: g[0] * g[1] + (g != (1, 1)) for g in grids}
        # Large grids make small batches, so they must come more often to keep their share of the pictures.
        share = [sum(w for w, _ in mix[g]) * (per[g] if self.stage == "joint" else per[g] ** 0.5) for g in grids]
        grid = rng.choices(grids, share)[0]
        pixels, targets, ids, learn = [], [], [], []
        extra = max(1, self.budget // 4 // per[grid]) if self.stage == "joint" else 0
        phase = 0 if self.stage == "vision" else sum(i >= p for p in PHASES)
        # One font and size first: once its glyphs are told apart, the others follow soon; all at once start several times slower.
        easy = min(1.0, max(0.0, 2 - i / 500)) if self.stage == "vision" else 0.0
        for k in range(max(4, self.budget // per[grid])):
            kinds = mix[grid]
            kind = rng.choices([k for _, k in kinds], [w for w, _ in kinds])[0]
            # The last pictures of a joint batch carry no question: they keep the reader in training.
            asked = self.stage == "joint" and k < max(4, self.budget // per[grid]) - extra
            if not asked and (self.stage == "joint" or rng.random() < max(0.8, easy)):
                kind = "dense"
            image, glyphs, qa = data.sample(rng, False, kind, grid, easy, phase)
            t, g = tiles(image)
            pixels.append(t)
            targets.append(data.patch_targets(glyphs, image.size, g))
            if asked:
                rng.shuffle(qa)
                a, b = self.chat.dialogue([([len(t)] if n == 0 else [], q, answer) for n, (_, q, answer) in enumerate(qa)])
                ids.append(a)
                learn.append(b)
        out = {"pixels": torch.from_numpy(np.concatenate(pixels)), "targets": torch.from_numpy(np.concatenate(targets))}
        return out | pad(ids, learn, self.chat.eos) if ids else out


def losses(model, heads, batch, chat, aux):
    """Total loss, and figures for the log."""
    pixels = (batch["pixels"].permute(0, 3, 1, 2).float() / 255 - 0.5) / 0.5
    targets = batch["targets"]
    weight = torch.ones(CLASSES)
    weight[0] = NONE_WEIGHT
    tokens = model.vision.vision_tower(pixels, fused=True)
    features = model.vision.projector(model.vision.downsampler(tokens))
    patch = heads.patch(tokens).reshape(*tokens.shape[:2], 3, CLASSES)
    fused = fuse(targets)
    token = heads.token(features).reshape(*features.shape[:2], 4, 2, CLASSES)
    patch_loss = glyph_loss(patch, targets[..., :3], weight)
    token_loss = glyph_loss(token, fused[..., 1:3], weight)
    total = aux * (patch_loss + token_loss)
    with torch.no_grad():
        real = fused[..., 1] > 0
        figures = {"patch": patch_loss.item(), "token": token_loss.item(), "glyph%": 100 * (token[..., 0, :].argmax(-1) == fused[..., 1])[real].float().mean().item()}
    if "ids" in batch:
        ids, learn = batch["ids"], batch["learn"]
        used = int((ids == chat.image).sum()) // model.c.tokens_per_tile
        x = model.embed(ids, features[:used], chat.image)
        b, n = ids.shape
        hidden, _, tap = model.decoder.hidden(x, torch.ones(b, n, dtype=torch.long), torch.arange(n).expand(b, n), fused=True, tap=1)
        logits = model.decoder.lm_head(hidden[learn]).float()
        answers = torch.roll(ids, -1, 1)[learn]
        lm = F.cross_entropy(logits, answers)
        # Where a glyph is in its line, read in the middle of the decoder: that is what "the next character" needs.
        place = heads.place(tap[ids == chat.image]).reshape(-1, PLACES).float()
        where = fused[:used, :, :, 3].reshape(-1)
        places = torch.ones(PLACES)
        places[0] = NONE_WEIGHT
        place_loss = F.cross_entropy(place, where, weight=places, ignore_index=-1)
        total = total + lm + 0.3 * aux * place_loss
        figures |= {"lm": lm.item(), "place": place_loss.item(), "token%": 100 * (logits.argmax(-1) == answers).float().mean().item()}
    return total, figures


def prompts(chat, pictures):
    """Of single pictures: (kind, prompt ids, tiles, answer)."""
    for image, kind, question, answer in pictures:
        t, _ = tiles(image)
        yield kind, chat.prompt(question, len(t)), t, answer


def conversation_prompts(chat, conversations, kind, separator=""):
    """Of conversations: a prompt for every turn, with the true answers of the turns before."""
    for images, turns in conversations:
        cut = [tiles(image)[0] for image in images]
        before, seen = [chat.bos], []
        for new, question, answer in turns:
            seen += [cut[k] for k in new]
            before = before + chat.turn(question, [len(cut[k]) for k in new], separator)
            yield kind, before, np.concatenate(seen), answer
            before = before + chat.tok.encode(answer, add_special_tokens=False).ids + [chat.eos]


def evaluate(model, chat, asked):
    """Exact match of greedy fp32 generation through the real preprocessing: right and count, in total and by kind."""
    groups, score, wrong = defaultdict(list), defaultdict(lambda: [0, 0]), []
    for kind, ids, t, answer in asked:
        groups[(len(t), len(ids))].append((kind, ids, answer, t))
    model.eval()
    for (_, _), rows in sorted(groups.items()):
        for at in range(0, len(rows), 16):
            part = rows[at : at + 16]
            ids = torch.tensor([i for _, i, _, _ in part])
            out, _ = model.generate(ids, torch.from_numpy(normalise(np.concatenate([t for *_, t in part]))), chat.image, chat.eos)
            for (kind, _, answer, _), generated in zip(part, out):
                got = chat.decode(generated)
                score[kind][1] += 1
                score[kind][0] += got == answer
                if got != answer:
                    wrong.append((kind, answer, got))
    model.train()
    return sum(r for r, _ in score.values()), sum(c for _, c in score.values()), dict(score), wrong


def quick_test(chat, count=150):
    """What the log shows while it trains: single pictures and, in the last stage, the new classes as well."""
    return list(prompts(chat, data.test_set(count, seed=440001)))


def quick_many(chat, count=60):
    out = quick_test(chat, 90)
    for name in ("wide", "tall", "tiny", "large"):
        out += [(name, *rest) for _, *rest in prompts(chat, data.shape_test(name, count // 2, seed=440002))]
    pairs = data.pair_test(count, seed=440003)
    out += conversation_prompts(chat, pairs, "pair")
    out += conversation_prompts(chat, pairs, "pair newline", "\n")
    out += conversation_prompts(chat, data.pair_test(count // 3, later=True, seed=440003), "later")
    return out


def report(model, chat, asked):
    right, count, score, wrong = evaluate(model, chat, asked)
    line = "  ".join(f"{k} {r}/{c} ({100 * r / c:.1f}%)" for k, (r, c) in sorted(score.items()))
    return f"exact match {right}/{count} ({100 * right / count:.1f}%)  {line}", wrong


def rate(step, total, peak, warm, decay, floor=0.02):
    """Warm up, stay, then fall along half a cosine over the last `decay` steps."""
    if step < warm:
        return peak * (step + 1) / warm
    if step < total - decay:
        return peak
    x = (step - (total - decay)) / max(1, decay)
    return peak * (floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * min(1, x))))


def make_optimizers(model, heads, rate):
    """Muon for the matrices inside the blocks, AdamW for the rest.  With AdamW alone glyphs took 1.6 times the steps to emerge."""
    inner, outer, plain = [], [], []
    for name, q in list(model.named_parameters()) + list(heads.named_parameters()):
        if q.dim() == 2 and ".layers." in name or name.startswith(("vision.downsampler", "vision.projector")) and q.dim() == 2:
            inner.append(q)
        else:
            (outer if q.dim() >= 2 else plain).append(q)
    groups = [{"params": outer, "weight_decay": 0.05}, {"params": plain, "weight_decay": 0.0}]
    return [
        torch.optim.Muon(inner, lr=rate, weight_decay=0.05, adjust_lr_fn="match_rms_adamw"),
        torch.optim.AdamW(groups, lr=rate, betas=(0.9, 0.98), fused=True),
    ]


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--out", default="train-out")
    p.add_argument("--seed", type=int, default=7)
    # One thread: at this size two gain up to twofold on an idle machine, but were four times slower on a busy one.
    p.add_argument("--threads", type=int, default=1)
    p.add_argument("--vision-steps", type=int, default=9500)
    p.add_argument("--joint-steps", type=int, default=9000)
    p.add_argument("--many-steps", type=int, default=2800)
    p.add_argument("--many-rate", type=float, default=5e-4)
    p.add_argument("--decay", type=int, default=6500, help="joint steps at the end over which the rate falls")
    p.add_argument("--rate", type=float, default=2e-3, help="peak rate of the vision stage")
    p.add_argument("--joint-rate", type=float, default=1e-3, help="peak rate of the joint stage")
    p.add_argument("--vision-budget", type=int, default=48, help="tiles a batch")
    p.add_argument("--joint-budget", type=int, default=64)
    p.add_argument("--aux", type=float, default=1.0, help="weight of the auxiliary losses in the joint stage")
    p.add_argument("--resume", help="a checkpoint to go on from")
    p.add_argument("--save-every", type=int, default=250)
    p.add_argument("--eval-every", type=int, default=1000)
    p.add_argument("--no-bf16", action="store_true")
    a = p.parse_args()
    os.makedirs(a.out, exist_ok=True)
    torch.set_num_threads(a.threads)
    torch.manual_seed(a.seed)
    tok = text.build()
    chat = text.Chat(tok)
    config = Config()
    model, heads = BlueLMV(config), Heads(config)
    optimizers = make_optimizers(model, heads, a.rate)
    log = open(os.path.join(a.out, "train.log"), "a", buffering=1)

    def say(line):
        print(line, flush=True)
        log.write(line + "\n")

    done = {"vision": 0, "joint": 0, "many": 0}
    if a.resume:
        state = torch.load(a.resume, weights_only=True)
        model.load_state_dict(state["model"])
        heads.load_state_dict(state["heads"])
        for o, saved in zip(optimizers, state["optimizers"]):
            o.load_state_dict(saved)
        done |= state["done"]
    say(f"# {json.dumps(vars(a))}  parameters {sum(q.numel() for q in model.parameters())}  torch {torch.__version__}")
    # In the joint stage every 1000 steps, in the last one, which is shorter, more often.
    quick, every = {"joint": quick_test(chat), "many": quick_many(chat)}, {"joint": a.eval_every, "many": a.eval_every // 2}

    def save(name):
        torch.save({"model": model.state_dict(), "heads": heads.state_dict(), "optimizers": [o.state_dict() for o in optimizers], "done": done}, os.path.join(a.out, name))

    for stage, steps in (("vision", a.vision_steps), ("joint", a.joint_steps), ("many", a.many_steps)):
        count = steps - done[stage]
        if count <= 0:
            continue
        if stage == "many":
            batches = Conversations(a.seed, done[stage], count, chat, a.joint_budget)
        else:
            batches = Batches(stage, a.seed, done[stage], count, chat, a.vision_budget if stage == "vision" else a.joint_budget)
        loader = torch.utils.data.DataLoader(batches, batch_size=None, num_workers=1, prefetch_factor=8)
        sums, began, seen = defaultdict(list), time.time(), 0
        for batch in loader:
            step = done[stage]
            if stage == "vision":
                lr = rate(step, steps, a.rate, 100, int(0.6 * steps), floor=0.25)
            elif stage == "joint":
                lr = rate(step, steps, a.joint_rate, 200, a.decay)
            else:
                lr = rate(step, steps, a.many_rate, 100, int(0.8 * steps))
            for o in optimizers:
                for g in o.param_groups:
                    g["lr"] = lr
            with torch.autocast("cpu", dtype=torch.bfloat16, enabled=not a.no_bf16):
                loss, figures = losses(model, heads, batch, chat, 1.0 if stage == "vision" else a.aux)
            for o in optimizers:
                o.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            for o in optimizers:
                o.step()
            seen += len(batch["pixels"])
            for k, v in figures.items():
                sums[k].append(v)
            done[stage] = step = step + 1
            if step % 50 == 0:
                mean = "  ".join(f"{k} {np.nanmean(v):.3f}" for k, v in sums.items())
                say(f"{stage} {step}  {mean}  lr {lr:.2e}  {seen / (time.time() - began):.0f} tiles/s  {time.strftime('%H:%M:%S')}")
                sums, began, seen = defaultdict(list), time.time(), 0
            if step % a.save_every == 0:
                save("last.pt")
            if stage in every and step % every[stage] == 0:
                line, wrong = report(model, chat, quick[stage])
                say(f"{stage} {step}  quick {line}")
                say(f"  wrong: {wrong[:12]}")
                save(f"{stage}-{step}.pt")
        save(f"{stage}.pt")
    torch.save(model.state_dict(), os.path.join(a.out, "model.pt"))
    line, wrong = report(model, chat, prompts(chat, data.test_set()))
    say(f"final, 500 unseen pictures: {line}")
    say(f"  wrong, the first 40: {wrong[:40]}")


if __name__ == "__main__":
    main()
