"""What mobile_sam.pt holds, with random weights, and SAM's mask decoder written down by the names in it."""

from __future__ import annotations

import math

import torch
from torch.nn import functional

from lakes.tiny_vit import TinyViT

SIDE = 64  # pixels that the network sees here, where the published one sees 1 024; no weight depends on it
CLASSIFIER = {"norm_head.weight": 320, "norm_head.bias": 320, "head.weight": (1000, 320), "head.bias": 1000}
HIDDEN = 256


def layer(name, *weight, bias=None):
    return {f"{name}.weight": weight, f"{name}.bias": (bias or weight[0],)}


def attention_shapes(name, inner):
    inward = {key: size for one in "qkv" for key, size in layer(f"{name}.{one}_proj", inner, HIDDEN).items()}
    return {**inward, **layer(f"{name}.out_proj", HIDDEN, inner)}


def perceptron_shapes(name, outputs):
    sizes = (HIDDEN, HIDDEN, outputs)
    return {key: size for one in range(3) for key, size in layer(f"{name}.layers.{one}", sizes[one], HIDDEN).items()}


def decoder_shapes():
    """Of ``mask_decoder.`` in segment-anything."""
    shapes = {"iou_token.weight": (1, HIDDEN), "mask_tokens.weight": (4, HIDDEN)}
    for block in ("transformer.layers.0", "transformer.layers.1"):
        shapes.update(attention_shapes(f"{block}.self_attn", HIDDEN))
        for ways in ("token_to_image", "image_to_token"):
            shapes.update(attention_shapes(f"{block}.cross_attn_{ways}", HIDDEN // 2))
        shapes.update(layer(f"{block}.mlp.lin1", 2048, HIDDEN), **layer(f"{block}.mlp.lin2", HIDDEN, 2048))
        for number in range(1, 5):
            shapes.update(layer(f"{block}.norm{number}", HIDDEN))
    shapes.update(attention_shapes("transformer.final_attn_token_to_image", HIDDEN // 2))
    shapes.update(layer("transformer.norm_final_attn", HIDDEN), **layer("output_upscaling.1", 64))
    shapes.update(layer("output_upscaling.0", HIDDEN, 64, 2, 2, bias=64))
    shapes.update(layer("output_upscaling.3", 64, 32, 2, 2, bias=32), **perceptron_shapes("iou_prediction_head", 4))
    for mask in range(4):
        shapes.update(perceptron_shapes(f"output_hypernetworks_mlps.{mask}", 32))
    return shapes


def prompt_shapes():
    """Of ``prompt_encoder.`` in segment-anything."""
    shapes = {f"point_embeddings.{corner}.weight": (1, HIDDEN) for corner in range(4)}
    shapes.update({f"{name}.weight": (1, HIDDEN) for name in ("not_a_point_embed", "no_mask_embed")})
    for name, *weight in (("0", 4, 1, 2, 2), ("1", 4), ("3", 16, 4, 2, 2), ("4", 16), ("6", HIDDEN, 16, 1, 1)):
        shapes.update(layer(f"mask_downscaling.{name}", *weight))
    return {"pe_layer.positional_encoding_gaussian_matrix": (2, HIDDEN // 2), **shapes}


def drawn(name, size):
    """Random, of a size that neither dies out nor grows from layer to layer; around 1 where a scale is meant."""
    size = (size,) if isinstance(size, int) else size
    value = torch.randn(size) / math.sqrt(max(1, math.prod(size[1:]) if len(size) > 1 else 25))
    return value + 1 if len(size) == 1 and name.endswith("weight") else value


def published():
    """Random weights with the names and shapes of mobile_sam.pt."""
    torch.manual_seed(0)
    own = TinyViT().state_dict()
    encoder = {name: value if "bn." in name else drawn(name, value.shape) for name, value in own.items()}
    encoder.update({name: drawn(name, size) for name, size in CLASSIFIER.items()})
    parts = {"prompt_encoder": prompt_shapes(), "mask_decoder": decoder_shapes()}
    others = {f"{part}.{name}": drawn(name, size) for part, sizes in parts.items() for name, size in sizes.items()}
    return {**{f"image_encoder.{name}": value for name, value in encoder.items()}, **others}


def small_config(package):
    """In place of ``mobile_config``: the same network on smaller images."""
    return package.SamConfig(
        vision_config={"num_hidden_layers": 0, "image_size": SIDE}, prompt_encoder_config={"image_size": SIDE}
    )


class Published:
    """The mask decoder of SAM under a box around the whole image, of published weights and nothing else."""

    def __init__(self, weights):
        self.weights = weights

    def linear(self, name, x):
        return functional.linear(x, self.weights[f"{name}.weight"], self.weights[f"{name}.bias"])

    def norm(self, name, x):
        return functional.layer_norm(x, x.shape[-1:], self.weights[f"{name}.weight"], self.weights[f"{name}.bias"])

    def attended(self, name, query, key, value):
        split = (
            self.linear(f"{name}.{one}_proj", x).unflatten(-1, (8, -1)).transpose(0, 1)
            for one, x in zip("qkv", (query, key, value))
        )
        query, key, value = split
        shares = (query @ key.transpose(1, 2) / math.sqrt(query.shape[-1])).softmax(-1)
        return self.linear(f"{name}.out_proj", (shares @ value).transpose(0, 1).flatten(1))

    def placed(self, points):
        """Sines and cosines of points, of which 0 and 1 are the image's edges."""
        matrix = self.weights["prompt_encoder.pe_layer.positional_encoding_gaussian_matrix"]
        turned = 2 * math.pi * ((2 * points - 1) @ matrix)
        return torch.cat([turned.sin(), turned.cos()], dim=-1)

    def transformed(self, tokens, cells, places):
        queries, name = tokens, "mask_decoder.transformer"
        for block in (f"{name}.layers.0", f"{name}.layers.1"):
            if block.endswith("0"):
                queries = self.attended(f"{block}.self_attn", queries, queries, queries)
            else:
                own = queries + tokens
                queries = queries + self.attended(f"{block}.self_attn", own, own, queries)
            queries = self.norm(f"{block}.norm1", queries)
            towards = self.attended(f"{block}.cross_attn_token_to_image", queries + tokens, cells + places, cells)
            queries = self.norm(f"{block}.norm2", queries + towards)
            hidden = self.linear(f"{block}.mlp.lin1", queries).relu()
            queries = self.norm(f"{block}.norm3", queries + self.linear(f"{block}.mlp.lin2", hidden))
            back = self.attended(f"{block}.cross_attn_image_to_token", cells + places, queries + tokens, queries)
            cells = self.norm(f"{block}.norm4", cells + back)
        last = self.attended(f"{name}.final_attn_token_to_image", queries + tokens, cells + places, cells)
        return self.norm(f"{name}.norm_final_attn", queries + last), cells

    def upscaled(self, maps):
        for layer in (0, 3):
            name = f"mask_decoder.output_upscaling.{layer}"
            maps = functional.conv_transpose2d(maps, self.weights[f"{name}.weight"], self.weights[f"{name}.bias"], 2)
            if layer == 0:
                channels_last = maps.permute(0, 2, 3, 1)
                maps = self.norm("mask_decoder.output_upscaling.1", channels_last).permute(0, 3, 1, 2)
            maps = functional.gelu(maps)
        return maps

    def mask(self, embedding):
        """Logits (4 h, 4 w) of an embedding (256, h, w)."""
        prompt, side = "prompt_encoder", embedding.shape[-1]
        grid = (torch.arange(side) + 0.5) / side
        places = self.placed(torch.stack([grid.repeat(side), grid.repeat_interleave(side)], dim=-1))
        corners = self.placed(torch.tensor([[0.5, 0.5], [SIDE + 0.5, SIDE + 0.5]]) / SIDE)
        corners = corners + torch.cat([self.weights[f"{prompt}.point_embeddings.{one}.weight"] for one in (2, 3)])
        kept = [self.weights[f"mask_decoder.{one}_token{many}.weight"] for one, many in (("iou", ""), ("mask", "s"))]
        cells = embedding.flatten(1).T + self.weights[f"{prompt}.no_mask_embed.weight"]
        queries, cells = self.transformed(torch.cat([*kept, corners]), cells, places)
        factors = queries[1]
        for number in range(3):
            factors = self.linear(f"mask_decoder.output_hypernetworks_mlps.0.layers.{number}", factors)
            factors = factors.relu() if number < 2 else factors
        return torch.einsum("c,chw->hw", factors, self.upscaled(cells.T.reshape(1, HIDDEN, side, side))[0])
