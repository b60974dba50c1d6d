"""A collection on disk: images, their captions, and the dense vectors of both."""
