"""The parts of the Expansion page."""
