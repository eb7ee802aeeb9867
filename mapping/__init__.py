"""From satellite scenes to glacier outlines: products in, windows, rasters and vectors out."""

from __future__ import annotations

import os

# Megabytes. GDAL's own choice, 5 % of the machine's memory, is for blocks to be read again, which parts hardly do.
os.environ.setdefault("GDAL_CACHEMAX", "128")
