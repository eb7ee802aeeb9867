"""Scores of masks, spatial folds and thresholds."""
