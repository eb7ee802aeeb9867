"""A SAM of the published classes, but tiny and with random weights."""

from __future__ import annotations

from pathlib import Path

import torch

SIDE = 64  # pixels of its images


def write_sam(folder: Path, hidden_size: int = 16) -> Path:
    """As ``save_pretrained`` writes it: config.json and model.safetensors."""
    import transformers

    torch.manual_seed(0)
    width = 16
    vision = transformers.SamVisionConfig(
        hidden_size=hidden_size,
        output_channels=width,
        num_hidden_layers=2,
        num_attention_heads=2,
        image_size=SIDE,
        patch_size=16,
        window_size=2,
        global_attn_indexes=[1],
        num_pos_feats=width // 2,
        mlp_dim=32,
        initializer_range=0.02,
    )
    prompt = {"hidden_size": width, "image_size": SIDE, "patch_size": 16, "mask_input_channels": 4}
    decoder = {"hidden_size": width, "mlp_dim": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    decoder.update(iou_head_hidden_dim=16, iou_head_depth=2)
    config = transformers.SamConfig(
        vision_config=vision.to_dict(), prompt_encoder_config=prompt, mask_decoder_config=decoder
    )
    transformers.SamModel(config).save_pretrained(folder)
    return folder
