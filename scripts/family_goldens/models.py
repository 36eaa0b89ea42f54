"""Tiny members of the model family, with seeded random weights.

Every size is chosen to be awkward rather than round: head counts that are no power of two, rows
that no vector width divides, fewer key-value heads than query heads. A kernel or a pass that
silently assumes a multiple of 8 or 16 fails on these.
"""

import math

import torch
from torch import nn
from transformers import (
    CLIPVisionConfig,
    CLIPVisionModel,
    Gemma2Config,
    Gemma2ForCausalLM,
    Gemma3Config,
    Gemma3ForCausalLM,
    Gemma3TextConfig,
    GPT2Config,
    GPT2LMHeadModel,
    GPTNeoXConfig,
    GPTNeoXForCausalLM,
    GptOssConfig,
    GptOssForCausalLM,
    Idefics3Config,
    InternVLConfig,
    InternVLVisionConfig,
    LlamaConfig,
    LlamaForCausalLM,
    LlavaConfig,
    MixtralConfig,
    MixtralForCausalLM,
    PaliGemmaConfig,
    Phi3Config,
    Phi3ForCausalLM,
    PhiConfig,
    PhiForCausalLM,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen2VLTextConfig,
    Qwen2VLTextModel,
    Qwen3Config,
    Qwen3ForCausalLM,
    Qwen3VLTextConfig,
    Qwen3VLTextModel,
    SiglipVisionConfig,
    SiglipVisionModel,
)
from transformers.cache_utils import DynamicCache
from transformers.models.gemma3.modeling_gemma3 import Gemma3MultiModalProjector
from transformers.models.idefics3.modeling_idefics3 import (
    Idefics3Connector,
    Idefics3VisionConfig,
    Idefics3VisionTransformer,
)
from transformers.models.internvl.modeling_internvl import (
    InternVLModel,
    InternVLMultiModalProjector,
    InternVLVisionModel,
)
from transformers.models.llava.modeling_llava import LlavaMultiModalProjector
from transformers.models.paligemma.modeling_paligemma import PaliGemmaMultiModalProjector
from transformers.models.qwen2_vl.configuration_qwen2_vl import Qwen2VLVisionConfig
from transformers.models.qwen2_vl.modeling_qwen2_vl import Qwen2VisionTransformerPretrainedModel

VOCAB = 109
LAYERS = 2
CONTEXT = 64


def _randomise(model: nn.Module, seed: int) -> nn.Module:
    """Draws every parameter anew.

    The initialisers of transformers give activations so small (std 0.02, zero biases, unit norms)
    that a forgotten bias or a norm weight of the wrong layer would not show in the outputs. Drawn
    in name order so that the weights do not depend on how the model was built.
    """
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in sorted(model.named_parameters()):
            noise = torch.randn(parameter.shape, generator=generator)
            if parameter.dim() == 1 and "norm" in name and name.endswith("weight"):
                parameter.copy_(1.0 + 0.2 * noise)
            elif parameter.dim() == 1:
                parameter.copy_(0.2 * noise)
            elif "embed_tokens" in name or "position_embedding" in name:
                parameter.copy_(0.5 * noise)
            else:
                parameter.copy_(noise * parameter[0].numel() ** -0.5)
    return model.eval()


def _decoder_config(kind, **settings):
    return kind(
        vocab_size=VOCAB,
        num_hidden_layers=LAYERS,
        max_position_embeddings=CONTEXT,
        bos_token_id=1,
        eos_token_id=2,
        pad_token_id=None,
        **settings,
    )


def llama(attention: str = "sdpa") -> nn.Module:
    """Grouped-query attention (2 query heads for a key-value head), untied head, no biases."""
    return _randomise(
        LlamaForCausalLM(
            _decoder_config(
                LlamaConfig,
                hidden_size=40,
                intermediate_size=92,
                num_attention_heads=4,
                num_key_value_heads=2,
                rms_norm_eps=1e-6,
                tie_word_embeddings=False,
                attn_implementation=attention,
                architectures=["LlamaForCausalLM"],
            )
        ),
        seed=11,
    )


def qwen2(attention: str = "sdpa") -> nn.Module:
    """Biases on q, k and v; one key-value head for all 3 query heads; tied head; a rope base that
    is not the default.

    Heads of 16, because onnxruntime's GroupQueryAttention takes no other than multiples of 16.
    """
    return _randomise(
        Qwen2ForCausalLM(
            _decoder_config(
                Qwen2Config,
                hidden_size=48,
                intermediate_size=84,
                num_attention_heads=3,
                num_key_value_heads=1,
                rms_norm_eps=1e-6,
                tie_word_embeddings=True,
                attn_implementation=attention,
                rope_parameters={"rope_type": "default", "rope_theta": 1000000.0},
                architectures=["Qwen2ForCausalLM"],
            )
        ),
        seed=12,
    )


def _tiny(kind, config_kind, seed, **settings) -> nn.Module:
    name = kind.__name__
    config = _decoder_config(
        config_kind, attn_implementation="eager", architectures=[name], **settings
    )
    return _randomise(kind(config), seed)


def qwen3() -> nn.Module:
    """Queries and keys normalised by head, before their heads are put in front; heads that are not
    hidden_size / num_attention_heads wide."""
    return _tiny(
        Qwen3ForCausalLM,
        Qwen3Config,
        15,
        hidden_size=40,
        intermediate_size=76,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=12,
        tie_word_embeddings=True,
    )


class WithHead(nn.Module):
    """A text model of one that sees, and a head, in the form of a whole language model. Its rows have
    positions on three axes."""

    axes = 3

    def __init__(self, model):
        super().__init__()
        self.model = model
        self.lm_head = nn.Linear(model.config.hidden_size, model.config.vocab_size, bias=False)
        self.config, self.dtype = model.config, torch.float32

    def get_input_embeddings(self):
        return self.model.get_input_embeddings()

    def forward(self, **inputs):
        result = self.model(**inputs)
        result.logits = self.lm_head(result.last_hidden_state)
        return result


def _with_axes(kind, config_kind, seed, rope, **settings) -> nn.Module:
    config = _decoder_config(
        config_kind,
        hidden_size=40,
        intermediate_size=76,
        num_attention_heads=4,
        num_key_value_heads=2,
        rope_parameters={"rope_type": "default", "rope_theta": 10000.0} | rope,
        **settings,
    )
    config._attn_implementation = "eager"
    return _randomise(WithHead(kind(config)), seed)


def qwen2_vl_text() -> nn.Module:
    """Angles that follow time, height and width, in sections."""
    return _with_axes(Qwen2VLTextModel, Qwen2VLTextConfig, 19, {"mrope_section": [2, 1, 2]})


def qwen3_vl_text() -> nn.Module:
    """Angles that follow the three axes in turn."""
    rope = {"mrope_section": [2, 2, 2], "mrope_interleaved": True}
    return _with_axes(Qwen3VLTextModel, Qwen3VLTextConfig, 20, rope, head_dim=12)


def _gemma(kind, config_kind, seed, **settings) -> nn.Module:
    """A window of four tokens in the first of two layers; norms with 1 + weight."""
    return _tiny(
        kind,
        config_kind,
        seed,
        hidden_size=36,
        intermediate_size=60,
        num_attention_heads=3,
        num_key_value_heads=1,
        head_dim=14,
        query_pre_attn_scalar=20,
        sliding_window=4,
        layer_types=["sliding_attention", "full_attention"],
        **settings,
    )


def gemma2() -> nn.Module:
    """Scores and logits capped by tanh, at values that bite."""
    return _gemma(
        Gemma2ForCausalLM,
        Gemma2Config,
        17,
        attn_logit_softcapping=1.5,
        final_logit_softcapping=2.0,
    )


def gemma3_text() -> nn.Module:
    """Queries and keys normalised behind the transposition of heads; two rotary bases."""
    return _gemma(Gemma3ForCausalLM, Gemma3TextConfig, 18)


def phi() -> nn.Module:
    """Half of each head rotated; layer norms and biases; attention and MLP side by side."""
    return _tiny(
        PhiForCausalLM,
        PhiConfig,
        19,
        hidden_size=48,
        intermediate_size=60,
        num_attention_heads=4,
        num_key_value_heads=2,
        partial_rotary_factor=0.5,
        tie_word_embeddings=False,
    )


def phi3() -> nn.Module:
    """One product for q, k and v, and one for gate and up; whole heads rotated, with an empty rest
    put beside them."""
    return _tiny(
        Phi3ForCausalLM,
        Phi3Config,
        20,
        hidden_size=40,
        intermediate_size=52,
        num_attention_heads=4,
        num_key_value_heads=2,
        tie_word_embeddings=False,
    )


def gpt_neox() -> nn.Module:
    """One product for q, k and v whose columns go by head: query, key and value of each."""
    return _tiny(
        GPTNeoXForCausalLM,
        GPTNeoXConfig,
        21,
        hidden_size=36,
        intermediate_size=60,
        num_attention_heads=3,
        rotary_pct=0.5,
        tie_word_embeddings=False,
    )


def gpt2() -> nn.Module:
    """Learned position embeddings; products with transposed weights."""
    return _tiny(
        GPT2LMHeadModel,
        GPT2Config,
        22,
        hidden_size=36,
        n_inner=60,
        num_attention_heads=3,
        tie_word_embeddings=True,
    )


def qwen2_wide() -> nn.Module:
    """Of a width that blocks of 32 divide, as onnxruntime-genai's builder wants it for a table of
    integers that embedding and head share."""
    return _randomise(
        Qwen2ForCausalLM(
            _decoder_config(
                Qwen2Config,
                hidden_size=64,
                intermediate_size=96,
                num_attention_heads=4,
                num_key_value_heads=2,
                rms_norm_eps=1e-6,
                tie_word_embeddings=True,
                architectures=["Qwen2ForCausalLM"],
            )
        ),
        seed=17,
    )


def gemma2_genai() -> nn.Module:
    """Heads of a width that onnxruntime's GroupQueryAttention takes. The builder rounds the root of
    `hidden_size`, which is the embedding's scale, to two digits: here it has none."""
    return _randomise(
        Gemma2ForCausalLM(
            _decoder_config(
                Gemma2Config,
                hidden_size=36,
                intermediate_size=48,
                num_attention_heads=2,
                num_key_value_heads=1,
                head_dim=16,
                query_pre_attn_scalar=20,
                sliding_window=4,
                layer_types=["sliding_attention", "full_attention"],
                attn_logit_softcapping=1.5,
                final_logit_softcapping=2.0,
                architectures=["Gemma2ForCausalLM"],
            )
        ),
        seed=31,
    )


def gpt_oss() -> nn.Module:
    """Experts with gates that are cut, a score of its own for each head, windows in turn and
    frequencies by YaRN."""
    return _randomise(
        GptOssForCausalLM(
            _decoder_config(
                GptOssConfig,
                hidden_size=32,
                intermediate_size=32,
                num_attention_heads=4,
                num_key_value_heads=2,
                head_dim=16,
                num_local_experts=6,
                num_experts_per_tok=2,
                sliding_window=4,
                layer_types=["sliding_attention", "full_attention"],
                architectures=["GptOssForCausalLM"],
            )
        ),
        seed=41,
    )


class MiniCPMNorm(nn.Module):
    """RMSNorm that goes back to the activations' type before the weight is applied, and has the
    weight on the right."""

    def __init__(self, size: int, eps: float):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(size))
        self.eps = eps

    def forward(self, x):
        variance = x.to(torch.float32).pow(2).mean(-1, keepdim=True)
        return (x * torch.rsqrt(variance + self.eps)).to(x.dtype) * self.weight


class MiniCPMAttention(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.heads, self.head_dim = (
            config.num_attention_heads,
            config.hidden_size // config.num_attention_heads,
        )
        for name in ("q_proj", "k_proj", "v_proj", "o_proj"):
            setattr(self, name, nn.Linear(config.hidden_size, config.hidden_size, bias=False))

    def forward(self, x, mask, cos, sin, past_key, past_value):
        batch, length, hidden = x.shape
        q, k, v = (
            projection(x).view(batch, length, self.heads, self.head_dim).transpose(1, 2)
            for projection in (self.q_proj, self.k_proj, self.v_proj)
        )
        q, k = q * cos + self.rotate_half(q) * sin, k * cos + self.rotate_half(k) * sin
        k, v = torch.cat([past_key, k], dim=2), torch.cat([past_value, v], dim=2)
        # Divided by the root, not multiplied by its inverse: the older of the two ways in which
        # exports scale the scores.
        weights = torch.matmul(q, k.transpose(2, 3)) / math.sqrt(self.head_dim) + mask
        weights = nn.functional.softmax(weights, dim=-1, dtype=torch.float32).to(q.dtype)
        return (
            self.o_proj(torch.matmul(weights, v).transpose(1, 2).reshape(batch, length, hidden)),
            k,
            v,
        )

    @staticmethod
    def rotate_half(x):
        left, right = x.chunk(2, dim=-1)
        return torch.cat((-right, left), dim=-1)


class MiniCPMLayer(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.input_layernorm = MiniCPMNorm(config.hidden_size, config.rms_norm_eps)
        self.self_attn = MiniCPMAttention(config)
        self.post_attention_layernorm = MiniCPMNorm(config.hidden_size, config.rms_norm_eps)
        self.gate_proj = nn.Linear(config.hidden_size, config.intermediate_size, bias=False)
        self.up_proj = nn.Linear(config.hidden_size, config.intermediate_size, bias=False)
        self.down_proj = nn.Linear(config.intermediate_size, config.hidden_size, bias=False)
        self.residual_scale = config.scale_depth / math.sqrt(config.num_hidden_layers)

    def forward(self, x, *attention):
        attended, key, value = self.self_attn(self.input_layernorm(x), *attention)
        x = x + attended * self.residual_scale
        normed = self.post_attention_layernorm(x)
        fed = self.down_proj(nn.functional.silu(self.gate_proj(normed)) * self.up_proj(normed))
        return x + fed * self.residual_scale, key, value


class MiniCPMEmbedding(nn.Embedding):
    scale = 1.0

    def forward(self, input_ids):
        return super().forward(input_ids) * self.scale


class MiniCPMModel(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.embed_tokens = MiniCPMEmbedding(config.vocab_size, config.hidden_size)
        self.embed_tokens.scale = config.scale_emb
        self.layers = nn.ModuleList(MiniCPMLayer(config) for _ in range(config.num_hidden_layers))
        self.norm = MiniCPMNorm(config.hidden_size, config.rms_norm_eps)
        head_dim = config.hidden_size // config.num_attention_heads
        frequencies = 1.0 / (
            config.rope_parameters["rope_theta"]
            ** (torch.arange(0, head_dim, 2).float() / head_dim)
        )
        angles = torch.outer(torch.arange(config.max_position_embeddings).float(), frequencies)
        angles = torch.cat((angles, angles), dim=-1)
        self.register_buffer("cos_cached", angles.cos(), persistent=False)
        self.register_buffer("sin_cached", angles.sin(), persistent=False)


class MiniCPM(nn.Module):
    """MiniCPM is not in transformers; its own code is written as transformers was in 2023, and so
    is this.

    That gives forms which today's Llama does not show: tables of cos and sin read with a Gather, a
    mask that is added up from a causal part and an inverted padding part, scores divided by the
    root of the head size. Beside them the three scalings that make a MiniCPM, and a tied head.
    """

    def __init__(self, config, triangle: bool):
        super().__init__()
        self.config, self.triangle = config, triangle
        self.model = MiniCPMModel(config)
        self.lm_head = nn.Linear(config.hidden_size, config.vocab_size, bias=False)
        self.lm_head.weight = self.model.embed_tokens.weight

    @property
    def dtype(self):
        return self.lm_head.weight.dtype

    def mask(self, x, attention_mask, past_length):
        batch, length, _ = x.shape
        lowest = torch.finfo(x.dtype).min
        causal = torch.full((length, length), lowest, dtype=x.dtype)
        if self.triangle:
            causal = causal.triu(1)
        else:  # As it had to be written before opset 14.
            index = torch.arange(length)
            causal = causal.masked_fill(index < (index + 1).view(length, 1), 0)
        causal = torch.cat([torch.zeros(length, past_length, dtype=x.dtype), causal], dim=-1)[
            None, None
        ]
        padding = 1.0 - attention_mask[:, None, None, :].to(x.dtype)
        padding = padding.masked_fill(padding.to(torch.bool), lowest)
        return padding.expand(batch, 1, length, length + past_length).masked_fill(
            causal.to(torch.bool), lowest
        )

    def forward(self, inputs_embeds, attention_mask, position_ids, *past):
        x = inputs_embeds
        mask = self.mask(x, attention_mask, past[0].shape[2])
        cos, sin = (
            table[position_ids].unsqueeze(1).to(x.dtype)
            for table in (self.model.cos_cached, self.model.sin_cached)
        )
        present = []
        for index, layer in enumerate(self.model.layers):
            x, *cache = layer(x, mask, cos, sin, *past[2 * index : 2 * index + 2])
            present += cache
        x = self.model.norm(x)
        return (self.lm_head(x / (self.config.hidden_size / self.config.dim_model_base)), *present)


def mixtral() -> nn.Module:
    """A mixture of experts, two of five for each token; as many key-value heads as query heads."""
    return _tiny(
        MixtralForCausalLM,
        MixtralConfig,
        21,
        hidden_size=32,
        intermediate_size=32,
        num_attention_heads=4,
        num_key_value_heads=4,
        num_local_experts=5,
        num_experts_per_tok=2,
        sliding_window=None,
        rms_norm_eps=1e-5,
        tie_word_embeddings=False,
    )


def minicpm(triangle: bool = True) -> nn.Module:
    """As many key-value heads as query heads; scaled embedding, residuals and logits; tied head."""
    config = _decoder_config(
        LlamaConfig,
        hidden_size=40,
        intermediate_size=76,
        num_attention_heads=5,
        num_key_value_heads=5,
        rms_norm_eps=1e-5,
        tie_word_embeddings=True,
        architectures=["MiniCPMForCausalLM"],
    )
    config.model_type = "minicpm"
    config.scale_emb, config.scale_depth, config.dim_model_base = 12.0, 1.4, 16
    return _randomise(MiniCPM(config, triangle), seed=13)


def siglip(attention: str = "sdpa") -> nn.Module:
    """A tower without its pooling head: what vision-language models use of SigLIP. 16 patches, 3
    heads of 10, an MLP no vector divides."""
    config = SiglipVisionConfig(
        hidden_size=30,
        intermediate_size=70,
        num_hidden_layers=LAYERS,
        num_attention_heads=3,
        image_size=56,
        patch_size=14,
        vision_use_head=False,
        attn_implementation=attention,
        architectures=["SiglipVisionModel"],
    )
    return _randomise(SiglipVisionModel(config), seed=14)


# Of the language models only the width counts.
_TEXT_WIDTH = 20


def _text(kind) -> dict:
    heads = {"num_attention_heads": 5, "num_key_value_heads": 5}
    return {"text_config": {"model_type": kind, "hidden_size": _TEXT_WIDTH} | heads}


def _tower(**settings) -> dict:
    return {
        "hidden_size": 27,
        "intermediate_size": 38,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": 3,
        "image_size": 56,
        "patch_size": 7,
    } | settings


class Features(nn.Module):
    """A tower and its projector, as a vision-language model puts them together, without that
    model's other parts."""

    def __init__(self, kind: str, tower: nn.Module, projector: nn.Module):
        super().__init__()
        self.vision_tower, self.multi_modal_projector = tower, projector
        # For bluec, an encoder alone is known by its type.
        self.config = tower.config
        self.model_type = f"{kind}_vision_model"

    @property
    def dtype(self):
        return next(self.parameters()).dtype

    def forward(self, pixel_values):
        return self.multi_modal_projector(self.vision_tower(pixel_values).last_hidden_state)


class LlavaFeatures(Features):
    """The layer before the last, without the class token."""

    def forward(self, pixel_values):
        outputs = self.vision_tower(pixel_values, output_hidden_states=True)
        return self.multi_modal_projector(outputs.hidden_states[-2][:, 1:])


def llava() -> nn.Module:
    """CLIP with its class token, a norm before the layers and quick_gelu, and two linear layers."""
    tower = CLIPVisionConfig(**_tower(hidden_act="quick_gelu", num_hidden_layers=LAYERS + 1))
    config = LlavaConfig(vision_config=tower, **_text("llama"))
    parts = CLIPVisionModel(tower), LlavaMultiModalProjector(config)
    return _randomise(LlavaFeatures("llava", *parts), seed=21)


class InternVLFeatures(Features):
    """All tokens but the class token; every two by two become one."""

    def forward(self, pixel_values):
        tokens = self.vision_tower(pixel_values).last_hidden_state[:, 1:]
        side = int(tokens.shape[1] ** 0.5)
        grid = tokens.reshape(tokens.shape[0], side, side, -1)
        merged = InternVLModel.pixel_shuffle(None, grid, scale_factor=0.5)
        return self.multi_modal_projector(merged.reshape(tokens.shape[0], -1, merged.shape[-1]))


def internvl() -> nn.Module:
    """InternViT with factors for each layer's result; a norm before the projector's two layers."""
    settings = _tower(image_size=[56, 56], patch_size=[7, 7], attention_bias=True)
    tower = InternVLVisionConfig(**settings)
    config = InternVLConfig(vision_config=tower, **_text("qwen2"))
    parts = InternVLVisionModel(tower), InternVLMultiModalProjector(config)
    return _randomise(InternVLFeatures("internvl", *parts), seed=22)


class Idefics3Features(Features):
    """Rows of pictures and a mask of their pixels, from which positions are computed. What
    searches for pictures without content is left out: exporters cannot write it."""

    def forward(self, pixel_values, pixel_attention_mask):
        batch, count, channels, height, width = pixel_values.shape
        patch = self.config.patch_size
        down, across = height // patch, width // patch
        blocks = pixel_attention_mask.reshape(batch * count, down, patch, across, patch)
        tokens = self.vision_tower(
            pixel_values.reshape(batch * count, channels, height, width),
            patch_attention_mask=blocks.sum(dim=(2, 4)) > 0,
        )
        return self.multi_modal_projector(tokens.last_hidden_state)


def idefics3() -> nn.Module:
    """SigLIP with positions by picture; four by four tokens become one, for one linear layer."""
    tower = Idefics3VisionConfig(**_tower(num_hidden_layers=1))
    config = Idefics3Config(vision_config=tower, scale_factor=4, **_text("llama"))
    parts = Idefics3VisionTransformer(tower), Idefics3Connector(config)
    return _randomise(Idefics3Features("idefics3", *parts), seed=23)


class PaliGemmaFeatures(Features):
    def forward(self, pixel_values):
        return super().forward(pixel_values) / _TEXT_WIDTH**0.5


def paligemma() -> nn.Module:
    """SigLIP, one linear layer and a division."""
    tower = SiglipVisionConfig(**_tower(vision_use_head=False))
    config = PaliGemmaConfig(vision_config=tower, projection_dim=_TEXT_WIDTH, **_text("gemma"))
    parts = SiglipVisionModel(tower), PaliGemmaMultiModalProjector(config)
    return _randomise(PaliGemmaFeatures("paligemma", *parts), seed=25)


def gemma3() -> nn.Module:
    """SigLIP, means of four by four tokens, a norm and a product."""
    tower = SiglipVisionConfig(**_tower(vision_use_head=False))
    config = Gemma3Config(vision_config=tower, mm_tokens_per_image=4, **_text("gemma3_text"))
    parts = SiglipVisionModel(tower), Gemma3MultiModalProjector(config)
    return _randomise(Features("gemma3", *parts), seed=26)


class Patches(nn.Module):
    """An encoder of patches with a grid, for pictures of one size: unfolds them in the order in which
    a processor does, block by block, each patch as several frames of the same picture."""

    model_type = "qwen2_vl_vision_model"

    def __init__(self, tower: nn.Module, height: int, width: int):
        super().__init__()
        self.tower, self.config, self.dtype = tower, tower.config, torch.float32
        self.sides = height // tower.config.patch_size, width // tower.config.patch_size

    def forward(self, pixel_values):
        config, (down, across) = self.config, self.sides
        patch, block = config.patch_size, config.spatial_merge_size
        x = pixel_values.reshape(3, down // block, block, patch, across // block, block, patch)
        x = x.permute(1, 4, 2, 5, 0, 3, 6).reshape(down * across, 3, 1, patch, patch)
        x = x.expand(-1, -1, config.temporal_patch_size, -1, -1).reshape(down * across, -1)
        grid = torch.tensor([[1, down, across]])
        return self.tower(x, grid_thw=grid).pooler_output[None]


class PatchRows(nn.Module):
    """An encoder of patches for any grid, as it is published: rows of patches and the grid are inputs."""

    def __init__(self, tower: nn.Module):
        super().__init__()
        self.tower, self.config, self.dtype = tower, tower.config, torch.float32

    def forward(self, pixel_values, image_grid_thw):
        return self.tower(pixel_values, grid_thw=image_grid_thw).pooler_output


def qwen2_vl() -> nn.Module:
    """Rotary embeddings of rows and columns, blocks of 2 x 2 tokens side by side; a wide picture."""
    config = Qwen2VLVisionConfig(
        depth=LAYERS,
        embed_dim=40,
        hidden_size=40,
        num_heads=2,
        mlp_ratio=2,
        patch_size=7,
        attn_implementation="eager",
    )
    return _randomise(Patches(Qwen2VisionTransformerPretrainedModel(config), 28, 56), seed=27)


class Decoder(nn.Module):
    """The decoder without its embedding, with the cache as flat tensors: the interface that
    exported decoders publish."""

    def __init__(self, model, with_past: bool = True):
        super().__init__()
        self.model = model
        self.with_past = with_past

    def forward(self, inputs_embeds, attention_mask, position_ids, *past):
        if isinstance(self.model, MiniCPM):
            return self.model(inputs_embeds, attention_mask, position_ids, *past)
        cache = (
            DynamicCache(list(zip(past[::2], past[1::2])))
            if self.with_past
            else DynamicCache(config=self.model.config)
        )
        result = self.model(
            inputs_embeds=inputs_embeds,
            attention_mask=attention_mask,
            position_ids=position_ids,
            past_key_values=cache,
            use_cache=True,
        )
        return (
            result.logits,
            *[tensor for layer in cache.layers for tensor in (layer.keys, layer.values)],
        )


class Whole(nn.Module):
    """From token ids to logits, positions as the model counts them: what `model.onnx` is."""

    def __init__(self, model, with_past: bool = True):
        super().__init__()
        self.embed_tokens, self.decoder = model.model.embed_tokens, Decoder(model, with_past)

    def forward(self, input_ids, attention_mask, *past):
        length, before = input_ids.shape[1], past[0].shape[2] if past else 0
        positions = torch.arange(before, before + length)[None].expand(input_ids.shape)
        return self.decoder(self.embed_tokens(input_ids), attention_mask, positions, *past)


class Keeping(nn.Module):
    """With the inputs of newer exports: where the rows are in the cache, and of how many of the last
    ones logits are wanted."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, input_ids, attention_mask, cache_position, num_logits_to_keep, *past):
        cache = DynamicCache(list(zip(past[::2], past[1::2])))
        hidden = self.model.model(
            input_ids=input_ids,
            attention_mask=attention_mask,
            position_ids=cache_position[None].expand(input_ids.shape),
            past_key_values=cache,
            use_cache=True,
        ).last_hidden_state
        return (
            self.model.lm_head(hidden[:, -num_logits_to_keep:, :]),
            *[tensor for layer in cache.layers for tensor in (layer.keys, layer.values)],
        )


class PooledTower(nn.Module):
    """With a second output, as towers are published."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, pixel_values):
        rows = self.model(pixel_values=pixel_values).last_hidden_state
        return rows, rows.mean(1)


class Embedding(nn.Module):
    def __init__(self, model):
        super().__init__()
        # MiniCPM's class is none of transformers'.
        is_own = isinstance(model, MiniCPM)
        self.embed_tokens = model.model.embed_tokens if is_own else model.get_input_embeddings()

    def forward(self, input_ids):
        return self.embed_tokens(input_ids)


class Tower(nn.Module):
    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, pixel_values):
        if isinstance(self.model, Features):
            return self.model(pixel_values)
        return self.model(pixel_values=pixel_values).last_hidden_state

