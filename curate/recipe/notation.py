"""The YAML of recipes: read with the line of every value, variables filled in; and written.

It is YAML 1.2 (core schema), so `no`, `on` and `2024-01-31` are strings, and 1e6 is a number. Beyond it, 5% is the
number 0.05, 1_000_000 is an integer, and `${NAME}` or `${NAME:-default}` in a value is a variable of the environment;
`$${` is a plain `${`. A key may not be given twice.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from curate.errors import RecipeError
from curate.recipe.quantities import PERCENT, percent

Path = tuple[str | int, ...]
"""Keys and list indices (from 0) from the top of a recipe to a value."""

_TAG = "tag:yaml.org,2002:"
_PERCENT = "tag:curate,percent"
_PLAIN = {
    _TAG + "null": r"~|null|Null|NULL|",
    _TAG + "bool": r"true|True|TRUE|false|False|FALSE",
    _TAG + "int": r"[-+]?[0-9]+|[-+]?[0-9]{1,3}(?:_[0-9]{3})+|0o[0-7]+|0x[0-9a-fA-F]+",
    _TAG
    + "float": r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.nan|\.NaN|\.NAN",
    _PERCENT: PERCENT,
}
"""What an unquoted value may be if not a string; the first that fits counts."""

_AMBIGUOUS = r"(?i:y|n|yes|no|on|off)|[0-9]{4}-[0-9]{2}-[0-9]{2}.*"
"""Strings that other readers, of YAML 1.1, take for something else; written in quotes."""

_CONTEXTS = {
    "while parsing a flow sequence": "in the list [ ]",
    "while parsing a flow mapping": "in the mapping { }",
    "while parsing a block mapping": "in the mapping",
    "while parsing a block collection": "in the list",
    "while scanning a quoted scalar": "in the quoted string",
}

_VARIABLE = re.compile(r"\$\$\{|\$\{([^}]*)(\}?)")
_WHOLE_VARIABLE = re.compile(r"\$\{[^{}\n]*\}")
_SPECIAL = str.maketrans({mark: chr(0x10FFF0 + n) for n, mark in enumerate("{}[],:#&*!")})
"""Marks that mean something in YAML → code points for private use, inside of variables, so that {path: ${OUT}} is YAML."""
_PLAIN_AGAIN = {ord(stand_in): mark for mark, stand_in in _SPECIAL.items()}
_NAME = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?", re.DOTALL)
_SHOWN = 60  # characters of a value that a message shows


class _Reader(yaml.SafeLoader):
    yaml_implicit_resolvers = {}


class _Writer(yaml.SafeDumper):
    yaml_implicit_resolvers = {}

    def ignore_aliases(self, data: Any) -> bool:
        return True


for _tag, _pattern in _PLAIN.items():
    for _end in (_Reader, _Writer):
        _end.add_implicit_resolver(_tag, re.compile(rf"(?:{_pattern})\Z"), None)
_Writer.add_implicit_resolver("tag:curate,ambiguous", re.compile(rf"(?:{_AMBIGUOUS})\Z"), None)


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
        return self.source

    def shown(self, path: Path, value: Any) -> str:
        """A value for a message: as it was written, if it is no list or mapping."""
        text = self.written[path] if path in self.written else inline(value)
        return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"


def read(text: str, source: str, env: Mapping[str, str]) -> Document:
    """YAML → data with lines. Raises RecipeError with all keys given twice and all variables that are not set."""
    root = _composed(text, source)
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
        node = yaml.compose(text, _Reader)
    except yaml.YAMLError as error:
        raise ValueError(f"its value is not YAML: {getattr(error, 'problem', error)}") from error
    if node is None:
        return None
    taken = _Taken(Document("", None), None)
    value = taken.value(node, ())
    if taken.problems:
        raise ValueError(taken.problems[0].partition(": ")[2])
    return value


def write(data: Any) -> str:
    """Data → YAML that reads back as the same data, whatever the environment is."""
    return _emitted(_escaped(data), default_flow_style=None)


def inline(value: Any) -> str:
    """A value on one line, as it could be written in a recipe."""
    return _emitted(value, default_flow_style=True).removesuffix("\n").removesuffix("\n...")


def _emitted(data: Any, *, default_flow_style: bool | None) -> str:
    text: str = yaml.dump(
        data,
        Dumper=_Writer,
        default_flow_style=default_flow_style,
        sort_keys=False,
        allow_unicode=True,
        width=2**20 if default_flow_style else 100,
    )
    return text


def _escaped(data: Any) -> Any:
    if isinstance(data, Mapping):
        return {key: _escaped(value) for key, value in data.items()}
    if isinstance(data, str):
        return data.replace("${", "$${")
    return [_escaped(value) for value in data] if isinstance(data, Iterable) else data


def _composed(text: str, source: str) -> yaml.Node | None:
    """The node tree. Raises RecipeError with the line of what is not YAML."""
    hidden = _WHOLE_VARIABLE.sub(lambda found: found[0].translate(_SPECIAL), text)
    try:
        node: yaml.Node | None = yaml.compose(hidden, _Reader)
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        what = f"the character {chr(error.character)!r} is not allowed in YAML"
        raise RecipeError(f"{source}:{line}: {what}; in double quotes it can be written as an escape") from error
    except yaml.MarkedYAMLError as error:
        raise RecipeError(_not_yaml(error, text, source)) from error
    return node


def _not_yaml(error: yaml.MarkedYAMLError, text: str, source: str) -> str:
    mark = error.problem_mark or error.context_mark
    line = mark.line if mark else 0
    shown = [*text.split("\n"), ""][line]
    place = f"{source}:{line + 1}"
    if "\t" in shown[: len(shown) - len(shown.lstrip())] or "'\\t'" in (error.problem or ""):
        return f"{place}: there is a tab; YAML indents with spaces, so replace it by two or four of them"
    if error.context and error.context.startswith("expected a single document"):
        return f"{place}: a second document begins here, but a recipe is one; remove the line ---"
    began = error.context_mark.line + 1 if error.context_mark and error.context_mark.line != line else None
    context = f" ({_CONTEXTS.get(error.context, error.context)}, from line {began})" if error.context and began else ""
    return f"{place}: this is not YAML: {error.problem}{context}{_colon_hint(shown, error.problem)}"


def _colon_hint(shown: str, problem: str | None) -> str:
    """The two slips that YAML's own words do not explain."""
    if problem and "mapping values are not allowed" in problem:
        return "; does a value with ': ' in it lack quotes, is the line indented too far, or the colon above without a space?"
    if problem and "could not find expected ':'" in problem and re.fullmatch(r"\s*[\w.-]+:\S.*", shown):
        return "; is a space missing after the colon?"
    return ""


class _Taken:
    """Takes data out of a tree of nodes, and notes where each value was."""

    def __init__(self, document: Document, env: Mapping[str, str] | None) -> None:
        self.document, self.env = document, env
        self.problems: list[str] = []
        self.open: list[yaml.Node] = []

    def value(self, node: yaml.Node, path: Path) -> Any:
        self.document.lines.setdefault(path, node.start_mark.line + 1)
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, path)
        if node in self.open:
            self._problem(node, "the alias stands for something that it is part of itself")
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
            key, line = key_node.value.translate(_PLAIN_AGAIN), key_node.start_mark.line + 1
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
        text, tag = node.value.translate(_PLAIN_AGAIN), node.tag
        quoted = node.style is not None
        self.document.written[path] = f'"{text}"' if quoted else text
        if self.env is not None and "${" in text:
            text = self._filled(text, node, self.env)
            if not quoted:
                tag = _Reader("").resolve(yaml.ScalarNode, text, (True, False))
            self.document.written[path] = text
        if tag == _TAG + "str":
            return text
        if tag not in _PLAIN:
            self._problem(node, f"recipes have no tags such as {tag}; leave it out")
            return None
        try:
            return _converted(text, tag)
        except ValueError:
            self._problem(node, f"'{text}' is no {tag.rpartition(':')[2]}")
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


def _converted(text: str, tag: str) -> Any:
    """A value that is no string. Raises ValueError if an explicit tag promised what the text is not."""
    if not re.fullmatch(_PLAIN[tag], text):
        raise ValueError(text)
    match tag.rpartition(":")[2]:
        case "null":
            return None
        case "bool":
            return text.lower() == "true"
        case "int":
            return int(text, 0) if text[:2] in ("0o", "0x") else int(text)
        case "curate,percent":
            return percent(text)
        case _:
            return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))
