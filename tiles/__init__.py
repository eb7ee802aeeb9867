"""Tiles in and out: reading the challenge's layout, naming bands in physical units, writing masks."""
