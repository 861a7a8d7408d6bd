"""Text of others on a terminal: as on a page, see `curate.report.escapes`."""

from curate.report.escapes import on_one_line, visible

__all__ = ["on_one_line", "visible"]
