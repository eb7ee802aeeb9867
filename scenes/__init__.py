"""Scenes larger than a tile: satellite products, GeoTIFFs and mosaics in; truth and outlines on their grids."""

from __future__ import annotations

import os

# Megabytes. GDAL's own choice, 5 % of the machine's memory, is for blocks to be read again, which windows hardly do.
os.environ.setdefault("GDAL_CACHEMAX", "128")
