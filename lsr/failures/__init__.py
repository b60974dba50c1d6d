"""Where a model misses: every query with what stands between it and its answer."""
