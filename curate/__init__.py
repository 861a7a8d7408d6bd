"""curate: raw text into training data for language models. The public face: what a stage of your own imports."""

from curate.documents import Batch
from curate.stage import Annotate, Column, Edit, Filter, Global, Keys, Match, One, Outcome, Rewrite

__version__ = "0.1.0.dev0"
__all__ = ["Annotate", "Batch", "Column", "Edit", "Filter", "Global", "Keys", "Match", "One", "Outcome", "Rewrite"]
