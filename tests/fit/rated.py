"""Documents with ratings of which it is known what they follow."""

import numpy as np

from curate.annotation.form import SCORES

PLAIN = ["The river runs to the sea.", "People walk along the road.", "A house stands on the hill.", "It rains."]
MENU = ["Home", "Login", "Cart (0)", "Share", "Next >>", "Menu", "FAQ"]
CODE = ["def add(a, b):", "    return a + b", "for i in range(3):", "    print(i)", "import os"]


def documents(n, seed=0, longest=12):
    """(texts, scores int8[n, 14], letters): the more of a text is sentences, the higher are all scores."""
    rng = np.random.default_rng(seed)
    texts, scores, letters = [], [], []
    for k in range(n):
        share = rng.random()
        coding = k % 2 == 0
        lines = [
            str(rng.choice(PLAIN)) if rng.random() < share else str(rng.choice(CODE if coding else MENU))
            for _ in range(int(rng.integers(4, longest)))
        ]
        texts.append(f"Number {k}.\n" + "\n".join(lines))
        base = 1 + round(4 * share)
        scores.append([min(5, max(1, base + int(rng.integers(-1, 2)) * (c % 2))) for c in range(len(SCORES))])
        letters.append("H" if coding else "L")
    return texts, np.array(scores, np.int8), letters


def columns(scores, letters):
    """As `curate annotate` writes them."""
    return {**dict(zip(SCORES, scores.T, strict=True)), "application_domain": letters}
