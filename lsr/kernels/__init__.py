"""Every loop that numba compiles."""
