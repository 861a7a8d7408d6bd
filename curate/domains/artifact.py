"""What is known of the domains of a corpus: kept as JSON, shown in reports, and good for other corpora too."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError, computed_field

from curate.domains.kmeans import Distance, assign
from curate.domains.origin import are_of_one
from curate.domains.packing import Matrix
from curate.domains.projecting import Layout
from curate.errors import StoreError
from curate.kernels.vectors import Floats, Ints, unit

MUCH = 0.9  # share of the sample; to prune more than that is likely a mistake


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, arbitrary_types_allowed=True)


class Cluster(_Part):
    """One of the clusters that domains are made of."""

    domain: int | None
    """Null: it was pruned, and its documents are dropped."""
    documents: int
    """Of the sample."""
    means: dict[str, float | None]
    """Column → mean of its documents in the sample; null if none of them has a value."""


class Domain(_Part):
    """Documents that are about the same."""

    name: str
    words: list[str]
    """The most telling ones first."""
    documents: int
    """Of the sample."""


class Example(_Part):
    """A document of the sample, for the map."""

    id: str
    cluster: int
    distance: float
    """To the centre of its cluster."""
    x: float
    """From -1 to 1; so is y."""
    y: float
    text: str
    """Its beginning."""


class Domains(_Part):
    """The clusters of a corpus, and the domains that they were merged to."""

    distance: Distance
    centre: Matrix
    """float32[1, dim]: the mean of the sample, which is taken from vectors before all else."""
    centres: Matrix
    """float32[clusters, dim]."""
    clusters: list[Cluster]
    domains: list[Domain]
    """By id; the largest first."""
    sample: int
    """Documents that the clusters were fitted on."""
    embedding: str | None = None
    """Which embedding made the vectors (`curate.domains.origin`); null: it is not known."""
    layout: Layout = "islands"
    """How the map is laid out."""
    examples: list[Example] = []
    """Some of them, with their places on the map."""

    @computed_field  # type: ignore[prop-decorator]
    @property
    def summary(self) -> str:
        """The decision in one line, for people."""
        pruned = sum(cluster.domain is None for cluster in self.clusters)
        line = f"{len(self.domains)} domains of {len(self.clusters) - pruned} clusters"
        line += f", {pruned} pruned" if pruned else ""
        largest = ", ".join(domain.name for domain in self.domains[:3])
        return f"{line}, fitted on {self.sample:,} documents" + (f"; the largest: {largest}" if largest else "")

    @computed_field  # type: ignore[prop-decorator]
    @property
    def warning(self) -> str | None:
        """What a person should know before the result is used."""
        if not self.clusters:
            return "no document has a vector, so there are no domains"
        found = []
        scores = {name: [one.means[name] for one in self.clusters] for name in self.clusters[0].means}
        without = [name for name, means in scores.items() if all(mean is None for mean in means)]
        if without:
            found.append(
                f"prune: no document of the sample has a value in {', '.join(without)}; nothing is pruned by it"
            )
        gone = sum(one.documents for one in self.clusters if one.domain is None)
        if gone > MUCH * self.sample:
            best = [
                f"{name} {max(known):.3g}" for name in scores if (known := [m for m in scores[name] if m is not None])
            ]
            what = "all clusters are" if not self.domains else f"{gone / self.sample:.0%} of the sample is"
            found.append(f"{what} pruned, and the documents dropped; the highest mean of a cluster: {', '.join(best)}")
        return "; ".join(found) or None

    def misfit(self, embedding: str | None, size: int | None) -> str | None:
        """Why vectors that this embedding made, of so many numbers, cannot be placed; None: nothing is against it."""
        if not are_of_one(self.embedding, embedding):
            return f"the vectors are of the embedding {embedding}; these centroids are of {self.embedding}"
        if len(self.clusters) and size is not None and size != self.centres.shape[1]:
            return f"the vectors have {size} numbers; these centroids {self.centres.shape[1]}"
        return None

    def place(self, vectors: Floats) -> tuple[Ints, Floats]:
        """(cluster int32[n], distance to its centre float32[n]) of vectors float32[n, dim], of length 1 if `cosine`."""
        if vectors.shape[1] != self.centres.shape[1]:
            raise ValueError(
                f"the vectors have {vectors.shape[1]} numbers; those of the centroids {self.centres.shape[1]}"
            )
        return assign(centred(vectors, self.centre, self.distance), self.centres, self.distance)


def centred(vectors: Floats, centre: Floats, distance: Distance = "cosine") -> Floats:
    """Vectors float32[n, dim] less the mean; with `cosine` of length 1 again, and all zero what is the mean itself.

    Vectors of texts have a large part in common, which would hide what tells them apart (Mu and Viswanath 2018).
    """
    if distance == "euclidean":
        return vectors - centre
    found, rows = unit(vectors, centre)
    if len(rows) == len(vectors):
        return found
    out = np.zeros(vectors.shape, np.float32)
    out[rows] = found
    return out


@lru_cache(maxsize=4)
def load(path: Path) -> Domains:
    """The domains in a file: `artifacts/domain_clusters.json` of a run. Raises StoreError if it has none."""
    try:
        found = json.loads(path.read_bytes())
        return Domains.model_validate(found.get("artifact", found))
    except OSError as error:
        raise StoreError(f"{path}: cannot read it: {error.strerror or error}") from error
    except (ValueError, KeyError, AttributeError, TypeError, ValidationError) as error:
        what = str(error).splitlines()[0]
        raise StoreError(
            f"{path}: there are no centroids in it ({what}); take artifacts/domain_clusters.json of a run"
        ) from error
