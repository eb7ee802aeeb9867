"""Named channels computed from a tile: spectral indices, temperature, texture, context."""
