"""Write the reference pages of the documentation from the code: stages, recipes, commands.

python scripts/reference.py            write docs/stages/, docs/recipe.md and docs/commands.md anew
python scripts/reference.py --check    fail if that would change them
"""

import argparse
import json
import re
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from typer.main import get_command

from curate import catalog
from curate.cli.app import app
from curate.recipe import json_schema
from curate.recipe.card import Card, DataSource
from curate.recipe.model import BadInputLimits, Incremental, Input, Output
from curate.recipe.schema import OF_STEPS
from curate.stage import Global, Stage

DOCS = Path(__file__).resolve().parents[1] / "docs"
NOTE = "<!-- made by scripts/reference.py from the code: change that, not this -->\n"
FROM_HERE = "<!-- made by scripts/reference.py from the code, from here on -->"
GROUPS: dict[str, tuple[tuple[str, ...], str]] = {
    "Cleaning": (("normalize", "refinedweb_lines", "pii"), ""),
    "Filters": (
        (
            *("url_filter", "language", "gopher_repetition", "gopher_quality", "c4", "fineweb_quality"),
            *("code_quality", "badwords", "drop"),
        ),
        "",
    ),
    "Repeats": (
        (
            *("url_dedup", "exact_dedup", "minhash_dedup", "line_dedup", "sentence_dedup"),
            *("minhash_signature", "rehydrate"),
        ),
        "[Near-duplicates: what is found, how fast](../deduplication.md)",
    ),
    "Scores": (
        ("quality", "fasttext_score", "preselect", "toxicity", "tokens", "expression"),
        "[Training scorers](../training.md) · [toxicity](../toxicity.md)",
    ),
    "Choosing and sampling": (("sample", "keep_best", "select", "mixture"), "[Mixtures](../mixtures.md)"),
    "Domains": (("embed", "domain_clusters"), "[From raw text to domains with names](../domains.md)"),
}
"""What stages are about, and where more is said; a stage that is not here is listed under `OTHERS`."""
OTHERS = "Others"
MODELS = {
    "input": Input,
    "output": Output,
    "on_bad_input": BadInputLimits,
    "incremental": Incremental,
    "card": Card,
    "card: sources": DataSource,
}
"""Key of a recipe → what it holds."""
KINDS = {
    "Annotate": "adds columns, drops nothing; looks at one document at a time",
    "Filter": "drops documents; looks at one document at a time",
    "Rewrite": "gives new texts; looks at one document at a time",
    "Edit": "drops documents, adds columns or edits texts; looks at one document at a time",
    "Match": "looks at the whole corpus: documents with the same key belong together",
    "Global": "looks at the whole corpus, and then decides",
}
VALUES = {"int": "NUMBER", "float": "NUMBER", "path": "PATH"}
"""Part of the name of a type of typer's → what stands for a value of it."""
LONGEST = 200  # characters of an example that are shown


def prose(text: str) -> str:
    """A docstring's words as Markdown: outside of code, signs are signs; papers are links."""
    parts = re.split(r"(`[^`]*`)", text)
    for place in range(0, len(parts), 2):
        part = parts[place].replace("\\", "\\\\").replace("*", "\\*").replace("<", "&lt;")
        parts[place] = re.sub(r"arXiv:(\d{4}\.\d{5})", r"[arXiv:\1](https://arxiv.org/abs/\1)", part)
    return "".join(parts)


def paragraphs(text: str) -> Iterator[str]:
    """A docstring's paragraphs; indented ones are pieces of recipes."""
    for block in re.split(r"\n\s*\n", text.strip("\n")):
        if block.startswith(" "):
            code = textwrap.dedent(block).rstrip()
            yield f"```{'yaml' if code.startswith('- ') else 'text'}\n{code}\n```"
        elif block.startswith(("- ", "* ", "1. ")):
            yield prose(block)
        elif block.strip():
            yield prose(" ".join(block.split()))


def written(value: Any) -> str:
    """A value as a recipe would have it."""
    return value if isinstance(value, str) and value else json.dumps(value, ensure_ascii=False, default=str)


def code(text: str) -> str:
    """Text as code within a line, whatever is in it, bars of tables too."""
    ticks = "``" if "`" in text else "`"
    space = " " if "`" in text else ""
    return f"{ticks}{space}{text}{space}{ticks}".replace("|", "\\|")


def shortened(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def thresholds(found: type[Stage]) -> Iterator[str]:
    """The limits that a stage has by default, as rows of a table."""
    try:
        limits = found().thresholds()
    except ValueError:  # it has options that must be given
        return
    if limits:
        yield "## Thresholds"
        yield "What was measured stays in columns, so that `curate tune` can say what other limits would have kept."
        rows = [
            f"| `{one.option}` | `{one.column}` {code(one.drops)} {one.limit:g} | `{one.reason}` |" for one in limits
        ]
        yield "\n".join(["| option | drops a document with | reason |", "|---|---|---|", *rows])


def stage_page(name: str) -> str:
    facts, found = catalog.describe(name), catalog.stage_class(name)
    group = next((title for title, (names, _) in GROUPS.items() if name in names), OTHERS)
    parts = [f"{NOTE}\n# {name}", prose(facts.summary), f"*{facts.kind}*: {KINDS[facts.kind]}."]
    if entries := facts.entries():
        parts.append("\n".join(["```yaml", *entries, "```"]))
    elif not re.search(rf"^ +- {facts.name}\b", facts.help, re.MULTILINE):
        sys.exit(f"{facts.name}: its docstring has no entry of a recipe, and it has options that must be given")
    parts += paragraphs(facts.help)
    if facts.options:
        parts.append("## Options")
    for option in facts.options:
        default = "required" if option.required else f"default {code(written(option.default))}"
        parts += [f"### {option.name}", f"*{option.expects}*; {default}", prose(option.help)]
    parts += thresholds(found)
    columns = [f"* reads {', '.join(f'`{column}`' for column in facts.reads)}"] if facts.reads else []
    columns += [f"* reads the column that `{option.name}` names" for option in facts.options if option.names_a_column]
    columns += [f"* adds `{column}`, {kind}" for column, kind in facts.writes.items()]
    columns += ["* may change the text"] if facts.edits_text else []
    if columns:
        parts += ["## Columns", "\n".join(columns)]
    if facts.reasons:
        parts += [
            "## Reasons",
            f"Documents are dropped as {', '.join(code(f'{name}/{one}') for one in facts.reasons)}.",
        ]
    if facts.examples:
        pairs = [f"{shortened(given)}\n  → {shortened(answer)}" for given, answer in facts.examples.items()]
        parts += ["## Examples", "With default options; the tests run them.", "```text\n" + "\n".join(pairs) + "\n```"]
    more = GROUPS[group][1] if group in GROUPS else ""
    parts.append(f"[All stages](index.md){f' · {more}' if more else ''} · on a terminal: `curate stages {name}`")
    return "\n\n".join(parts) + "\n"


def stages_index() -> str:
    others = tuple(set(catalog.names()).difference(*(names for names, _ in GROUPS.values())))
    parts = [
        f"{NOTE}\n# Stages",
        "Each is one entry of `stages` in a [recipe](../recipe.md), in the order in which they are to happen. Those"
        " marked *corpus* look at all documents before they decide; the plan cuts the work into passes there. On a"
        " terminal: `curate stages`, `curate stages NAME`. [A stage of your own](../own-stage.md) is one more file.",
    ]
    for title, (listed, more) in {**GROUPS, OTHERS: (tuple(sorted(others)), "")}.items():
        names = [name for name in listed if name in catalog.names()]
        if not names:
            continue
        rows = []
        for name in names:
            sees = "corpus" if issubclass(catalog.stage_class(name), Global) else ""
            rows.append(f"| [`{name}`]({name}.md) | {prose(catalog.summary(name))} | {sees} |")
        parts += [f"## {title}", "\n".join(["| | | |", "|---|---|---|", *rows])]
        parts += [more] if more else []
    return "\n\n".join(parts) + "\n"


def recipe_page() -> str:
    """What is written there by hand, and then the keys, from the models."""
    intro = (DOCS / "recipe.md").read_text(encoding="utf-8").partition(FROM_HERE)[0]
    parts = [intro + FROM_HERE]
    for key, model in MODELS.items():
        parts += [f"## {key}", prose((model.__doc__ or "").strip().split("\n")[0]), table_of(model.model_json_schema())]
    parts += ["## workers", table_of({"properties": {"workers": json_schema()["properties"]["workers"]}})]
    parts += [
        "## stages",
        "A list of [stages](stages/index.md), in the order in which they are to happen. An entry takes, beside the"
        " options of its stage:",
        table_of({"properties": OF_STEPS}),
    ]
    return "\n\n".join(parts) + "\n"


def table_of(schema: dict[str, Any]) -> str:
    """A table of the keys of a mapping."""
    lines = ["| key | what it may be | |", "|---|---|---|"]
    for name, given in schema["properties"].items():
        plain = [one for one in given.get("anyOf", ()) if "$ref" not in one or "variable" not in one["$ref"]]
        words = catalog.in_words({**given, "anyOf": plain} if plain else given, schema.get("$defs"))
        default = "; required" if name in schema.get("required", ()) else ""
        if given.get("default") not in (None, "", []):
            default = f"; default {code(written(given['default']))}"
        said = prose(" ".join(given.get("description", "").split()))
        lines.append(f"| `{name}` | {words}{default} | {said} |".replace("\n", " "))
    return "\n".join(lines)


def commands_page() -> str:
    parts = [
        f"{NOTE}\n# Commands",
        "`curate COMMAND --help` says the same.",
        "Exit codes: 0 all well; 1 failed; 2 the recipe or the command line is wrong; 3 done, with something in"
        " quarantine; 4 scores are awaited (`mixture search` with `evaluator: file`); 130 stopped by Ctrl-C.",
    ]
    for path, command in leaves(get_command(app), ()):
        given = [parameter for parameter in command.params if parameter.name != "help"]
        words = [called(one) for one in given if one.param_type_name == "argument"]
        options = ["[OPTIONS]"] if len(given) > len(words) else []
        parts += [f"## curate {' '.join(path)}", prose(" ".join((command.help or "").split()))]
        parts.append(f"```text\n{' '.join(['curate', *path, *words, *options])}\n```")
        if given:
            parts.append("\n".join(["| | |", "|---|---|", *map(parameter_row, given)]))
    return "\n\n".join(parts) + "\n"


def leaves(command: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """The commands beneath a command, with the words that call them."""
    inner = getattr(command, "commands", None)
    if inner is None:
        yield path, command
    for name, one in (inner or {}).items():
        yield from leaves(one, (*path, name))


def parameter_row(parameter: Any) -> str:
    """A row of a table: what it is called, what it does, its default."""
    said = prose(getattr(parameter, "help", "") or "").replace("|", "\\|")
    if parameter.param_type_name == "argument":
        return f"| {code(called(parameter))} | {said} |"
    name = ", ".join([*parameter.opts, *parameter.secondary_opts])
    shown = name if parameter.is_flag else f"{name} {called(parameter)}"
    value = parameter.default
    plain = isinstance(value, int | float | str | Path) and value != "" and not parameter.is_flag
    default = f" Default: {code(str(value))}." if plain and "Default" not in said else ""
    return f"| {code(shown)} | {said}{default}{' *Required.*' if parameter.required else ''} |"


def called(parameter: Any) -> str:
    """What stands for a value, in capitals. Not as typer has it, which changes between its versions."""
    if parameter.metavar:
        return str(parameter.metavar)
    if parameter.param_type_name == "argument":
        return f"{parameter.name.upper()}{'…' if parameter.nargs == -1 else ''}"
    described = getattr(parameter, "type_descriptor", None)  # since typer 0.27 or so
    kind = str(parameter.type if described is None else described.annotation).lower()
    return next((word for known, word in VALUES.items() if known in kind), "TEXT")


def pages() -> dict[Path, str]:
    """Path → what is to be there."""
    made = {DOCS / "stages" / f"{name}.md": stage_page(name) for name in catalog.names()}
    made[DOCS / "stages/index.md"] = stages_index()
    return {**made, DOCS / "recipe.md": recipe_page(), DOCS / "commands.md": commands_page()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    made = pages()
    old = {path: path.read_text(encoding="utf-8") for path in [*DOCS.glob("stages/*.md"), *made] if path.exists()}
    if parser.parse_args().check:
        stale = sorted(path.relative_to(DOCS).as_posix() for path in {*made, *old} if made.get(path) != old.get(path))
        if stale:
            sys.exit(f"docs: not what the code says: {', '.join(stale)}; write them anew: python scripts/reference.py")
        return
    for path in set(old) - set(made):
        path.unlink()
    for path, text in made.items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
