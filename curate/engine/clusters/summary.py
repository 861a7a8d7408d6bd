"""What a `Cluster` stage found, in numbers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Summary:
    """What a `Cluster` stage found, for people and for the report."""

    documents: int
    """That reached the stage."""
    groups: int
    """Of two documents or more."""
    dropped: int
    dropped_by_index: int
    """Of them, those that repeat what an earlier run kept."""
    largest_group: int
    identical: int
    """Pairs of the same text in normal form: a star for each group of them."""
    candidates: int
    """Pairs of different texts that share a key."""
    compared: int
    """Of them, those whose shingles were compared: not those that others had connected already."""
    alike: int
    """Of them, those that were found to be alike."""
    large_buckets: int
    """Keys of too many different documents: each was compared with a few of them, not all with all."""
    largest_bucket: int

    @property
    def text(self) -> str:
        """One line."""
        line = f"{self.groups:,} groups, the largest of {self.largest_group:,}; {self.dropped:,} dropped"
        line += f", {self.dropped_by_index:,} of them for what earlier runs kept" if self.dropped_by_index else ""
        if self.compared:
            line += f"; {self.alike:,} of {self.compared:,} pairs compared are alike"
        return line

    @property
    def warning(self) -> str | None:
        """What was not ground through."""
        if not self.large_buckets:
            return None
        return (
            f"{self.large_buckets:,} keys are shared by more documents than are compared all with all, one of them by"
            f" {self.largest_bucket:,}; it is boilerplate, as a rule: think of line_dedup before"
        )
