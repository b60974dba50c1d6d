"""Dense vectors that were computed elsewhere: reading, matching, attaching, fetching."""
