"""Clusters against labels that people gave: the measures, and that the embeddings are good for something."""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[1]
SHARED = Path(os.environ.get("CURATE_SHARED_DATA") or ROOT / "../shared/data")


@pytest.fixture
def labels(monkeypatch):
    monkeypatch.setattr(sys, "path", [str(ROOT / "scripts"), *sys.path])
    import domain_labels

    return domain_labels


def test_agreement_of_known_answers(labels):
    truth = np.array([0, 0, 1, 1])
    assert labels.agreement(np.array([5, 5, 7, 7]), truth) == pytest.approx((1, 1))
    assert labels.agreement(np.array([0, 1, 0, 1]), truth) == pytest.approx((0, 0.5))
    nmi, purity = labels.agreement(np.array([0, 0, 0, 1]), truth)  # entropies ln 2 and 0.5623, joint 1.0397
    assert nmi == pytest.approx(2 * (np.log(2) + 0.56234 - 1.03972) / (np.log(2) + 0.56234), abs=1e-4)
    assert purity == 0.75


@pytest.mark.parametrize(("model", "least"), [("builtin", 0.44), ("lsa", 0.38)])
def test_subjects_of_exam_questions_are_found(labels, model, least):
    """57 subjects, as docs/domains.md has it, with one seed and some room."""
    path = SHARED / "domains/mmlu_subjects.parquet"
    if not path.exists():
        pytest.skip("needs the shared corpus")
    texts, truth = labels.corpus(Namespace(labels=path))
    x, rows = labels.vectors(model, texts)
    nmi, _ = labels.agreement(labels.clusters(x, rows, len(texts), 57, 0), truth)
    assert nmi > least


def test_merged_clusters_are_those_of_the_stage(labels):
    """The script's way and the stage's own, on the same vectors."""
    from curate.documents import ID
    from curate.stages.domain_clusters import DomainClusters
    from tests.stages.harness import run
    from tests.stages.test_domain_clusters import planted

    batch, subject = planted(n=200)
    x, rows = labels.matrix(batch["embedding"])
    order = np.argsort(labels.hash64(batch[ID], 0), kind="stable")  # in which the stage has its sample
    found = labels.merged(x[order], rows, 200, 3, 0)
    stage = run(DomainClusters(domains=3), [[batch]]).columns["domain_id"]
    ours = np.array([stage[f"d{i}"] for i in order])
    assert labels.agreement(found, ours) == pytest.approx((1, 1))
    assert labels.agreement(found, subject[order]) == pytest.approx((1, 1))
