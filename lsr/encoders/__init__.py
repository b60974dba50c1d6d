"""Encoders of images and texts behind one protocol: bundled, transformers', LAVIS's, the user's."""
