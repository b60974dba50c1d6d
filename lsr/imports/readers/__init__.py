"""Reading pictures and captions in the formats that people keep them in."""
