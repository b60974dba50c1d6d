"""A model: vocabulary, projection head, expansion control, and sparse vectors."""
