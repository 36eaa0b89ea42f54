"""The BlueLM-V architecture at toy size: SigLIP-style ViT, VILA downsampler, projector, LLaMA-style decoder.

Parameter names follow Hugging Face habits, because the ONNX initialisers inherit them and people read those.
"""

import math
from dataclasses import asdict, dataclass, field

import torch
import torch.nn.functional as F
from torch import nn


@dataclass
class VisionConfig:
    image_size: int = 98
    patch_size: int = 14
    hidden_size: int = 144
    # 144 * 4304 / 1152: the MLP of SigLIP SO400M is not a multiple of 32 either, and tools break on exactly that.
    intermediate_size: int = 538
    num_hidden_layers: int = 4
    num_attention_heads: int = 2
    layer_norm_eps: float = 1e-6

    @property
    def side(self):
        return self.image_size // self.patch_size


@dataclass
class TextConfig:
    vocab_size: int = 384
    hidden_size: int = 192
    intermediate_size: int = 480
    num_hidden_layers: int = 4
    num_attention_heads: int = 6
    num_key_value_heads: int = 2
    head_dim: int = 32
    rms_norm_eps: float = 1e-6
    layer_norm_eps: float = 1e-5
    rope_theta: float = 10000.0
    max_position_embeddings: int = 512


@dataclass
class Config:
    vision: VisionConfig = field(default_factory=VisionConfig)
    text: TextConfig = field(default_factory=TextConfig)
    downsample_hidden_size: int = 288
    projector_hidden_size: int = 192

    @property
    def tokens_per_tile(self):
        return ((self.vision.side + 1) // 2) ** 2

    def dict(self):
        return asdict(self)


def attend(q, k, v, mask=None, fused=False):
    """softmax(q k^T / sqrt(d) + mask) v.

    In training the softmax stays in the matmuls' type (bf16): at 49 tokens that beats PyTorch's fused CPU attention,
    whose backward pass alone was a third of a step.
    """
    if fused:
        scores = torch.matmul(q * (1.0 / math.sqrt(q.shape[-1])), k.transpose(-1, -2))
        if mask is not None:
            scores = scores + mask
        with torch.autocast("cpu", enabled=False):
            return torch.matmul(torch.softmax(scores, dim=-1), v.to(scores.dtype))
    scores = torch.matmul(q, k.transpose(-1, -2)) * (1.0 / math.sqrt(q.shape[-1]))
    if mask is not None:
        scores = scores + mask
    return torch.matmul(torch.softmax(scores, dim=-1), v)


class VisionAttention(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.heads, self.dim = c.num_attention_heads, c.hidden_size // c.num_attention_heads
        self.q_proj = nn.Linear(c.hidden_size, c.hidden_size)
        self.k_proj = nn.Linear(c.hidden_size, c.hidden_size)
        self.v_proj = nn.Linear(c.hidden_size, c.hidden_size)
        self.out_proj = nn.Linear(c.hidden_size, c.hidden_size)

    def forward(self, x, fused=False):
        b, n, c = x.shape
        q, k, v = (p(x).reshape(b, n, self.heads, self.dim).transpose(1, 2) for p in (self.q_proj, self.k_proj, self.v_proj))
        return self.out_proj(attend(q, k, v, fused=fused).transpose(1, 2).reshape(b, n, c))


class VisionMLP(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.fc1 = nn.Linear(c.hidden_size, c.intermediate_size)
        self.fc2 = nn.Linear(c.intermediate_size, c.hidden_size)

    def forward(self, x):
        return self.fc2(F.gelu(self.fc1(x), approximate="tanh"))


class VisionBlock(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.layer_norm1 = nn.LayerNorm(c.hidden_size, eps=c.layer_norm_eps)
        self.self_attn = VisionAttention(c)
        self.layer_norm2 = nn.LayerNorm(c.hidden_size, eps=c.layer_norm_eps)
        self.mlp = VisionMLP(c)

    def forward(self, x, fused=False):
        x = x + self.self_attn(self.layer_norm1(x), fused)
        return x + self.mlp(self.layer_norm2(x))


def waves(side, width, scale=0.7):
    """Where the learned positions start: sines and cosines of row and column.

    From small noise, attention needs thousands of steps before it finds a patch's neighbours; glyphs are larger than patches.
    """
    at = torch.arange(side, dtype=torch.float32)
    f = math.pi / 2 * torch.logspace(-1.2, 0.3, width // 4)
    table = torch.cat((torch.sin(at[:, None] * f), torch.cos(at[:, None] * f)), 1) * scale
    rows = table[:, None].expand(side, side, -1)
    columns = table[None].expand(side, side, -1)
    return torch.cat((rows, columns), -1).reshape(1, side * side, width)


class VisionTower(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.c = c
        self.patch_embedding = nn.Conv2d(3, c.hidden_size, c.patch_size, c.patch_size)
        self.position_embedding = nn.Parameter(torch.zeros(1, c.side * c.side, c.hidden_size))
        self.layers = nn.ModuleList(VisionBlock(c) for _ in range(c.num_hidden_layers))
        self.post_layernorm = nn.LayerNorm(c.hidden_size, eps=c.layer_norm_eps)

    def forward(self, pixels, fused=False):
        x = self.patch_embedding(pixels).flatten(2).transpose(1, 2) + self.position_embedding
        for layer in self.layers:
            x = layer(x, fused)
        return self.post_layernorm(x)


class Downsampler(nn.Module):
    """VILA's block: every 2x2 neighbours become one token.  The odd side is padded with zeros at bottom and right."""

    def __init__(self, side, width, out):
        super().__init__()
        self.side = side
        self.linear = nn.Linear(4 * width, out)

    def forward(self, x):
        b, _, c = x.shape
        s, h = self.side, (self.side + 1) // 2
        x = x.reshape(b, s, s, c)
        x = F.pad(x, (0, 0, 0, 2 * h - s, 0, 2 * h - s))
        # Channel order of a fused token: top-left, top-right, bottom-left, bottom-right.
        x = x.reshape(b, h, 2, h, 2, c).permute(0, 1, 3, 2, 4, 5).reshape(b, h * h, 4 * c)
        return self.linear(x)


class Projector(nn.Module):
    def __init__(self, width, hidden, out):
        super().__init__()
        self.linear_1 = nn.Linear(width, hidden)
        self.linear_2 = nn.Linear(hidden, out)

    def forward(self, x):
        return self.linear_2(F.gelu(self.linear_1(x)))


class VisionEncoder(nn.Module):
    def __init__(self, c: Config):
        super().__init__()
        self.vision_tower = VisionTower(c.vision)
        self.downsampler = Downsampler(c.vision.side, c.vision.hidden_size, c.downsample_hidden_size)
        self.projector = Projector(c.downsample_hidden_size, c.projector_hidden_size, c.text.hidden_size)

    def forward(self, pixel_values, fused=False):
        return self.projector(self.downsampler(self.vision_tower(pixel_values, fused)))


class RMSNorm(nn.Module):
    def __init__(self, width, eps):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.eps = eps

    def forward(self, x):
        return self.weight * (x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.eps))


def rotate_half(x):
    a, b = x[..., : x.shape[-1] // 2], x[..., x.shape[-1] // 2 :]
    return torch.cat((-b, a), dim=-1)


class Attention(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.heads, self.kv_heads, self.dim = c.num_attention_heads, c.num_key_value_heads, c.head_dim
        self.q_proj = nn.Linear(c.hidden_size, self.heads * self.dim, bias=False)
        self.k_proj = nn.Linear(c.hidden_size, self.kv_heads * self.dim, bias=False)
        self.v_proj = nn.Linear(c.hidden_size, self.kv_heads * self.dim, bias=False)
        self.o_proj = nn.Linear(self.heads * self.dim, c.hidden_size, bias=False)

    def forward(self, x, cos, sin, mask, past, fused=False):
        b, n, _ = x.shape
        q = self.q_proj(x).reshape(b, n, self.heads, self.dim).transpose(1, 2)
        k = self.k_proj(x).reshape(b, n, self.kv_heads, self.dim).transpose(1, 2)
        v = self.v_proj(x).reshape(b, n, self.kv_heads, self.dim).transpose(1, 2)
        q = q * cos + rotate_half(q) * sin
        k = k * cos + rotate_half(k) * sin
        if past is not None:
            k = torch.cat((past[0], k), dim=2)
            v = torch.cat((past[1], v), dim=2)
        groups, total = self.heads // self.kv_heads, k.shape[2]
        kk = k[:, :, None].expand(b, self.kv_heads, groups, total, self.dim).reshape(b, self.heads, total, self.dim)
        vv = v[:, :, None].expand(b, self.kv_heads, groups, total, self.dim).reshape(b, self.heads, total, self.dim)
        out = attend(q, kk, vv, mask, fused).transpose(1, 2).reshape(b, n, self.heads * self.dim)
        return self.o_proj(out), (k, v)


class MLP(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.gate_proj = nn.Linear(c.hidden_size, c.intermediate_size, bias=False)
        self.up_proj = nn.Linear(c.hidden_size, c.intermediate_size, bias=False)
        self.down_proj = nn.Linear(c.intermediate_size, c.hidden_size, bias=False)

    def forward(self, x):
        return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))


class DecoderLayer(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.input_layernorm = RMSNorm(c.hidden_size, c.rms_norm_eps)
        self.self_attn = Attention(c)
        self.post_attention_layernorm = RMSNorm(c.hidden_size, c.rms_norm_eps)
        self.mlp = MLP(c)

    def forward(self, x, cos, sin, mask, past, fused=False):
        a, present = self.self_attn(self.input_layernorm(x), cos, sin, mask, past, fused)
        x = x + a
        return x + self.mlp(self.post_attention_layernorm(x)), present


class Decoder(nn.Module):
    def __init__(self, c: TextConfig):
        super().__init__()
        self.c = c
        # BlueLM's "stable embedding": a LayerNorm on the embedded input.  It stands here and not beside the table,
        # so that image features, which replace embeddings, pass through it as well.
        self.embed_layer_norm = nn.LayerNorm(c.hidden_size, eps=c.layer_norm_eps)
        self.layers = nn.ModuleList(DecoderLayer(c) for _ in range(c.num_hidden_layers))
        self.norm = RMSNorm(c.hidden_size, c.rms_norm_eps)
        self.lm_head = nn.Linear(c.hidden_size, c.vocab_size, bias=False)
        inverse = 1.0 / (c.rope_theta ** (torch.arange(0, c.head_dim, 2, dtype=torch.float32) / c.head_dim))
        self.register_buffer("inv_freq", inverse, persistent=False)

    def hidden(self, inputs_embeds, attention_mask, position_ids, past=None, fused=False, tap=None):
        """Final hidden states, the new KV cache, and (for the auxiliary loss) the state after layer `tap`."""
        n, total = inputs_embeds.shape[1], attention_mask.shape[1]
        angles = position_ids[:, None, :, None].to(torch.float32) * self.inv_freq
        angles = torch.cat((angles, angles), dim=-1)
        cos, sin = angles.cos(), angles.sin()
        keys = torch.arange(total, device=inputs_embeds.device)
        queries = torch.arange(n, device=inputs_embeds.device) + (total - n)
        allowed = (keys[None, :] <= queries[:, None])[None, None] & (attention_mask[:, None, None, :] > 0)
        mask = torch.where(allowed, 0.0, torch.finfo(torch.float32).min)
        x = self.embed_layer_norm(inputs_embeds)
        if fused and torch.is_autocast_enabled("cpu"):
            cos, sin, mask = cos.bfloat16(), sin.bfloat16(), mask.bfloat16()
        presents, tapped = [], None
        for i, layer in enumerate(self.layers):
            x, present = layer(x, cos, sin, mask, past[i] if past is not None else None, fused)
            presents.append(present)
            if i == tap:
                tapped = x
        return self.norm(x), presents, tapped

    def forward(self, inputs_embeds, attention_mask, position_ids, past=None):
        x, presents, _ = self.hidden(inputs_embeds, attention_mask, position_ids, past)
        return self.lm_head(x), presents


class BlueLMV(nn.Module):
    def __init__(self, c: Config):
        super().__init__()
        self.c = c
        self.vision = VisionEncoder(c)
        self.embed_tokens = nn.Embedding(c.text.vocab_size, c.text.hidden_size)
        self.decoder = Decoder(c.text)
        self.apply(self._init)
        self.vision.vision_tower.position_embedding.data.copy_(waves(c.vision.side, c.vision.hidden_size))
        for layer in self.decoder.layers:
            for p in (layer.self_attn.o_proj, layer.mlp.down_proj):
                p.weight.data.mul_(1.0 / math.sqrt(2 * c.text.num_hidden_layers))

    @staticmethod
    def _init(m):
        if isinstance(m, (nn.Linear, nn.Conv2d)):
            fan = m.weight[0].numel()
            nn.init.normal_(m.weight, std=min(0.08, fan**-0.5))
            if m.bias is not None:
                nn.init.zeros_(m.bias)
        elif isinstance(m, nn.Embedding):
            nn.init.normal_(m.weight, std=0.5)

    def embed(self, input_ids, features, image_token_id):
        """Embeds the prompt and puts the image features, in order, where the image tokens stand."""
        x = self.embed_tokens(input_ids)
        where = (input_ids == image_token_id).unsqueeze(-1).expand_as(x)
        return x.masked_scatter(where, features.to(x.dtype).reshape(-1, x.shape[-1]))

    @torch.no_grad()
    def generate(self, input_ids, pixel_values, image_token_id, eos, limit=32):
        """Greedy generation for a batch of prompts of one length.  Returns token lists (with eos) and first logits."""
        features = self.vision(pixel_values)
        x = self.embed(input_ids, features, image_token_id)
        b, n, _ = x.shape
        logits, past = self.decoder(x, torch.ones(b, n, dtype=torch.long), torch.arange(n).expand(b, n))
        first = logits[:, -1]
        token = first.argmax(-1)
        out, done = [token], token == eos
        while len(out) < limit and not bool(done.all()):
            n += 1
            logits, past = self.decoder(
                self.embed_tokens(token[:, None]), torch.ones(b, n, dtype=torch.long), torch.full((b, 1), n - 1), past
            )
            token = logits[:, -1].argmax(-1)
            out.append(token)
            done |= token == eos
        rows = torch.stack(out, 1).tolist()
        return [r[: r.index(eos) + 1] if eos in r else r for r in rows], first
