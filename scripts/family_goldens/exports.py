"""Exports of the models by both exporters of torch.onnx."""

import contextlib
import inspect
import logging
import pathlib
import warnings

import onnx
import torch
from transformers.models.qwen2_vl import modeling_qwen2_vl as qwen2_vl

from . import models

# Of what the dynamo exporter notes on each node, the module path is worth keeping: it is the only
# trace of a parameter's name. The rest is large, and the stack traces hold the paths of the machine
# that exported.
KEPT_METADATA = ("pkg.torch.onnx.name_scopes",)


def cache_names(config, prefix: str) -> list[str]:
    return [
        f"{prefix}.{layer}.{part}"
        for layer in range(config.num_hidden_layers)
        for part in ("key", "value")
    ]


def key_value_heads(config) -> int:
    return getattr(config, "num_key_value_heads", None) or config.num_attention_heads


def head_dim(config) -> int:
    return getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads


def _strip(path: pathlib.Path) -> None:
    model = onnx.load(path)
    for entry in (
        model,
        model.graph,
        *model.graph.node,
        *model.graph.input,
        *model.graph.output,
        *model.graph.value_info,
        *model.graph.initializer,
    ):
        if hasattr(entry, "metadata_props"):
            kept = [
                (prop.key, prop.value) for prop in entry.metadata_props if prop.key in KEPT_METADATA
            ]
            del entry.metadata_props[:]
            for key, value in kept:
                entry.metadata_props.add(key=key, value=value)
        entry.doc_string = ""
    onnx.save(model, path)


def export(
    module, args, path: pathlib.Path, input_names, output_names, axes, opset: int, dynamo: bool
) -> None:
    """Writes one graph. `axes` names the symbolic dimensions of every input and output, for both
    exporters."""
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        if dynamo:
            # A sum of dimensions cannot be declared; the exporter works it out.
            shapes = tuple(
                {
                    axis: torch.export.Dim.DYNAMIC if "+" in name else torch.export.Dim(name)
                    for axis, name in axes[key].items()
                }
                for key in input_names
            )
            # The exporter wants the shapes in the nesting of the arguments, where a *parameter is
            # one tuple.
            positional = [
                p
                for p in inspect.signature(module.forward).parameters.values()
                if p.kind is not p.VAR_POSITIONAL
            ]
            if len(positional) < len(shapes):
                shapes = (*shapes[: len(positional)], tuple(shapes[len(positional) :]))
            program = torch.onnx.export(
                module,
                args,
                dynamo=True,
                opset_version=opset,
                input_names=input_names,
                output_names=output_names,
                dynamic_shapes=shapes,
                verbose=False,
            )
            program.save(str(path), external_data=False)
        else:
            torch.onnx.export(
                module,
                args,
                str(path),
                dynamo=False,
                opset_version=opset,
                input_names=input_names,
                output_names=output_names,
                dynamic_axes=axes,
            )
    _strip(path)


def export_embedding(model, path: pathlib.Path, opset: int, dynamo: bool) -> None:
    axes = {0: "batch_size", 1: "sequence_length"}
    export(
        models.Embedding(model).eval(),
        (torch.zeros(2, 3, dtype=torch.int64),),
        path,
        ["input_ids"],
        ["inputs_embeds"],
        {"input_ids": axes, "inputs_embeds": axes},
        opset,
        dynamo,
    )


def export_decoder(
    model,
    path: pathlib.Path,
    opset: int,
    dynamo: bool,
    with_past: bool = True,
    takes_ids: bool = False,
) -> None:
    config, dtype = model.config, model.dtype
    batch, length, past = 2, 3, 5 if with_past else 0
    past_names = cache_names(config, "past_key_values") if with_past else []
    present_names = cache_names(config, "present")
    tokens = torch.zeros(batch, length, dtype=torch.int64)
    mask = torch.ones(batch, past + length, dtype=torch.int64)
    if takes_ids:
        args, names = (tokens, mask), ["input_ids", "attention_mask"]
    else:
        embeddings = torch.zeros(batch, length, config.hidden_size, dtype=dtype)
        positions = torch.arange(past, past + length)[None].repeat(batch, 1)
        if hasattr(model, "axes"):
            positions = positions[None].repeat(model.axes, 1, 1)
        args = (embeddings, mask, positions)
        names = ["inputs_embeds", "attention_mask", "position_ids"]
    caches = [
        torch.zeros(batch, key_value_heads(config), past, head_dim(config), dtype=dtype)
        for _ in past_names
    ]
    total = "past_sequence_length + sequence_length" if with_past else "sequence_length"
    rows = {0: "batch_size", 1: "sequence_length"}
    axes = {name: rows for name in [*names, "logits"]}
    axes["attention_mask"] = {0: "batch_size", 1: total}
    if hasattr(model, "axes"):
        axes["position_ids"] = {1: "batch_size", 2: "sequence_length"}
    axes |= {name: {0: "batch_size", 2: "past_sequence_length"} for name in past_names}
    axes |= {name: {0: "batch_size", 2: total} for name in present_names}
    export(
        (models.Whole if takes_ids else models.Decoder)(model, with_past).eval(),
        (*args, *caches),
        path,
        [*names, *past_names],
        ["logits", *present_names],
        axes,
        opset,
        dynamo,
    )


@contextlib.contextmanager
def _exportable_positions():
    """What Idefics3 computes positions with, in forms that both exporters write rightly: of
    torch.full with an integer TorchScript makes floats, of torch.bucketize dynamo makes a search
    that reads past the end."""
    full, bucketize = torch.full, torch.bucketize

    def integers(size, fill_value, **settings):
        if isinstance(fill_value, int) and not isinstance(fill_value, bool):
            settings.setdefault("dtype", torch.int64)
        return full(size, fill_value, **settings)

    torch.full = integers
    torch.bucketize = lambda x, edges, right: (
        (x[..., None] >= edges) if right else (x[..., None] > edges)
    ).sum(-1)
    try:
        yield
    finally:
        torch.full, torch.bucketize = full, bucketize


def export_masked_vision(model, path: pathlib.Path, opset: int, dynamo: bool) -> None:
    """A tower that takes rows of pictures and a mask of their pixels."""
    size = model.config.image_size
    # The dynamo exporter takes an extent that examples show for one that varies.
    pictures, rows = {1: "num_images"}, 1
    with _exportable_positions():
        export(
            model,
            (
                torch.zeros(rows, 3, 3, size, size, dtype=model.dtype),
                torch.ones(rows, 3, size, size, dtype=torch.bool),
            ),
            path,
            ["pixel_values", "pixel_attention_mask"],
            ["image_features"],
            {
                "pixel_values": pictures,
                "pixel_attention_mask": pictures,
                "image_features": {0: "num_features"},
            },
            opset,
            dynamo,
        )


def export_patches(model, picture, path: pathlib.Path, opset: int) -> None:
    """A tower for one picture of one size."""
    names = ["pixel_values"], ["image_features"]
    axes = {"pixel_values": {}, "image_features": {}}
    export(model, (picture,), path, *names, axes, opset, False)


@contextlib.contextmanager
def _exportable_grid():
    """What Qwen2-VL computes of a grid, in forms that TorchScript follows: the release at hand takes
    the grid's numbers out of the tensor, which makes constants of them. Attention hides other
    pictures by a mask, as it did in the releases with which models are published."""

    def positions(grid, block, **_):
        down, across = grid[0, 1], grid[0, 2]
        order = down // block, block, across // block, block
        axes = torch.arange(down)[:, None], torch.arange(across)[None, :]
        places = [axis.expand(down, across).reshape(order).transpose(1, 2).flatten() for axis in axes]
        return torch.stack(places, dim=-1)

    def ends(grid, *_, **__):
        lengths = grid[:, 1] * grid[:, 2]
        return torch.nn.functional.pad(lengths.cumsum(0), (1, 0)), None

    def attention(self, hidden_states, cu_seqlens, position_embeddings, **_):
        count = hidden_states.shape[0]
        parts = self.qkv(hidden_states).reshape(count, 3, self.num_heads, -1).unbind(1)
        turned = qwen2_vl.apply_rotary_pos_emb_vision(*parts[:2], *position_embeddings)
        query, key, value = (part.transpose(0, 1)[None] for part in (*turned, parts[2]))
        sees = torch.zeros([1, 1, count, count], dtype=torch.bool)
        for begin, end in zip(cu_seqlens[:-1], cu_seqlens[1:]):
            sees[..., begin:end, begin:end] = True
        found = torch.nn.functional.scaled_dot_product_attention(query, key, value, sees)
        return self.proj(found[0].transpose(0, 1).reshape(count, -1))

    kept = (
        qwen2_vl.get_vision_position_ids,
        qwen2_vl.get_vision_attention_seqlens,
        qwen2_vl.VisionAttention.forward,
    )
    qwen2_vl.get_vision_position_ids = positions
    qwen2_vl.get_vision_attention_seqlens = ends
    qwen2_vl.VisionAttention.forward = attention
    try:
        yield
    finally:
        (
            qwen2_vl.get_vision_position_ids,
            qwen2_vl.get_vision_attention_seqlens,
            qwen2_vl.VisionAttention.forward,
        ) = kept


def export_patch_rows(model, path: pathlib.Path, opset: int) -> None:
    """A tower for any grid of patches. The example's grid is none that a test asks for."""
    config = model.config
    rows = 6 * config.spatial_merge_size**2
    values = config.in_channels * config.temporal_patch_size * config.patch_size**2
    grid = torch.tensor([[1, 2 * config.spatial_merge_size, 3 * config.spatial_merge_size]])
    axes = {
        "pixel_values": {0: "num_patches"},
        "image_grid_thw": {},
        "image_features": {0: "num_features"},
    }
    names = ["pixel_values", "image_grid_thw"], ["image_features"]
    with _exportable_grid():
        export(model, (torch.zeros(rows, values), grid), path, *names, axes, opset, False)


def export_keeping(model, path: pathlib.Path, opset: int) -> None:
    """A decoder of ids with "cache_position" and "num_logits_to_keep"."""
    config, past = model.config, 5
    past_names, present_names = (cache_names(config, it) for it in ("past_key_values", "present"))
    rows = {0: "batch_size", 1: "sequence_length"}
    axes = {
        "input_ids": rows,
        "attention_mask": {0: "batch_size", 1: "total_sequence_length"},
        "cache_position": {0: "sequence_length"},
        "logits": {0: "batch_size", 1: "num_logits"},
    }
    axes |= {name: {0: "batch_size", 2: "past_sequence_length"} for name in past_names}
    axes |= {name: {0: "batch_size", 2: "total_sequence_length"} for name in present_names}
    export(
        models.Keeping(model).eval(),
        (
            torch.zeros(2, 3, dtype=torch.int64),
            torch.ones(2, past + 3, dtype=torch.int64),
            torch.arange(past, past + 3),
            torch.tensor(2),
            *[torch.zeros(2, key_value_heads(config), past, head_dim(config)) for _ in past_names],
        ),
        path,
        ["input_ids", "attention_mask", "cache_position", "num_logits_to_keep", *past_names],
        ["logits", *present_names],
        axes,
        opset,
        False,
    )


def export_free_vision(model, path: pathlib.Path, opset: int) -> None:
    """A tower with every dim free, and its pooled rows as a second output."""
    size = model.config.image_size
    names = ["last_hidden_state", "pooler_output"]
    axes = {
        "pixel_values": {0: "batch_size", 1: "num_channels", 2: "height", 3: "width"},
        names[0]: {0: "batch_size", 1: "sequence_length"},
        names[1]: {0: "batch_size"},
    }
    pixels = (torch.zeros(2, 3, size, size),)
    tower = models.PooledTower(model).eval()
    export(tower, pixels, path, ["pixel_values"], names, axes, opset, False)


def export_vision(model, path: pathlib.Path, opset: int, dynamo: bool) -> None:
    size = model.config.image_size
    if not isinstance(size, int):
        size = size[0]
    export(
        models.Tower(model).eval(),
        (torch.zeros(2, 3, size, size, dtype=model.dtype),),
        path,
        ["pixel_values"],
        ["image_features"],
        {"pixel_values": {0: "num_images"}, "image_features": {0: "num_images"}},
        opset,
        dynamo,
    )
