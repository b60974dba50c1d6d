"""What draws the bundled collection and trains its encoder; only `world build` imports it."""
