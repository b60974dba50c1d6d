"""Lexiscope's library: see the words an image activates."""

__version__ = "0.1.0"
