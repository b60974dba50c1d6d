"""Measures of a model on a split: pairs and their projections, ranks, accuracy, cost."""
