"""Encoding many pictures and captions: in batches, and resumable after a kill at any moment."""
