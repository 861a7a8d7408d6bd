"""YAML with line numbers: every value of a recipe knows where it stands, so that every error can say so."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml

from curate.errors import RecipeError

Path = tuple[str | int, ...]
VARIABLE = re.compile(r"\$\$\{|\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}")


@dataclass
class Tree:
    """A parsed document: plain values, and the line (from 1) of each."""

    value: Any
    lines: dict[Path, int] = field(default_factory=dict)

    def line(self, path: Path) -> int | None:
        """The line of a value, or of the nearest thing around it."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path)


def parse(text: str, source: str, env: Mapping[str, str]) -> Tree:
    """Parse a recipe, with `${NAME}` and `${NAME:-default}` filled in from `env` (`$${` is a plain `${`).

    Raises RecipeError with file and line: bad YAML, a key that is there twice, a variable that is not set.
    """
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"{source}:{mark.line + 1}" if mark else source
        hint = "; indent with spaces, not tabs" if "\\t" in str(error.problem) else ""
        raise RecipeError(f"{place}: this is not YAML: {error.problem or error.context}{hint}") from None
    except yaml.YAMLError as error:
        raise RecipeError(f"{source}: this is not YAML: {error}") from None
    tree = Tree(None)
    if node is not None:
        tree.value = _Reader(source, env, tree).read(node, ())
    return tree


class _Reader:
    def __init__(self, source: str, env: Mapping[str, str], tree: Tree) -> None:
        self.source, self.env, self.tree = source, env, tree
        self.loader = yaml.SafeLoader("")

    def read(self, node: yaml.Node, path: Path) -> Any:
        self.tree.lines[path] = node.start_mark.line + 1
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self.read(child, (*path, number)) for number, child in enumerate(node.value)]
        return self._scalar(node)

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict[Any, Any]:
        found: dict[Any, Any] = {}
        for key_node, child in node.value:
            key = self._scalar(key_node) if isinstance(key_node, yaml.ScalarNode) else None
            place = f"{self.source}:{key_node.start_mark.line + 1}"
            if not isinstance(key, str):
                key = str(key_node.value)
            if key in found:
                raise RecipeError(f"{place}: '{key}' is there twice; the first time in line {self.tree.lines[(*path, key)]}")
            found[key] = self.read(child, (*path, key))
            self.tree.lines[(*path, key)] = key_node.start_mark.line + 1
        return found

    def _scalar(self, node: Any) -> Any:
        text = self._fill(node)
        if text == node.value:
            return self.loader.construct_object(node)
        tag = node.tag if node.style else self.loader.resolve(yaml.ScalarNode, text, (True, False))
        return self.loader.construct_object(yaml.ScalarNode(tag, text, node.start_mark, node.end_mark, node.style))

    def _fill(self, node: Any) -> str:
        def one(match: re.Match[str]) -> str:
            name, default = match.groups()
            if name is None:
                return "${"
            value = self.env.get(name) or default
            if value is None:
                raise RecipeError(
                    f"{self.source}:{node.start_mark.line + 1}: the environment variable {name} is not set;"
                    f" set it, or give a default: ${{{name}:-value}}"
                )
            return value

        return VARIABLE.sub(one, str(node.value))


def override(tree: Tree, assignments: Sequence[str]) -> None:
    """Carry out `path.to.option=value` on a tree; a stage is named by its place (from 1), its `as` or its name."""
    for text in assignments:
        path, sign, raw = text.partition("=")
        if not sign or not path.strip("."):
            raise RecipeError(f"--set {text}: expected path.to.option=value, such as output.path=out2")
        try:
            value = yaml.safe_load(raw) if raw else None
        except yaml.YAMLError:
            value = raw
        _assign(tree, path.split("."), value, text)


def _assign(tree: Tree, parts: list[str], value: Any, text: str) -> None:
    if not isinstance(tree.value, dict):
        return
    if parts[0] == "stages" and len(parts) > 1:
        _assign_stage(tree.value.get("stages"), parts[1:], value, text)
        return
    at = tree.value
    if parts[0] in ("input", "output") and len(parts) > 1 and not isinstance(at.get(parts[0]), dict):
        at[parts[0]] = {"paths" if parts[0] == "input" else "path": at[parts[0]]} if parts[0] in at else {}
    for part in parts[:-1]:
        at = at.setdefault(part, {})
        if not isinstance(at, dict):
            raise RecipeError(f"--set {text}: '{part}' has no options")
    at[parts[-1]] = value


def _assign_stage(steps: Any, parts: list[str], value: Any, text: str) -> None:
    found = steps if isinstance(steps, list) else []
    known = []
    for number, item in enumerate(found):
        name, options = next(iter(item.items())) if isinstance(item, dict) and item else (item, None)
        label = (options or {}).get("as", name) if isinstance(options, dict) or options is None else name
        stem = str(name).rsplit("/", 1)[-1].removesuffix(".py")
        known.append(str(label))
        if parts[0] in (str(number + 1), label, name, stem):
            if len(parts) != 2:
                raise RecipeError(f"--set {text}: expected stages.{parts[0]}.option=value")
            found[number] = {name: {**(options or {}), parts[1]: value}}
            return
    raise RecipeError(f"--set {text}: there is no stage '{parts[0]}'; there are: {', '.join(known)}, or 1 to {len(known)}")
