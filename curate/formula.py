"""Arithmetic over columns that a recipe may hold: read with Python's parser, never run as Python.

A formula is a tree of the operations in `OPERATIONS`, each written twice: for one row in plain Python, which is the
specification, and for columns in polars. Every number is a float64. A value is missing where a column is null or no
finite number; what is computed of a missing value is missing, and so is every result that is no finite number (a
division by zero, the logarithm of 0, an overflow). Exceptions: `coalesce`, which is for that; `where`, which looks at
the branch taken alone; and `and` and `or`, where the other side may settle it.
"""

from __future__ import annotations

import ast
import math
import operator
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import reduce
from typing import Any, Literal

import polars as pl

Kind = Literal["number", "truth", "text"]
Plain = Callable[..., Any]
DEEPEST, LONGEST = 100, 4000  # nested operations; characters. Far above any need, far below what exhausts a stack


def _all_there(compute: Plain) -> Plain:
    """The function, missing where an argument is, or where its result is no finite number."""

    def of(*values: Any) -> Any:
        if any(value is None for value in values):
            return None
        try:
            result = compute(*values)
        except (ArithmeticError, ValueError):
            return None
        return result if isinstance(result, bool) or (isinstance(result, float) and math.isfinite(result)) else None

    return of


def _finite(compute: Callable[..., pl.Expr]) -> Callable[..., pl.Expr]:
    """Likewise for columns; polars' operators pass on what is missing."""

    def of(*values: pl.Expr) -> pl.Expr:
        result = compute(*values)
        return pl.when(result.is_finite()).then(result)

    return of


def _extreme(choose: Callable[..., pl.Expr]) -> Callable[..., pl.Expr]:
    """Least or greatest: polars' own pass over what is missing."""
    return lambda *values: pl.when(pl.all_horizontal(value.is_not_null() for value in values)).then(choose(*values))


def _clip(value: Any, low: Any, high: Any) -> Any:
    return min(max(value, low), high)


_least, _most = _extreme(pl.min_horizontal), _extreme(pl.max_horizontal)


@dataclass(frozen=True)
class Operation:
    """What a formula can do."""

    plain: Plain
    columns: Callable[..., pl.Expr]
    takes: tuple[Kind, ...] = ("number",)
    """Kinds of the arguments; the last one repeats."""
    least: int = 1
    most: int = 1
    """Number of arguments."""
    gives: Kind = "number"


def _arithmetic(compute: Plain) -> Operation:
    return Operation(_all_there(compute), _finite(compute), least=2, most=2)


def _function(plain: Plain, columns: Callable[[pl.Expr], pl.Expr]) -> Operation:
    return Operation(_all_there(plain), _finite(columns))


def _compares(compare: Plain, kind: Kind = "number") -> Operation:
    return Operation(_all_there(compare), compare, (kind,), 2, 2, "truth")


MANY = 50  # arguments, and parts side by side
OPERATIONS = {
    "+": _arithmetic(operator.add),
    "-": _arithmetic(operator.sub),
    "*": _arithmetic(operator.mul),
    "/": _arithmetic(operator.truediv),
    "**": _arithmetic(operator.pow),
    "negative": _function(operator.neg, operator.neg),
    "abs": _function(abs, pl.Expr.abs),
    "sqrt": _function(math.sqrt, pl.Expr.sqrt),
    "exp": _function(math.exp, pl.Expr.exp),
    "log": _function(math.log, pl.Expr.log),
    "log10": _function(math.log10, pl.Expr.log10),
    "min": Operation(_all_there(min), _least, least=2, most=MANY),
    "max": Operation(_all_there(max), _most, least=2, most=MANY),
    "clip": Operation(_all_there(_clip), lambda x, low, high: _least(_most(x, low), high), least=3, most=3),
    "where": Operation(
        lambda test, yes, no: None if test is None else yes if test else no,
        lambda test, yes, no: pl.when(test).then(yes).when(~test).then(no),
        ("truth", "number"),
        3,
        3,
    ),
    "coalesce": Operation(
        lambda *values: next((value for value in values if value is not None), None), pl.coalesce, least=2, most=MANY
    ),
    "<": _compares(operator.lt),
    "<=": _compares(operator.le),
    ">": _compares(operator.gt),
    ">=": _compares(operator.ge),
    "==": _compares(operator.eq),
    "!=": _compares(operator.ne),
    "text ==": _compares(operator.eq, "text"),
    "text !=": _compares(operator.ne, "text"),
    "and": Operation(
        lambda *tests: False if False in tests else None if None in tests else True,
        lambda *tests: reduce(operator.and_, tests),
        ("truth",),
        2,
        MANY,
        "truth",
    ),
    "or": Operation(
        lambda *tests: True if True in tests else None if None in tests else False,
        lambda *tests: reduce(operator.or_, tests),
        ("truth",),
        2,
        MANY,
        "truth",
    ),
    "not": Operation(_all_there(operator.not_), operator.invert, ("truth",), 1, 1, "truth"),
    "as number": Operation(_all_there(float), lambda test: test.cast(pl.Float64), ("truth",)),
    "as truth": Operation(_all_there(bool), lambda value: value != 0, gives="truth"),
}
FUNCTIONS = [name for name in OPERATIONS if name.isidentifier() and name not in ("negative", "and", "or", "not")]
_CALLS = ", ".join(f"{name}()" for name in FUNCTIONS)
_ALL = f"+ - * / **, comparisons, and, or, not, {_CALLS}"
_BINARY = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.Pow: "**"}
_COMPARISONS = {ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!="}


@dataclass(frozen=True)
class Node:
    """A constant, a column, or an operation on other nodes."""

    kind: Kind
    constant: float | str | None = None
    column: str | None = None
    operation: str | None = None
    of: tuple[Node, ...] = ()
    at: int = 0
    """Character of the formula at which it begins, from 1."""

    def value(self, row: Mapping[str, Any]) -> Any:
        """The specification: its value for a row; None where it is missing."""
        if self.operation is not None:
            return OPERATIONS[self.operation].plain(*(node.value(row) for node in self.of))
        if self.column is None:
            return self.constant
        given = row[self.column]
        if given is None or self.kind == "text":
            return given
        return float(given) if math.isfinite(given) else None

    def over(self, columns: Mapping[str, pl.Series], rows: int) -> pl.Series:
        """Its values for so many rows, null where they are missing.

        One operation after the other: in a single polars expression each would stand twice, once in the question
        whether it is finite, and their number would double with every level.
        """
        if self.operation is not None:
            parts = {f"{k}": node.over(columns, rows) for k, node in enumerate(self.of)}
            expression = OPERATIONS[self.operation].columns(*map(pl.col, parts))
            return pl.DataFrame(parts).select(expression.alias("value"))["value"]
        if self.column is None:
            return pl.repeat(self.constant, rows, dtype=pl.String if self.kind == "text" else pl.Float64, eager=True)
        if self.kind == "text":
            return columns[self.column].cast(pl.String)
        values = columns[self.column].cast(pl.Float64)
        return values.set(~values.is_finite(), None)

    def columns(self) -> Iterator[Node]:
        """The columns that it names, in order."""
        if self.column is not None:
            yield self
        for node in self.of:
            yield from node.columns()


def parse(text: str) -> Node:
    """The formula that a text is. Raises ValueError that says at which character what is wrong."""
    if len(text) > LONGEST:
        raise ValueError(f"it has {len(text)} characters; a formula has at most {LONGEST}")
    line = " ".join(text.splitlines())
    blank = len(line) - len(line.lstrip())
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)
            tree = ast.parse(line.strip(), mode="eval")
    except (SyntaxError, ValueError) as error:  # NUL is a ValueError
        at = blank + (getattr(error, "offset", None) or 1)
        raise ValueError(f"at character {at}: this is no formula: {getattr(error, 'msg', error)}") from None
    except (RecursionError, MemoryError):
        raise ValueError("its parts are nested too deeply") from None
    node = _Reader(line.strip(), blank).node(tree.body)
    if node.kind == "text":
        raise ValueError("it is a text; a formula gives a number, or true and false")
    if not list(node.columns()):
        raise ValueError("it names no column")
    return node


@dataclass
class _Reader:
    """Turns Python's tree into ours, and refuses all that is not arithmetic."""

    line: str
    blank: int
    """Characters before it that were blank."""
    depth: int = 0

    def at(self, part: ast.AST) -> int:
        """The character, from 1, at which a part begins; Python counts bytes, from 0."""
        return self.blank + len(self.line.encode()[: getattr(part, "col_offset", 0)].decode()) + 1

    def refuse(self, part: ast.AST, why: str) -> ValueError:
        return ValueError(f"at character {self.at(part)}: {why}")

    def node(self, part: ast.expr, wanted: Kind | None = None) -> Node:
        """A part of the formula, of a kind."""
        self.depth += 1
        if self.depth > DEEPEST:
            raise self.refuse(part, "its parts are nested too deeply")
        made = self._made(part, wanted)
        self.depth -= 1
        if wanted is None or made.kind == wanted:
            return made
        if "text" in (made.kind, wanted):
            raise self.refuse(part, f"a {made.kind} stands where a {wanted} is wanted")
        return self._apply(f"as {wanted}", (made,), part)

    def _made(self, part: ast.expr, wanted: Kind | None) -> Node:
        match part:
            case ast.Constant(value=bool() | None as other):
                raise self.refuse(part, f"{other} is no number")
            case ast.Constant(value=int() | float() as number):
                return Node("number", self._number(part, number), at=self.at(part))
            case ast.Constant(value=str() as text):
                return Node("text", text, at=self.at(part))
            case ast.Name() | ast.Attribute():
                return self._column(part, self._dotted(part), wanted)
            case ast.UnaryOp(op=ast.UAdd(), operand=operand):
                return self.node(operand, "number")
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return self._apply("negative", (self.node(operand, "number"),), part)
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return self._apply("not", (self.node(operand, "truth"),), part)
            case ast.BinOp(left=left, op=op, right=right) if type(op) in _BINARY:
                return self._apply(_BINARY[type(op)], (self.node(left, "number"), self.node(right, "number")), part)
            case ast.BoolOp(op=op, values=values):
                tests = tuple(self.node(value, "truth") for value in values)
                return self._apply("and" if isinstance(op, ast.And) else "or", tests, part)
            case ast.Compare(left=left, ops=ops, comparators=others):
                return self._comparison(part, [left, *others], ops)
            case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]):
                return self._call(part, name, arguments, wanted)
        what = ast.get_source_segment(self.line, part) or type(part).__name__
        raise self.refuse(part, f"`{what[:40]}` is not allowed; a formula has {_ALL}")

    def _number(self, part: ast.expr, number: float) -> float:
        try:
            value = float(number)
        except OverflowError:
            value = math.inf
        if not math.isfinite(value):
            raise self.refuse(part, "this number is too large")
        return value

    def _dotted(self, part: ast.expr) -> str:
        if isinstance(part, ast.Attribute):
            return f"{self._dotted(part.value)}.{part.attr}"
        if isinstance(part, ast.Name):
            return part.id
        raise self.refuse(part, "a name is wanted before the dot")

    def _column(self, part: ast.expr, name: str, wanted: Kind | None) -> Node:
        return Node("text" if wanted == "text" else "number", column=name, at=self.at(part))

    def _call(self, part: ast.Call, name: str, arguments: list[ast.expr], wanted: Kind | None) -> Node:
        if name == "col":
            if len(arguments) == 1 and isinstance(arguments[0], ast.Constant) and isinstance(arguments[0].value, str):
                return self._column(part, arguments[0].value, wanted)
            raise self.refuse(part, 'col() takes the name of a column, as in col("my column")')
        if name not in FUNCTIONS:
            raise self.refuse(part, f"there is no function {name}(); there are {_CALLS}")
        operation = OPERATIONS[name]
        if not operation.least <= len(arguments) <= operation.most:
            count = str(operation.least) if operation.least == operation.most else f"at least {operation.least}"
            raise self.refuse(part, f"{name}() takes {count} arguments, not {len(arguments)}")
        kinds = (*operation.takes, *[operation.takes[-1]] * len(arguments))
        return self._apply(name, tuple(self.node(one, kind) for one, kind in zip(arguments, kinds, strict=False)), part)

    def _comparison(self, part: ast.Compare, sides: list[ast.expr], ops: list[ast.cmpop]) -> Node:
        """`a < b < c` is `a < b and b < c`, and `a in [x, y]` is `a == x or a == y`."""
        tests = tuple(self._pair(left, op, right) for left, op, right in zip(sides, ops, sides[1:], strict=False))
        return tests[0] if len(tests) == 1 else self._apply("and", tests, part)

    def _pair(self, left: ast.expr, op: ast.cmpop, right: ast.expr) -> Node:
        if isinstance(op, ast.In | ast.NotIn):
            if not isinstance(right, ast.List | ast.Tuple) or not right.elts:
                raise self.refuse(right, "`in` takes a list, as in [1, 2]")
            tests = tuple(self._pair(left, ast.Eq(), one) for one in right.elts)
            found = tests[0] if len(tests) == 1 else self._apply("or", tests, right)
            return found if isinstance(op, ast.In) else self._apply("not", (found,), right)
        name = _COMPARISONS.get(type(op))
        if name is None:
            raise self.refuse(left, "`is` is not allowed; compare with == or !=")
        is_text = any(isinstance(side, ast.Constant) and isinstance(side.value, str) for side in (left, right))
        if is_text and name not in ("==", "!="):
            raise self.refuse(left, f"texts are compared with == and !=, not with {name}")
        kind: Kind = "text" if is_text else "number"
        sides = (self.node(left, kind), self.node(right, kind))
        return self._apply(f"text {name}" if is_text else name, sides, left)

    def _apply(self, operation: str, of: tuple[Node, ...], part: ast.AST) -> Node:
        if len(of) > MANY:
            raise self.refuse(part, f"more than {MANY} parts stand side by side")
        return Node(OPERATIONS[operation].gives, operation=operation, of=of, at=self.at(part))
