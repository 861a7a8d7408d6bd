# ruff: noqa: E501
"""Any text is a recipe, or is refused as one: nothing else ever comes out of the reader."""

from __future__ import annotations

import copy
import random
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from curate import recipe as recipes
from curate.errors import CurateError, RecipeError

CONFIGS = Path(__file__).parents[2] / "configs"
REAL = {path.name: path.read_text(encoding="utf-8") for path in sorted(CONFIGS.glob("*.yaml"))}
TREES = [yaml.safe_load(text) for text in REAL.values()]
ODD: list[Any] = [
    None, True, False, 0, -1, 1, 2**31, 2**63, 2**70, -(2**200), 10**400, 0.5, -0.0, 1e308, float("inf"),
    float("nan"), "", " ", "x", "nan", "-inf", "1e999", "5%", "-5%", "100000%", "..", "5%..2%", "1GiB", "-1GB", "9" * 30 + "TB",
    "${HOME}", "${X:-}", "$${", "${", "../../x.py", "./x.py", "~", "~nobody/x", "a\x00b", "\ud7ff", "\U0010ffff", "😀", "!!python/name:os.system",
    "&a", "*a", "<<", "?", "- -", "{", "]", "0x_", "1_0", "1__0", "2024-01-31", "null", "s3://x/y", "hf://", "builtin:", "x" * 5000,
    [], {}, [[]], [None], {"": ""}, {"as": "x"}, {"drop": "5%..60%"}, [{}], {"a": {"b": {"c": []}}}, [1, "a", None, {}],
]  # fmt: skip


def places(tree: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Paths to all parts of a tree but its root."""
    parts = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    return [one for key, part in parts for one in [(*path, key), *places(part, (*path, key))]]


def mutated(chance: random.Random) -> Any:
    """A real recipe with a few parts taken out, replaced, renamed, doubled, or taken from another."""
    tree = copy.deepcopy(chance.choice(TREES))
    for _ in range(chance.randint(1, 4)):
        found = places(tree)
        if not found:
            break
        *way, last = chance.choice(found)
        inside = tree
        for key in way:
            inside = inside[key]
        what = chance.randrange(6)
        if what == 0:
            del inside[last]
        elif what == 1:
            inside[last] = copy.deepcopy(chance.choice(ODD))
        elif what == 2:
            other = chance.choice(TREES)
            inside[last] = copy.deepcopy(at(other, chance.choice(places(other))))
        elif what == 3:
            inside[last] = [inside[last]] if chance.random() < 0.5 else {"x": inside[last]}
        elif isinstance(inside, dict):
            keys = [one[-1] for one in found] + ["x", "", 1, None, "../x.py"]
            inside[chance.choice(keys)] = inside.pop(last) if what == 4 else copy.deepcopy(inside[last])
        else:
            inside.insert(chance.randrange(len(inside) + 1), copy.deepcopy(inside[last]))
    return tree


def at(tree: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        tree = tree[key]
    return tree


def scrambled(chance: random.Random) -> str:
    """The text of a real recipe with a few characters taken out, put in, or moved."""
    text = chance.choice(list(REAL.values()))
    for _ in range(chance.randint(1, 6)):
        place, length = chance.randrange(len(text) + 1), chance.choice([1, 1, 2, 5, 30])
        piece = chance.choice(["", " ", "\t", "\n", ":", "- ", "{", "}", "[", "'", '"', "#", "&a ", "*a", "!x ", "${", "%", "\0", "\x85", "|", ">", "? ", "---\n", "%YAML 9\n", text[:length]])  # fmt: skip
        text = text[:place] + piece + text[place + chance.choice([0, length]) :]
    return text


def check(text: str) -> None:
    """A recipe that can be written and read again, or a message."""
    try:
        found = recipes.loads(text, source=CONFIGS / "r.yaml", env={})
    except RecipeError:
        return
    recipes.Permission(found.code())()
    assert recipes.dump(recipes.loads(recipes.dump(found), env={})) == recipes.dump(found)


def as_yaml(tree: Any) -> str:
    return yaml.dump(tree, Dumper=yaml.SafeDumper, allow_unicode=True)


@settings(deadline=None, max_examples=120)
@given(st.integers(0, 2**64))
def test_mutations_of_real_recipes(seed):
    chance = random.Random(seed)
    check(as_yaml(mutated(chance)) if seed % 3 else scrambled(chance))


@settings(deadline=None, max_examples=80)
@example("&a [*a]")
@example("a: &a {b: *a}")
@example("\ufeff")
@example("--- !!binary x")
@example("{" * 3000)
@example("[" * 3000 + "]" * 3000)
@example("- " * 3000 + "x")
@example("input: " + "9" * 5000)
@example("input: a\noutput: b\nstages: [~nobody-here]")
@example("input: a\noutput: b\nstages: [~nobody-here/a.py]")
@example("input: a\noutput: b\nstages: [" + "x" * 5000 + "]")
@example("input: a\noutput: b\nstages: [./" + "x" * 5000 + ".py]")
@given(st.text(max_size=60))
def test_any_text(text):
    check(text)


def test_a_small_text_that_stands_for_a_very_large_one():
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    with pytest.raises(RecipeError, match="too many values"):
        recipes.loads("\n".join(lines))


@pytest.mark.slow
@settings(deadline=None, max_examples=4000)
@given(st.integers(0, 2**64))
def test_many_mutations_of_real_recipes(seed):
    chance = random.Random(seed)
    check(as_yaml(mutated(chance)) if seed % 3 else scrambled(chance))


@settings(deadline=None, max_examples=60)
@given(st.text(max_size=40) | st.sampled_from(ODD).map(as_yaml))
def test_files_of_weights(tmp_path_factory, text):
    from curate.mixtures import read_weights

    path = tmp_path_factory.mktemp("w") / "w.yaml"
    path.write_text(text, encoding="utf-8", errors="replace")
    try:
        weights = read_weights(path)
    except CurateError:
        return
    assert any(weights.values())
