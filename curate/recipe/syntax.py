"""The YAML of recipes as a dialect: its nodes, what is said of text that is no YAML, and how data is written.

It is YAML 1.2 (core schema), so `no`, `on` and `2024-01-31` are strings, and 1e6 is a number. Beyond it, 5% is the
number 0.05, and 1_000_000 is an integer.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import yaml

from curate.errors import RecipeError
from curate.recipe.quantities import PERCENT, percent

_TAG = "tag:yaml.org,2002:"
_STRING = _TAG + "str"
_PLAIN = {
    _TAG + "null": r"~|null|Null|NULL|",
    _TAG + "bool": r"true|True|TRUE|false|False|FALSE",
    _TAG + "int": r"[-+]?[0-9]+|[-+]?[0-9]{1,3}(?:_[0-9]{3})+|0o[0-7]+|0x[0-9a-fA-F]+",
    _TAG
    + "float": r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.nan|\.NaN|\.NAN",
    "tag:curate,percent": PERCENT,
}
"""What an unquoted value may be if not a string; the first that fits counts."""

_AMBIGUOUS = r"(?i:y|n|yes|no|on|off)|[0-9]{4}-[0-9]{2}-[0-9]{2}.*"
"""Strings that other readers, of YAML 1.1, take for something else; written in quotes."""

_LINE_ENDS = re.compile("[\n\r\x85\u2028\u2029\ufeff]")
_WHOLE_VARIABLE = re.compile(r"(?<!\$)\$\{[A-Za-z_][A-Za-z0-9_]*(?::-[^{}\n]*)?\}")
_HIDDEN = str.maketrans({mark: chr(0x10FFF0 + n) for n, mark in enumerate("{}[],:#&*!")})
"""Marks with a meaning in YAML → private code points, inside of variables: else {path: ${OUT}} would not be YAML."""
_PLAIN_AGAIN = {ord(stand_in): mark for mark, stand_in in _HIDDEN.items()}
_HIDDEN_VARIABLE = re.compile("[$]" + "{X}".translate(_HIDDEN).replace("X", ".*?"))

_CONTEXTS = {
    "while parsing a flow sequence": "in the list [ ]",
    "while parsing a flow mapping": "in the mapping { }",
    "while parsing a block mapping": "in the mapping",
    "while parsing a block collection": "in the list",
    "while scanning a quoted scalar": "in the quoted string",
}


class _Reader(yaml.SafeLoader):
    yaml_implicit_resolvers = {}


class _Writer(yaml.SafeDumper):
    yaml_implicit_resolvers = {}

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _string(writer: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    """Line ends of all kinds as escapes: in a plain or single-quoted string, readers fold them."""
    return writer.represent_scalar(_STRING, text, style='"' if _LINE_ENDS.search(text) else None)


_Writer.add_representer(str, _string)
for _tag, _pattern in _PLAIN.items():
    for _end in (_Reader, _Writer):
        _end.add_implicit_resolver(_tag, re.compile(rf"(?:{_pattern})\Z"), None)
_Writer.add_implicit_resolver("tag:curate,ambiguous", re.compile(rf"(?:{_AMBIGUOUS})\Z"), None)


def compose(text: str, source: str) -> yaml.Node | None:
    """The nodes of a text, None if it is empty. Raises RecipeError with the line of what is not YAML."""
    hidden = _WHOLE_VARIABLE.sub(lambda found: found[0].translate(_HIDDEN), text)
    try:
        root: yaml.Node | None = yaml.compose(hidden, _Reader)
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        what = f"the character {chr(error.character)!r} is not allowed in YAML"
        raise RecipeError(f"{source}:{line}: {what}; in double quotes it can be written as an escape") from error
    except RecursionError:
        raise RecipeError(f"{source}: this is nested too deeply for a recipe") from None
    except yaml.MarkedYAMLError as error:
        raise RecipeError(_not_yaml(error, text, source)) from error
    return root


def text_of(node: yaml.ScalarNode) -> str:
    """The text of a value or key, without its quotes."""
    text: str = node.value
    return _HIDDEN_VARIABLE.sub(lambda found: found[0].translate(_PLAIN_AGAIN), text)


def convert(text: str, tag: str | None) -> Any:
    """The value of a text; tag None: of an unquoted one. Raises ValueError, in words, if the tag does not fit."""
    if tag is None:
        tag = next((tag for tag, pattern in _PLAIN.items() if re.fullmatch(pattern, text)), _STRING)
    if tag == _STRING:
        return text
    if tag not in _PLAIN:
        raise ValueError(f"recipes have no tags such as {tag}; leave it out")
    if not re.fullmatch(_PLAIN[tag], text):
        raise ValueError(f"'{text}' is no {tag.rpartition(':')[2]}")
    match tag.rpartition(":")[2]:
        case "null":
            return None
        case "bool":
            return text.lower() == "true"
        case "int":
            return int(text, 0) if text[:2] in ("0o", "0x") else int(text)
        case "float":
            return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))
        case _:
            return percent(text)


def _not_yaml(error: yaml.MarkedYAMLError, text: str, source: str) -> str:
    mark = error.problem_mark or error.context_mark
    line = mark.line if mark else 0
    shown = "".join(text.split("\n")[line : line + 1])
    place = f"{source}:{line + 1}"
    if "\t" in shown[: len(shown) - len(shown.lstrip())] or "'\\t'" in (error.problem or ""):
        return f"{place}: there is a tab; YAML indents with spaces, so replace it by two or four of them"
    if error.context and error.context.startswith("expected a single document"):
        return f"{place}: a second document begins here, but a recipe is one; remove the line ---"
    began = error.context_mark.line + 1 if error.context_mark and error.context_mark.line != line else None
    context = f" ({_CONTEXTS.get(error.context, error.context)}, from line {began})" if error.context and began else ""
    return f"{place}: this is not YAML: {error.problem}{context}{_colon_hint(shown, error.problem)}"


def _colon_hint(shown: str, problem: str | None) -> str:
    """The slips that YAML's own words do not explain."""
    if problem and "mapping values are not allowed" in problem:
        return "; is it indented too far, does a value with ': ' lack quotes, or the colon in the line above a space?"
    if problem and "could not find expected ':'" in problem and re.fullmatch(r"\s*[\w.-]+:\S.*", shown):
        return "; is a space missing after the colon?"
    if problem and "cannot start any token" in problem:
        return "; put the value in quotes"
    return ""


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
