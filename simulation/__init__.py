"""Labelled tiles as other scenes would show them: other seasons, other sensors."""
