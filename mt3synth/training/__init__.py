"""Training: state, step, optimizer, checkpoints and the loop over batches."""
