"""Heads whose terms are words from the start: their rows come from captions or word vectors."""
