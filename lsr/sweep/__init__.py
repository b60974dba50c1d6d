"""Sparsity against accuracy: knobs of expansion and pruning moved over a range, exactly."""
