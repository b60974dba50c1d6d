"""Training a projection head on the dense pairs of a collection."""
