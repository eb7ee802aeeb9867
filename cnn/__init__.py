"""The compact U-Net."""
