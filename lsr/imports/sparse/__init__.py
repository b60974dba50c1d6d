"""Sparse vectors that were made elsewhere: read, checked and stored as a model."""
