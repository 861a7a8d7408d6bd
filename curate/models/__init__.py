"""Models that are loaded from a file and asked for scores; the bundled files, and a card for each."""
