"""The LightGBM baseline on per-pixel features."""
