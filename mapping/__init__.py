"""From satellite scenes to glacier outlines: products in, windows, rasters and vectors out."""
