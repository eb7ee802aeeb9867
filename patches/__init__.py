"""Patches of any bands with their truth, for any network."""
