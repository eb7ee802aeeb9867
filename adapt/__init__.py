"""A model corrected on the scene it fails on: marks, what the model sees under them, the re-fit, where to mark next."""
