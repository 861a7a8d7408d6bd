"""Recipe → Plan, pure data: what each pass over the shards does. It can be printed before a byte of text is read."""

from curate.plan.making import edits_text, make
from curate.plan.model import Action, Estimate, Pass, Plan
from curate.plan.printing import describe
from curate.stage import Part

__all__ = ["Action", "Estimate", "Part", "Pass", "Plan", "describe", "edits_text", "make"]
