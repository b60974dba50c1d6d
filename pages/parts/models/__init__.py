"""The Models page: what is installed, and two models beside each other."""
