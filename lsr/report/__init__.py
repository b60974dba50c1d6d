"""Reports: a folder that anyone can open without a network, and that can be checked later."""
