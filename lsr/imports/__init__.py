"""Loading what others made: pictures with captions, dense vectors, checkpoints."""
