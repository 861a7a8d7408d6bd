"""Carrying out a plan: passes over units, decisions between them, and the books."""
