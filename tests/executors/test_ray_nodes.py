"""A Ray cluster of two nodes on this machine, of which one is lost in the middle of a run."""

import os

import pytest

from curate import recipe as recipes
from curate.engine import driver
from curate.engine.events import UnitDone, Warned
from curate.executors import Inline
from tests.engine.corpus import data_bytes, documents, recipe_text, write_shards

pytest.importorskip("ray")
pytestmark = [
    pytest.mark.filterwarnings("ignore"),  # of what Ray leaves open when it ends
    pytest.mark.skipif(os.name != "posix", reason="Ray on Windows is not what it is elsewhere"),
]

STAGES = "  - ./slow.py\n  - exact_dedup\n"
SLOW = '''import time
from pathlib import Path

from curate import Filter

HERE = Path(__file__).parent


class Slow(Filter):
    """On the node that is to be lost it does not end; elsewhere it waits until work has begun there."""

    def judge_one(self, text):
        return None

    def judge(self, batch):
        import ray

        if ray.is_initialized():
            if ray.get_runtime_context().get_node_id() == (HERE / "doomed").read_text():
                (HERE / "begun").touch()
                time.sleep(120)
            while not (HERE / "begun").exists():
                time.sleep(0.05)
        return super().judge(batch)
'''


@pytest.fixture
def cluster():
    """Two nodes with one CPU each → (the cluster, the node to lose)."""
    import ray
    from ray.cluster_utils import Cluster

    ray.shutdown()
    nodes = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    try:
        other = nodes.add_node(num_cpus=1)
        nodes.wait_for_nodes()
        yield nodes, other
    finally:
        ray.shutdown()
        nodes.shutdown()


def test_the_units_of_a_lost_node_are_done_again(cluster, tmp_path):
    from curate.executors.ray import Ray

    nodes, other = cluster
    (tmp_path / "slow.py").write_text(SLOW)
    data = write_shards(tmp_path / "in", documents(120), 6)
    whole, out = (
        recipes.loads(recipe_text(data, tmp_path / name, STAGES), source=tmp_path / "r.yaml")
        for name in ("whole", "out")
    )
    driver.run(whole, Inline())
    (tmp_path / "doomed").write_text(other.node_id)
    said = []

    def show(event):
        if isinstance(event, UnitDone) and not any(isinstance(one, UnitDone) for one in said):
            nodes.remove_node(other, allow_graceful=False)
        said.append(event)

    with Ray(nodes.address) as executor:
        assert executor.workers == 2
        driver.run(out, executor, show)
    assert (tmp_path / "begun").exists()
    lost = [event.text for event in said if isinstance(event, Warned)]
    assert lost
    assert all("a worker was lost" in text and "its unit is tried again" in text for text in lost)
    folders = ("pass-1", "pass-2", "artifacts", "data")
    assert data_bytes(tmp_path / "out", folders) == data_bytes(tmp_path / "whole", folders)
