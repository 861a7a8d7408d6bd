"""What a `Cluster` stage found, in numbers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Summary:
    """What a `Cluster` stage found, for people and for the report.

    All is a property of the corpus but `compared` and `alike`, which tell of the work: to find components, a pair is
    not compared that others have connected, as far as that is known from the pairs that are looked at together.
    """

    documents: int
    """That reached the stage."""
    groups: int
    """Of two documents or more, one of which may be of an earlier run."""
    dropped: int
    dropped_by_index: int
    """Of them, those that repeat what an earlier run kept."""
    largest_group: int
    """Documents of the largest group, with their copies; 0 if there is no group."""
    identical: int
    """Pairs of the same text in normal form: a star for each group of them."""
    candidates: int
    """Pairs of different texts that share a key."""
    compared: int
    """Of them, those whose shingles were compared."""
    alike: int
    """Of them, those that were found to be alike."""
    large_buckets: int
    """Keys of too many different documents: each was compared with a few of them, not all with all."""
    largest_bucket: int
    """Different documents that share one key, at most."""

    @property
    def text(self) -> str:
        """One line."""
        line = f"{self.groups:,} {'group' if self.groups == 1 else 'groups'}"
        if self.groups:
            line += f"{', the largest' if self.groups > 1 else ''} of {self.largest_group:,} documents"
        line += f"; {self.dropped:,} dropped"
        line += f", {self.dropped_by_index:,} of them for what earlier runs kept" if self.dropped_by_index else ""
        if self.compared:
            line += f"; {self.alike:,} of {self.compared:,} {'pair' if self.compared == 1 else 'pairs'} compared"
            line += f" {'is' if self.alike == 1 else 'are'} alike"
        return line

    @property
    def warning(self) -> str | None:
        """What was not ground through."""
        if not self.large_buckets:
            return None
        keys = "1 key is" if self.large_buckets == 1 else f"{self.large_buckets:,} keys are"
        one = "that is, by" if self.large_buckets == 1 else "one of them by"
        return (
            f"{keys} shared by more documents than are compared all with all, {one} {self.largest_bucket:,};"
            " it is boilerplate, as a rule: think of line_dedup before"
        )
