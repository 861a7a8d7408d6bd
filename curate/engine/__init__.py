"""The engine: units of work, passes over them, and what is decided between passes."""
