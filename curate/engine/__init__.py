"""Carrying out a plan: passes over units, decisions between them, and the books."""

"""The engine: units of work, passes over them, and what is decided between passes."""
