"""From satellite scenes to glacier outlines: products in, windows, rasters and vectors out."""

import os

# Of its own accord GDAL keeps 5 % of the machine's memory for blocks to be read again, which parts hardly do. Megabytes.
os.environ.setdefault("GDAL_CACHEMAX", "128")
