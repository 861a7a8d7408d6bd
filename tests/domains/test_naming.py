from __future__ import annotations

import numpy as np
import pyarrow as pa

from curate.domains.naming import names, stop_words, telling_words


def words_of(texts: list[str], group: list[int], groups: int) -> list[list[str]]:
    return telling_words(pa.array(texts, pa.large_string()), np.array(group, np.int64), groups)


def test_words_that_tell_one_group_from_the_other():
    law = ["court judge page", "court jury page", "judge court page"]
    food = ["bread soup page", "soup bread page", "bread butter page"]
    found = words_of(law + food, [0, 0, 0, 1, 1, 1], 2)
    assert found[0][:2] == ["court", "judge"]
    assert found[1][:2] == ["bread", "soup"]
    assert "page" not in found[0][:2] + found[1][:2]


def test_the_score_is_what_the_docstring_says():
    texts, group = ["red blue", "red", "blue green", "green red"], [0, 0, 1, 1]
    share = {"red": [1, 0.5], "blue": [0.5, 0.5], "green": [0, 1]}
    for number, found in enumerate(words_of(texts * 2, group * 2, 2)):
        score = {w: s[number] * np.log(s[number] / np.mean(s)) if s[number] else -9 for w, s in share.items()}
        assert found == [w for w in sorted(score, key=lambda w: (-score[w], w)) if score[w] > -9]


def test_neither_order_nor_names_of_groups_matter():
    rng = np.random.default_rng(1)
    known = [f"word{a}{b}" for a in "abcde" for b in "mnopqrst"]
    texts = [" ".join(sorted({known[n] for n in rng.integers(0, 40, 12)})) for _ in range(60)]
    group = rng.integers(0, 4, 60)
    order = rng.permutation(60)
    assert words_of(texts, group.tolist(), 4) == words_of([texts[i] for i in order], group[order].tolist(), 4)
    assert (
        words_of(texts, ((group + 1) % 4).tolist(), 4)
        == words_of(texts, group.tolist(), 4)[-1:] + words_of(texts, group.tolist(), 4)[:-1]
    )


def test_stop_words_and_other_forms_are_left_out():
    assert words_of(["les servers server the nicht", "server servers"], [0, 0], 1) == [["server"]]
    assert {"the", "nicht", "которые", "est"} <= set(stop_words().to_pylist())


def test_what_nobody_can_read_is_no_name():
    text = "éçñ x86 café ¾ææää 日本 ¼¹ö नमस्ते"
    assert words_of([text, text], [0, 0], 1) == [["café", "नमस्ते", "日本"]]


def test_groups_without_words():
    assert words_of([], [], 2) == [[], []]
    assert words_of(["", "the"], [0, 1], 2) == [[], []]


def test_names_differ():
    assert names([["a", "b", "c", "d"], ["a", "b", "c", "e"], ["x"], [], []]) == [
        "a-b-c",
        "a-b-c-e",
        "x",
        "domain-3",
        "domain-4",
    ]
    assert len({*names([["a"], ["a"], ["a"]])}) == 3
