"""Patches turned by any angle, drawn larger or smaller, and blurred."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import affine_transform, gaussian_filter

Sample = tuple[np.ndarray, np.ndarray, np.ndarray]


def warped(sample: Sample, zoom: float, degrees: float, shift: tuple[float, float]) -> Sample:
    """Channels float32 (C, H, W), truth int64 and valid bool (H, W), ``zoom`` times as large and turned.

    ``shift``, -1 to 1 along both axes, is where in the patch the part lies that is seen, or, where ``zoom`` is below
    1, where in the result the patch lies. What was not in the patch is 0, and not valid. Bilinear for the channels,
    nearest for the others.
    """
    channels, truth, valid = sample
    angle = np.deg2rad(degrees)
    matrix = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) / zoom
    middle = (np.array(truth.shape) - 1) / 2
    seen = middle + np.array(shift) * middle * (1 - 1 / zoom)
    how = {"matrix": matrix, "offset": seen - matrix @ middle, "mode": "constant", "cval": 0}
    there = affine_transform(valid.astype(np.uint8), order=0, **how) > 0
    drawn = np.stack([affine_transform(band, order=1, **how) for band in channels])
    return np.where(there, drawn, 0).astype(np.float32), affine_transform(truth, order=0, **how), there


def blurred(channels: np.ndarray, known: np.ndarray, sigma: float) -> np.ndarray:
    """Channels (C, H, W) under a Gaussian of so many pixels; unknown ones stay 0 and do not darken their neighbours."""
    weight = gaussian_filter(known.astype(np.float32), (0, sigma, sigma))
    smooth = gaussian_filter(channels, (0, sigma, sigma)) / np.maximum(weight, 1e-6)
    return np.where(known, smooth, 0).astype(np.float32)
