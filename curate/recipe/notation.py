"""A recipe's text → data, with the line of every value, and with its variables filled in.

`${NAME}` and `${NAME:-default}` in a value are variables of the environment; `$${` is a plain `${`. A key may not be
given twice.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from curate.errors import RecipeError
from curate.recipe.syntax import compose, convert, inline, text_of

Path = tuple[str | int, ...]
"""Keys and list indices (from 0) from the top of a recipe to a value."""

_VARIABLE = re.compile(r"\$\$\{|\$\{([^}]*)(\}?)")
_NAME = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?", re.DOTALL)
_MOST_VALUES = 100_000  # of a recipe; more can only come of aliases for aliases, which double and double
_DEEPEST = 50  # lists and mappings within each other; a recipe has five
_SECRET = frozenset(("KEY", "TOKEN", "SECRET", "PASSWORD", "PASSWD", "PASSPHRASE", "CREDENTIAL", "CREDENTIALS"))
"""Words in the names of variables of the environment that a recipe may not ask for."""
_SHOWN = 60  # characters of a value that a message shows


@dataclass
class Document:
    """Data, and where each part of it was said."""

    source: str
    """As in messages: the file's name."""
    data: Any
    lines: dict[Path, int] = field(default_factory=dict)
    written: dict[Path, str] = field(default_factory=dict)
    """Values that are no lists or mappings, as they were written."""
    overridden: dict[Path, str] = field(default_factory=dict)
    """What `--set` has changed, and its text."""

    def line(self, path: Path) -> int | None:
        """The line of a value, or of what it is in."""
        return next((self.lines[path[:n]] for n in range(len(path), 0, -1) if path[:n] in self.lines), None)

    def where(self, path: Path) -> str:
        """`recipes/web.yaml:4`, or `--set workers=x` if that is where a value comes from."""
        for n in range(len(path), 0, -1):
            if path[:n] in self.overridden:
                return f"--set {self.overridden[path[:n]]}"
            if path[:n] in self.lines:
                return f"{self.source}:{self.lines[path[:n]]}"
            beneath = [text for at, text in self.overridden.items() if at[:n] == path[:n]]
            if beneath:  # a part of the recipe that `--set` has made
                return f"--set {beneath[0]}"
        return self.source

    def shown(self, path: Path, value: Any) -> str:
        """A value for a message: as it was written, if it is no list or mapping."""
        text = self.written[path] if path in self.written else inline(value)
        return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"


def read(text: str, source: str, env: Mapping[str, str]) -> Document:
    """YAML → data with lines. Raises RecipeError with all keys given twice and all variables that are not set."""
    root = compose(text, source)
    if root is None:
        raise RecipeError(f"{source}: the recipe is empty; it needs input, output and stages: curate init writes one")
    taken = _Taken(Document(source, None), env)
    taken.document.data = taken.value(root, ())
    if taken.problems:
        raise RecipeError("\n".join(taken.problems))
    return taken.document


def read_value(text: str) -> Any:
    """One value as it would be written in a recipe; variables are the shell's business here. Raises ValueError."""
    try:
        node = compose(text, "")
    except RecipeError as error:
        raise ValueError(str(error).partition(": ")[2]) from error
    if node is None:
        return None
    taken = _Taken(Document("", None), None)
    value = taken.value(node, ())
    if taken.problems:
        raise ValueError(taken.problems[0].partition(": ")[2])
    return value


class _Taken:
    """Takes data out of a tree of nodes, and notes where each value was."""

    def __init__(self, document: Document, env: Mapping[str, str] | None) -> None:
        self.document, self.env = document, env
        self.problems: list[str] = []
        self.values = 0
        self.open: list[yaml.Node] = []

    def value(self, node: yaml.Node, path: Path) -> Any:
        self.document.lines.setdefault(path, node.start_mark.line + 1)
        self.values += 1
        if self.values > _MOST_VALUES or len(path) > _DEEPEST:
            what = "has too many values" if self.values > _MOST_VALUES else "is nested too deeply"
            raise RecipeError(f"{self.document.source}:{node.start_mark.line + 1}: this {what} for a recipe")
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, path)
        if node in self.open:
            self._problem(node, "the alias stands for something that it is part of itself")
            return None
        if node.tag not in (
            yaml.resolver.BaseResolver.DEFAULT_SEQUENCE_TAG,
            yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG,
        ):
            self._problem(node, f"recipes have no tags such as {node.tag}; leave it out")
            return None
        self.open.append(node)
        data: Any
        if isinstance(node, yaml.SequenceNode):
            data = [self.value(item, (*path, index)) for index, item in enumerate(node.value)]
        else:
            data = self._mapping(node, path)
        self.open.pop()
        return data

    def _mapping(self, node: yaml.Node, path: Path) -> dict[str, Any]:
        data: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                self._problem(key_node, "a key must be a plain name")
                continue
            key, line = text_of(key_node), key_node.start_mark.line + 1
            if key in data:
                first = self.document.lines[(*path, key)]
                within = f"{_dotted(path)}: " if path else ""
                self._problem(
                    key_node, f"{within}the key '{key}' is given twice, first in line {first}; remove one of them"
                )
                continue
            self.document.lines[(*path, key)] = line
            data[key] = self.value(value_node, (*path, key))
        return data

    def _scalar(self, node: yaml.ScalarNode, path: Path) -> Any:
        text, quoted = text_of(node), node.style is not None
        if self.env is not None and "${" in text:
            text = self._filled(text, node, self.env)
            tag = node.tag if quoted else None
        else:
            tag = node.tag
        self.document.written[path] = f'"{text}"' if quoted else text
        try:
            return convert(text, tag)
        except ValueError as error:
            self._problem(node, str(error))
            return None

    def _filled(self, text: str, node: yaml.ScalarNode, env: Mapping[str, str]) -> str:
        """The text with its variables replaced."""

        def one(found: re.Match[str]) -> str:
            if found[0] == "$${":
                return "${"
            named = _NAME.fullmatch(found[1]) if found[2] else None
            if named is None:
                self._problem(
                    node, f"{found[0]} is no variable; write ${{NAME}} or ${{NAME:-default}}, or $${{ for a plain ${{"
                )
                return ""
            name, default = named[1], named[2]
            if _SECRET & set(name.upper().split("_")):
                what = "values of recipes stand in manifests, reports and cards, and no option takes a secret"
                self._problem(node, f"the variable {name} is not looked at, by its name it is secret: {what}")
                return ""
            if env.get(name) or (name in env and default is None):  # as in the shell, :- is for empty ones too
                return env[name]
            if default is None:
                self._problem(node, f"the variable {name} is not set; set it, or give a default: ${{{name}:-default}}")
                return ""
            return default

        return _VARIABLE.sub(one, text)

    def _problem(self, node: yaml.Node, what: str) -> None:
        self.problems.append(f"{self.document.source}:{node.start_mark.line + 1}: {what}")


def _dotted(path: Path) -> str:
    """stages, 0, language → stages.1.language: lists are counted from 1."""
    return ".".join(str(part + 1) if isinstance(part, int) else part for part in path)
