"""GBM score and U-Net probability into one calibrated probability; the hybrid model and its file."""
