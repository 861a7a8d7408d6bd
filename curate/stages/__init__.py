"""The stages of recipes: one file for each, which bears its name."""
