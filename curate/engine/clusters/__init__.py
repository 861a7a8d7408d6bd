"""Near-duplicates: from what documents are compared by to which of them are kept."""

from curate.engine.clusters.publishing import publish
from curate.engine.clusters.rounds import Clusters, Range, warm_up
from curate.engine.clusters.summary import Summary

__all__ = ["Clusters", "Range", "Summary", "publish", "warm_up"]
