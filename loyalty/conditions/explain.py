"""Why a condition matched or not: what each question needed and what was there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Literal, TypeAlias

from loyalty.conditions.tree import Group, Items, Leaf, Node, Not, literal_json

# Names of fields to values; "items" to a list of such mappings (by full names, item.sku); "activity" to a mapping
# of (measure, days) to Decimal. What is absent or None is missing.
View: TypeAlias = Mapping[str, Any]
Test: TypeAlias = Callable[[View], bool]

MAX_NAMED = 5
MAX_SHOWN_TEXT = 100
MAX_SHOWN_SET = 20
_ALWAYS_STORED = frozenset({"needed", "was", "passed"})  # false and empty say something here


@dataclass(frozen=True, slots=True)
class Plan:
    """A node with its compiled test and its place in the tree."""

    node: Node
    path: str
    test: Test
    children: tuple[Plan, ...] = ()
    needed: Any = None  # the literal as JSON, written once
    where: Any = None


@dataclass(slots=True)  # not frozen: made for every event and campaign, and freezing doubles the cost
class Outcome:
    """One question and its answer, in JSON values: `needed` is the literal, `was` what the view held (None when
    it was missing; `hidden` when it is private).

    Of a question about items, `items` is the quantifier, `where` the condition on an item, and `was` the names of
    the items concerned, or the count or sum. `negated` marks a question that should have failed.
    """

    path: str
    field: str
    op: str
    needed: Any
    was: Any
    passed: bool
    days: int | None = None
    items: str = ""
    where: Any = None
    hidden: bool = False
    negated: bool = False

    def to_json(self) -> dict[str, Any]:
        """For the stored trace: without what is empty."""
        every = {name: getattr(self, name) for name in self.__slots__}
        return {name: value for name, value in every.items() if name in _ALWAYS_STORED or value}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Outcome:
        filled = {"path": "", "field": "", "op": "", "needed": None, "was": None, "passed": False, **stored}
        return cls(**{name: value for name, value in filled.items() if name in cls.__slots__})


@dataclass(slots=True)
class Explanation:
    """The answer of a node with the answers below it."""

    passed: bool
    kind: Literal["always", "all", "any", "not", "leaf"]
    children: tuple[Explanation, ...] = ()
    outcome: Outcome | None = None

    def misses(self) -> list[Outcome]:
        """The questions to blame when the condition did not match, in order; none when it did."""
        return [] if self.passed else list(self._against(wanted=True))

    def _against(self, wanted: bool) -> Iterable[Outcome]:
        if self.outcome is not None:
            yield replace(self.outcome, negated=not wanted)
        elif self.kind == "not":
            yield from self.children[0]._against(not wanted)
        else:
            for child in self.children:
                if child.passed is not wanted:
                    yield from child._against(wanted)

    def to_json(self) -> dict[str, Any]:
        if self.outcome is not None:
            return self.outcome.to_json()
        children = [child.to_json() for child in self.children]
        return {"kind": self.kind, "passed": self.passed, "children": children}


ALWAYS = Explanation(True, "always")


def explain(plan: Plan | None, view: View) -> Explanation:
    """The explanation of a compiled condition for one view."""
    if plan is None:
        return ALWAYS
    match plan.node:
        case Leaf() as leaf:
            outcome = _leaf_outcome(plan, leaf, view)
            return Explanation(outcome.passed, "leaf", (), outcome)
        case Items() as items:
            outcome = _items_outcome(plan, items, view)
            return Explanation(outcome.passed, "leaf", (), outcome)
        case Not():
            inner = explain(plan.children[0], view)
            return Explanation(not inner.passed, "not", (inner,))
        case Group(kind):
            children = tuple(explain(child, view) for child in plan.children)
            answers = (child.passed for child in children)
            return Explanation(all(answers) if kind == "all" else any(answers), kind, children)


def _leaf_outcome(plan: Plan, leaf: Leaf, view: View) -> Outcome:
    field = leaf.field
    windows = view.get("activity") or {}
    value = view.get(field.name) if leaf.days is None else windows.get((field.measure, leaf.days))
    return Outcome(
        path=plan.path,
        field=field.name,
        op=leaf.op,
        needed=plan.needed,
        was=None if field.private else _shown(value),
        passed=plan.test(view),
        days=leaf.days,
        hidden=field.private and value is not None,
    )


def _shown(value: Any) -> Any:
    if isinstance(value, str):
        return value[:MAX_SHOWN_TEXT]
    if isinstance(value, frozenset | set):
        return sorted(value)[:MAX_SHOWN_SET]
    return literal_json(value)


def _items_outcome(plan: Plan, node: Items, view: View) -> Outcome:
    where = plan.children[0].test if plan.children else _every
    passed = plan.test(view)
    return Outcome(
        path=plan.path,
        field=node.field.name if node.field else "",
        op=node.op,
        needed=plan.needed,
        was=_items_shown(node, where, passed, view),
        passed=passed,
        items=node.quantifier,
        where=plan.where,
    )


def _every(item: View) -> bool:
    return True


def _items_shown(node: Items, where: Test, passed: bool, view: View) -> Any:
    """The count or sum; or the names of the items that decided, of all when none stands out."""
    if node.quantifier == "count":
        return literal_json(count_items(view, where))
    if node.quantifier == "sum" and node.field is not None:
        return literal_json(sum_items(view, where, node.field.name))
    items = view.get("items") or ()
    matching = [item for item in items if where(item)]
    if node.quantifier == "every" and not passed:
        matching = [item for item in items if not where(item)]
    return [_name_of(item) for item in (matching or items)[:MAX_NAMED]]


def _name_of(item: View) -> str:
    return str(item.get("item.name") or item.get("item.sku") or "?")[:MAX_SHOWN_TEXT]


def count_items(view: View, where: Test) -> int:
    """How many lines match."""
    return sum(1 for item in view.get("items") or () if where(item))


def sum_items(view: View, where: Test, name: str) -> Decimal:
    """The sum of a field over the matching lines that have it."""
    total = Decimal(0)
    for item in view.get("items") or ():
        value = item.get(name)
        if value is not None and where(item):
            total += value
    return total
