"""Drop documents written mostly in capitals."""

from pydantic import Field

from curate import Filter


class Shouting(Filter):
    """Drop documents written mostly in capitals."""

    max_upper: float = Field(0.5, ge=0, le=1)
    """Largest share of the letters that may be capitals, 0 to 1."""

    examples = {"BUY NOW, BUY CHEAP": "shouting", "NASA launched it on Monday.": None, "1234": None}

    def judge_one(self, text: str) -> str | None:
        letters = [c for c in text if c.isalpha()]
        loud = sum(c.isupper() for c in letters) > self.max_upper * len(letters)
        return "shouting" if loud else None
