"""All disk access: only this room opens a data file, and every file is written whole or not at all."""
