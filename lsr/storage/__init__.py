"""Files written whole or not at all, locks, and where a user's and the bundled folders lie."""
