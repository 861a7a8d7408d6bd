"""Dolma's toolkit, for `bench_peers.py`; runs in its own environment. Gzipped JSON lines in and out.

`dolma tag` notes what taggers say of each document, `dolma dedupe` which documents or lines a Bloom filter has seen
before, and `dolma mix` writes what its rules leave. The rules are those of Dolma 1.5 for Common Crawl (Gopher's, on
words by white space) and, of C4's, those on whole documents. The Bloom filter has the rate of false positives of the
guide, 1 in 10,000.
"""

import json
import sys
from pathlib import Path

from bench_peer import MODEL, Work, run, shell

MOST = {
    "symbol_to_word_ratio": 0.1, "fraction_of_lines_starting_with_bullet_point": 0.9,
    "fraction_of_lines_ending_with_ellipsis": 0.3, "fraction_of_duplicate_lines": 0.3,
    "fraction_of_characters_in_duplicate_lines": 0.3, "fraction_of_characters_in_most_common_2grams": 0.2,
    "fraction_of_characters_in_most_common_3grams": 0.18, "fraction_of_characters_in_most_common_4grams": 0.16,
    "fraction_of_characters_in_duplicate_5grams": 0.15, "fraction_of_characters_in_duplicate_6grams": 0.14,
    "fraction_of_characters_in_duplicate_7grams": 0.13, "fraction_of_characters_in_duplicate_8grams": 0.12,
    "fraction_of_characters_in_duplicate_9grams": 0.11, "fraction_of_characters_in_duplicate_10grams": 0.10,
    "word_count": 100_000, "median_word_length": 10,
}  # fmt: skip
LEAST = {
    "word_count": 50,
    "median_word_length": 3,
    "fraction_of_words_with_alpha_character": 0.8,
    "required_word_count": 2,
}
PRESENT = ["has_lorem_ipsum", "has_curly_brace"]


def when(attribute: str, test: str) -> str:
    name = f"@.{attribute}"
    return f"$.attributes[?({name} && {name}[0] && {name}[0][2] {test})]"


def dolma(work: Work, *words: str) -> None:
    # what it imports looks for a tokenizer of NLTK's, in a network if need be; nothing here uses it
    Path(work.scratch, "tokenizers", "punkt").mkdir(parents=True, exist_ok=True)
    shell([str(Path(sys.executable).with_name("dolma")), *words], work.scratch, NLTK_DATA=work.scratch)


def documents(work: Work) -> str:
    """The documents as `…/documents/*.gz`, beside which it puts its attributes."""
    folder = Path(work.scratch, "corpus", "documents")
    folder.mkdir(parents=True)
    for file in work.files:
        (folder / Path(file).name).symlink_to(file)
    return f"{folder}/*.json.gz"


def tag(work: Work, source: str, taggers: list[str], *more: str) -> None:
    words = ["--documents", source, "--experiment", "exp", "--taggers", *taggers, "--processes", str(work.workers)]
    dolma(work, "tag", *words, *more)


def mix(work: Work, source: str, attributes: list[str], exclude: list[str], spans: list[dict] | None = None) -> None:
    stream = {
        "name": "kept",
        "documents": [source],
        "attributes": attributes,
        "output": {"path": work.out, "max_size_in_bytes": 1_000_000_000, "discard_fields": ["attributes"]},
    }
    if exclude:
        stream["filter"] = {"include": [], "exclude": exclude}
    if spans:
        stream["span_replacement"] = spans
    config = Path(work.scratch, "mix.json")
    config.write_text(json.dumps({"streams": [stream], "processes": work.workers}), encoding="utf-8")
    dolma(work, "-c", str(config), "mix")


def dedupe(work: Work, source: str, *what: str) -> None:
    given = {
        "--documents": source,
        "--bloom_filter.file": f"{work.scratch}/bloom.bin",
        "--bloom_filter.estimated_doc_count": "1_000_000",
        "--bloom_filter.desired_false_positive_rate": "0.0001",
        "--processes": str(work.workers),
    }
    words = [word for pair in given.items() for word in pair]
    dolma(work, "dedupe", *words, "--dedupe.skip_empty", "--no-bloom_filter.read_only", *what)


def filters(work: Work) -> None:
    source = documents(work)
    tag(work, source, ["gopher_v2", "c4_v2"])
    exclude = [when(f"exp__gopher_v2__{name}", f"> {most}") for name, most in MOST.items()]
    exclude += [when(f"exp__gopher_v2__{name}", f"< {least}") for name, least in LEAST.items()]
    exclude += [when(f"exp__c4_v2__{name}", "> 0") for name in PRESENT]
    mix(work, source, ["exp"], exclude)


def language(work: Work) -> None:
    """Its tagger with our file for the model, which it would download."""
    source = documents(work)
    module = Path(work.scratch, "local_language.py")
    module.write_text(
        "from dolma.core.registry import TaggerRegistry\n"
        "from dolma.taggers.language import FastTextEnglishOnlyLanguageDocumentTagger\n\n\n"
        "@TaggerRegistry.add('local_en')\n"
        "class Local(FastTextEnglishOnlyLanguageDocumentTagger):\n"
        f"    MODEL_PATH = {str(MODEL)!r}\n",
        encoding="utf-8",
    )
    tag(work, source, ["local_en"], "--tagger_modules", str(module))
    mix(work, source, ["exp"], [when("exp__local_en__en", "< 0.65")])


def exact(work: Work) -> None:
    source = documents(work)
    dedupe(work, source, "--dedupe.name", "docs", "--dedupe.documents.attribute_name", "seen",
           "--dedupe.documents.key", "$.text")  # fmt: skip
    mix(work, source, ["docs"], [when("seen", "> 0")])


def lines(work: Work) -> None:
    source = documents(work)
    dedupe(work, source, "--dedupe.name", "lines", "--dedupe.paragraphs.attribute_name", "seen")
    mix(work, source, ["lines"], [], [{"span": "$.attributes.seen", "min_score": 0.5, "replacement": ""}])


if __name__ == "__main__":
    run({"filters": filters, "language": language, "exact": exact, "lines": lines})
