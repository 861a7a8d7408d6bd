"""The errors a person meets. Each says where, what was expected, what came, and what to try."""


class CurateError(Exception):
    """Anything that curate refuses or cannot do; the message is meant to be read as it is."""


class RecipeError(CurateError):
    """The recipe or the command line is wrong; found before any work is done (exit code 2)."""


class StageError(CurateError):
    """A stage failed on a unit of work, or broke its contract (exit code 1)."""


class StoreError(CurateError):
    """A file or folder cannot be read or written, or is not what it was at the start (exit code 1)."""


class BadInput(CurateError):
    """More input was unreadable than `on_bad_input` allows (exit code 1)."""
