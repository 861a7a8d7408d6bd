"""Near-duplicates: from what documents are compared by to which of them are kept."""

from curate.engine.clusters.deciding import Clusters, warm_up
from curate.engine.clusters.publishing import publish
from curate.engine.clusters.summary import Summary

__all__ = ["Clusters", "Summary", "publish", "warm_up"]
