"""Parts of the Failures page."""
