"""Run folders, read back: facts for people."""
