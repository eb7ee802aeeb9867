"""Cross-validation, the model's making, the demo and the result tables."""
