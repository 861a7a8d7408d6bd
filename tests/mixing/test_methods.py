"""RegMix, DoReMi and Skill-it on what is known of them."""

import json

import numpy as np
import pytest

from curate.errors import RecipeError
from curate.mixing.doremi import bounded, doremi, moved
from curate.mixing.draws import dirichlet
from curate.mixing.measuring import carry_out
from curate.mixing.methods import search_of
from curate.mixing.options import DoReMi, RegMix, SkillIt
from curate.mixing.regmix import regmix
from curate.mixing.skillit import graph_of, next_weights, skillit
from curate.mixing.trials import Measured, Space
from tests.mixing.corpora import options
from tests.mixing.truths import answering, space


def test_regmix_finds_the_minimum_of_power_laws(monkeypatch):
    """Loss sum a w^-g: smallest where a g w^(-g - 1) is the same for all; L1 distance below 0.1, as in the notes."""
    monkeypatch.setattr("curate.mixing.regmix.SIMULATED", 20_000)
    a, g = np.array([1.0, 2.0, 0.5]), 0.3
    star = a ** (1 / (g + 1))
    star /= star.sum()
    of = Space(tuple("abc"), np.full(3, 1 / 3), np.ones(3))
    measure = answering(lambda weights: float((a * np.maximum(weights, 1e-3) ** -g).sum()))
    found = carry_out(regmix(of, RegMix(mixtures=256), budget=1, seed=0), measure)
    assert np.abs(found.finalists[0].weights - star).sum() < 0.1
    assert found.facts["correlation"] > 0.95
    assert len(measure.asked) == 257


def test_regmix_keeps_to_the_bounds():
    of = space(5, most=np.array([0.9, 0.5, 0.4, 0.3, 0.05]))
    measure = answering(lambda weights: -weights[4])
    found = carry_out(regmix(of, RegMix(mixtures=32, predictor="process"), budget=1, seed=0), measure)
    assert found.finalists[0].weights[4] <= 0.05 + 1e-6
    assert found.finalists[0].weights[4] > 0.03


def test_doremi_update():
    """By hand: exp(1 * ln 2) doubles the first of two equal weights, then a tenth of the uniform mixture."""
    weights = moved(np.array([0.5, 0.5]), np.array([np.log(2), -3.0]), 1.0, 0.1)
    assert weights == pytest.approx([0.9 * 2 / 3 + 0.05, 0.9 / 3 + 0.05])


def test_doremi_update_of_large_losses():
    assert moved(np.array([0.5, 0.5]), np.array([300.0, 0.0]), 5.0, 1e-3) == pytest.approx([0.9995, 0.0005])
    assert moved(np.array([0.5, 0.5]), np.array([1e4, 1e4]), 5.0, 1e-3) == pytest.approx([0.5, 0.5])
    assert moved(np.array([0.0, 1.0]), np.array([1e4, 0.0]), 5.0, 0.0) == pytest.approx([0, 1])


def test_doremi_gives_weight_to_the_largest_persistent_excess():
    of = space(4)
    names = of.names

    def measure(trials):
        return [
            Measured(0.0, dict(zip(names, [3.0, 2.0, 1.0, 1.0 + (trial.label != "reference")], strict=True)))
            for trial in trials
        ]

    options = DoReMi(rounds=200, rate=0.5, smoothing=0.01)
    found = carry_out(doremi(of, options, budget=1, seed=0), measure)
    weights = found.finalists[0].weights
    assert weights.argmax() == 3
    assert weights[3] > 0.9
    assert weights.min() >= 0.01 / 4 - 1e-6
    assert weights.sum() == pytest.approx(1)


def test_doremi_evens_out_excess_losses():
    """Losses c - log(weight): the worst excess is smallest where all are equal, which is at the reference itself."""
    of = Space(("a", "b", "c"), np.array([0.6, 0.3, 0.1]), np.ones(3))

    def measure(trials):
        return [
            Measured(0.0, dict(zip("abc", (-np.log(np.maximum(t.weights, 1e-9)) + [1, 5, 9]).tolist(), strict=True)))
            for t in trials
        ]

    found = carry_out(doremi(of, DoReMi(rounds=60, rate=0.3), budget=1, seed=0), measure)
    assert np.array(found.facts["rounds"][-1]) / 1e6 == pytest.approx(of.natural, abs=0.02)
    assert found.finalists[0].weights == pytest.approx(of.natural, abs=0.1)  # the mean of all rounds
    assert found.facts["worst_excess"][-1] < found.facts["worst_excess"][0] / 3


def test_doremi_takes_a_target_for_each_domain():
    with pytest.raises(RecipeError, match="a target for each domain"):
        carry_out(doremi(space(3), DoReMi(), budget=1, seed=0), answering(lambda weights: 0.0))


def test_bounded():
    assert bounded(np.array([0.7, 0.2, 0.1]), np.array([0.5, 1, 1])) == pytest.approx([0.5, 1 / 3, 1 / 6])
    assert bounded(np.array([0.7, 0.2, 0.1]), np.array([0.5, 0.3, 0.4])) == pytest.approx([0.5, 0.3, 0.2])
    assert bounded(np.array([1.0, 0.0, 0.0]), np.array([0.5, 0.2, 0.6])) == pytest.approx([0.5, 0.125, 0.375])
    generator = np.random.default_rng(0)
    for _ in range(50):
        most = generator.random(6) * 0.5 + 0.1
        most *= max(1.0, 1.01 / most.sum())
        found = bounded(generator.dirichlet(np.full(6, 0.3)), most)
        assert found.sum() == pytest.approx(1)
        assert (found <= most + 1e-9).all()


def test_skillit_weights():
    """The known answer of the design notes, to four digits."""
    graph = np.array([[1, 0.5], [0, 1]])
    assert next_weights(graph, [], 0.5, 3) == pytest.approx([0.5622, 0.4378], abs=5e-5)
    losses = [np.array([2.0, 3.0]), np.array([1.5, 2.5])]
    assert next_weights(graph, losses, 0.5, 3) == pytest.approx([0.5927, 0.4073], abs=5e-5)
    assert next_weights(graph, [np.array([90.0, 0.0]), *losses], 0.5, 2) == pytest.approx([0.5927, 0.4073], abs=5e-5)


def test_skillit_without_edges_samples_by_loss_and_with_all_evenly():
    losses = [np.array([3.0, 1.0, 2.0])]
    by_loss = next_weights(np.eye(3), losses, 1.0, 3)
    assert by_loss == pytest.approx(np.exp(losses[0]) / np.exp(losses[0]).sum())
    assert next_weights(np.ones((3, 3)), losses, 1.0, 3) == pytest.approx(np.full(3, 1 / 3))


def test_skillit_asks_for_what_was_trained_on_so_far():
    of = Space(("a", "b"), np.array([0.5, 0.5]), np.ones(2))
    asked = []

    def measure(trials):
        asked.extend(trials)
        return [Measured(0.0, {"x": 2.0, "y": 1.0}) for _ in trials]

    graph = np.array([[1.0, 0.0], [0.0, 1.0]])
    search = skillit(of, SkillIt(rounds=3), ("x", "y"), graph, budget=100, seed=0)
    found = carry_out(search, measure)
    assert [trial.budget for trial in asked] == [33, 66, 100]
    rounds = np.array(found.facts["rounds"]) / 1e6
    assert rounds[0] == pytest.approx([0.5, 0.5])
    assert (np.diff(rounds[:, 0]) > 0).all()
    assert found.finalists[0].weights == pytest.approx(rounds.mean(axis=0), abs=2e-6)


def test_skillit_measures_its_graph():
    """Targets of which each is helped by known domains: the graph has these, as large as they help."""
    of = space(3)
    helps = np.array([[1.0, 0.5], [0.0, 1.0], [0.0, 0.0]])

    def measure(trials):
        return [
            Measured(0.0, dict(zip("xy", (9 - t.budget * t.weights @ helps).tolist(), strict=True))) for t in trials
        ]

    found = carry_out(skillit(of, SkillIt(rounds=2), ("x", "y"), None, budget=2, seed=0), measure)
    rows = [[found.facts["graph"][name].get(target, 0.0) for target in "xy"] for name in of.names]
    assert np.abs(np.array(rows) - helps).max() < 1e-4
    assert found.finalists[0].weights.argmax() == 0


@pytest.mark.parametrize("rounds", [1, 4])
def test_skillit_measures_its_graph_within_the_bounds(rounds):
    """Of a domain that is nearly used up less than a piece is added, and it counts for a piece all the same."""
    of = Space(("a", "b", "c"), np.array([0.55, 0.4, 0.05]), np.array([1.0, 0.9, 0.06]))
    helps = np.array([[1.0, 0.5], [0.0, 1.0], [0.4, 0.8]])
    asked = []

    def measure(trials):
        asked.extend(trials)
        rows = [(9e6 - t.budget * t.weights @ helps).tolist() for t in trials]
        return [Measured(0.0, dict(zip("xy", row, strict=True))) for row in rows]

    found = carry_out(skillit(of, SkillIt(rounds=rounds), ("x", "y"), None, budget=1_000_000, seed=0), measure)
    for trial in asked:
        assert trial.budget <= 1_000_000
        assert (trial.weights * trial.budget <= of.most * 1_000_000 + 2).all()
    rows = [[found.facts["graph"][name].get(target, 0.0) for target in "xy"] for name in of.names]
    assert np.abs(np.array(rows) - helps).max() < 1e-3


def test_a_graph_from_a_file(tmp_path):
    of = Space(("a", "b"), np.array([0.5, 0.5]), np.ones(2))
    path = tmp_path / "graph.json"
    path.write_text(json.dumps({"a": {"x": 1}, "b": {"x": 0.2}}))
    asked = options("c", tmp_path, method={"skillit": {"graph": str(path), "rounds": 1}})
    measure = answering(lambda weights: 0.0)
    found = carry_out(
        search_of(asked, of, ("x",)), lambda trials: [Measured(one.loss, {"x": 1.0}) for one in measure(trials)]
    )
    raised = np.exp(0.5 * np.array([1, 0.2]))
    assert found.finalists[0].weights == pytest.approx(raised / raised.sum(), abs=1e-6)
    for wrong, message in [
        ({"c": {"x": 1}}, "has the domain 'c'"), ({"a": {"z": 1}}, "has the target 'z'"),
        ({"a": {"x": -1}}, "0 or more"), ({}, "no weight above 0"),
    ]:  # fmt: skip
        with pytest.raises(RecipeError, match=message):
            graph_of(wrong, of, ("x",))


def test_draws_are_spread_like_the_prior():
    of = space(6)
    assert dirichlet(np.tile(of.natural, (20_000, 1)), np.random.default_rng(0)).mean(axis=0) == pytest.approx(
        of.natural, abs=0.02
    )
