"""Figures of the studies, for pages and reports: numbers in, a plotly figure out."""
