"""Writing vectors, runs and judgements in the formats that other tools of the field read."""
