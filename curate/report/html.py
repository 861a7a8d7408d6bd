"""HTML as a tree, so that text is escaped because there is no other way to put it in."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias
from xml.etree.ElementTree import Element, tostring

from curate.report.escapes import visible

Node: TypeAlias = "str | Element | Iterable[Node] | None"


def tag(name: str, /, *inside: Node, **attributes: str | int | None) -> Element:
    """An element. `class_` is the attribute class, `aria_label` aria-label; an attribute that is None is left out."""
    names = {key: key.rstrip("_").replace("_", "-") for key in attributes}
    made = Element(name, {names[key]: visible(str(value)) for key, value in attributes.items() if value is not None})
    _fill(made, inside)
    return made


def raw(name: str, content: str, /, **attributes: str) -> Element:
    """A `style` or `script` of our own. Raises ValueError if it would end before its end."""
    if "</" in content or "<!--" in content:
        raise ValueError(f"the content of <{name}> has </ or <!-- in it")
    made = Element(name, {key.rstrip("_").replace("_", "-"): value for key, value in attributes.items()})
    made.text = content
    return made


def page(root: Element) -> str:
    """The document, UTF-8 to be."""
    return "<!doctype html>\n" + tostring(root, encoding="unicode", method="html") + "\n"


def _fill(into: Element, nodes: Iterable[Node]) -> None:
    for node in nodes:
        if node is None:
            continue
        if isinstance(node, str):
            _add_text(into, visible(node))
        elif isinstance(node, Element):
            into.append(node)
        else:
            _fill(into, node)


def _add_text(into: Element, text: str) -> None:
    if len(into):
        into[-1].tail = (into[-1].tail or "") + text
    else:
        into.text = (into.text or "") + text
