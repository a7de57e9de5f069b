"""Break one comparison after the other, and see whether a test notices.

    python scripts/mutants.py                     # the score, and what nobody noticed
    python scripts/mutants.py gates/slices.py     # of one module

They are those on which a verdict depends, or a permission, or that nothing of an erased subject is
left.

A mutant is the package with one change: a comparison turned round, moved by its boundary, swapped,
or taken for granted either way; `and` for `or`; a condition without one of its parts; a `not` left
out. The tests of the module are run against each, quickest first, until one fails. What survives is
a comparison that could be wrong without anybody seeing it.

The tests are collected and run once, unbroken; then every mutant lives in a fork of that session,
in which the one function that differs is given its other code. So servers are started once.
"""

from __future__ import annotations

import ast
import copy
import importlib
import os
import signal
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, FunctionType
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

CLONE = Path(__file__).resolve().parents[1]
PACKAGE = CLONE / "include" / "tradewind"
# What is broken, and the tests that hold it; of two patterns that fit the first counts.
TARGETS: dict[str, tuple[str, ...]] = {
    **{
        f"gates/{own.stem.removeprefix('test_')}.py": (
            f"tests/gates/{own.name}",
            "tests/gates/test_gates.py",
        )
        for own in sorted((CLONE / "tests" / "gates").glob("test_*.py"))
    },
    "gates/*.py": ("tests/gates",),
    "stats/agreement.py": ("tests/stats/test_agreement.py",),
    "stats/bootstrap.py": ("tests/stats/test_panel.py",),
    "stats/fairness.py": ("tests/stats/test_fairness.py",),
    "stats/groups.py": ("tests/stats/test_groups.py",),
    "stats/inference.py": ("tests/stats/test_panel.py",),
    "stats/metrics.py": ("tests/stats/test_metrics.py",),
    "stats/observed.py": ("tests/stats/test_observed.py",),
    "stats/panel.py": ("tests/stats/test_panel.py",),
    "stats/patterns.py": ("tests/stats/test_patterns.py",),
    "stats/proportions.py": ("tests/stats/test_proportions.py",),
    "stats/reliability.py": ("tests/stats/test_reliability.py",),
    "stats/rows.py": ("tests/stats/test_rows.py", "tests/stats/test_metrics.py"),
    "stats/screening.py": ("tests/stats/test_screening.py",),
    "stats/sensitive.py": ("tests/stats/test_sensitive.py",),
    "stats/shift.py": ("tests/stats/test_shift.py",),
    "stats/simultaneous.py": ("tests/stats/test_simultaneous.py",),
    "stats/slices.py": ("tests/stats/test_slices.py",),
    "stats/statistics.py": ("tests/stats/test_metrics.py",),
    "stats/treatment.py": ("tests/stats/test_fairness.py",),
    **{
        f"promotion/{own.stem.removeprefix('test_')}.py": (f"tests/promotion/{own.name}",)
        for own in sorted((CLONE / "tests" / "promotion").glob("test_*.py"))
    },
    "promotion/*.py": ("tests/promotion",),
    "policy/permitting.py": ("tests/policy/test_permitting.py",),
    **dict.fromkeys(
        ("stores/needles.py", "stores/head_index.py", "stores/spellings.py"),
        (
            "tests/stores/test_needles.py",
            "tests/stores/elsewhere/test_needles.py",
            "tests/stores/erasing/test_needles.py",
        ),
    ),
    "stores/marks.py": ("tests/stores/test_marks.py", "tests/stores/erasing"),
    "stores/erasing/*.py": ("tests/stores/erasing",),
    **dict.fromkeys(
        ("stores/words.py", "stores/chain_words.py", "stores/elsewhere/event_words.py"),
        (
            "tests/stores/test_words.py",
            "tests/stores/test_chain_words.py",
            "tests/stores/elsewhere/test_event_words.py",
        ),
    ),
}
LONGEST = 120
"""Seconds after which a mutant that runs for ever is noticed."""

_TURNED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.GtE,
    ast.LtE: ast.Gt,
    ast.Gt: ast.LtE,
    ast.GtE: ast.Lt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}
_MOVED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
}
# Mutants that are the same program, by module, line of code and change, each with the reason.
_RANKING = ("stats/statistics.py", "_Ranking.__init__")
_NEVER_NONE = "the definition has a number there wherever this line is reached"
_READ_IN_VAIN = "more columns are read of a file, and by nobody: the same, more slowly"
_FEWER_PLACES = "places of rows that are no positives are passed over: the same areas, more slowly"
_LUCK = ("stats/fairness.py", "Grouped._told_from_luck")
_NOT_DEALT = "what is within the limit is kept, whatever luck deals: the same answer, more slowly"
_ALL_LOOKED_AT = "every place that is left is held against the whole: the same, at another pace"
SAME: dict[tuple[str, str, str], str] = {
    (*_RANKING, "rows.label == 1  ->  True"): _FEWER_PLACES,
    (*_RANKING, "rows.weight > 0  ->  rows.weight >= 0"): _FEWER_PLACES,
    (*_RANKING, "rows.weight > 0  ->  True"): _FEWER_PLACES,
    **{
        ("stats/metrics.py", "_own", f"spec.{name} or 0.0  ->  spec.{name}"): _NEVER_NONE
        for name in ("top", "false_positive", "false_negative")
    },
    (
        *("gates/_evidence.py", "better_or_worse"),
        "difference > 0  ->  difference >= 0",
    ): "nothing at all was answered the line before",
    **{
        (*_LUCK, change): _NOT_DEALT
        for change in (
            "len(known) < _TWO or ranges[-1] <= limit  ->  len(known) < _TWO",
            "ranges[-1] <= limit  ->  ranges[-1] < limit",
            "ranges[-1] <= limit  ->  False",
        )
    },
    (
        *("stats/observed.py", "Observed.towards"),
        "step < 0  ->  step <= 0",
    ): "from a value that was seen a step of nothing leads back to it, searched from either side",
    **{
        ("stores/head_index.py", "HeadIndex._likely", change): _ALL_LOOKED_AT
        for change in (
            "times < _MANY  ->  times >= _MANY",
            "times < _MANY  ->  times <= _MANY",
            "times < _MANY  ->  _MANY < times",
            "times < _MANY  ->  True",
            "times < _MANY  ->  False",
            "heads == head  ->  False",
        )
    },
    (
        *("stores/erasing/matching.py", "Matcher.spelled"),
        "model not in self._spelled  ->  True",
    ): "it is worked out anew each time: the same, more slowly",
    ("stores/erasing/finding.py", "_Search._read", "name.casefold() in wanted  ->  True"): (
        _READ_IN_VAIN
    ),
    ("gates/threshold.py", "_level", "floor.at_least or 0.0  ->  floor.at_least"): _NEVER_NONE,
    (
        *("promotion/moves.py", "roll_back"),
        "current is not None  ->  True",
    ): "there is a champion wherever there is a target: it is said for the type checker alone",
}


@dataclass(frozen=True)
class Mutant:
    """One change of one function.

    Attributes:
        module: Its path below the package.
        function: The qualified name of the outermost function that it is in.
        change: Before and after, as code.
        code: The function's code with the change.
    """

    module: str
    line: int
    function: str
    change: str
    code: CodeType

    @property
    def name(self) -> str:
        """Where it is, and what it is."""
        return f"{self.module}:{self.line} {self.function}: {self.change}"


# ------------------------------------------------------------------------------------ the mutants


def mutants_of(path: Path) -> Iterator[Mutant]:
    """Make every mutant of a module, function by function."""
    source = path.read_text()
    tree = ast.parse(source)
    module = path.relative_to(PACKAGE).as_posix()
    for function, node in _functions(tree):
        for place, before in enumerate(ast.walk(node)):
            for after in _changes(before):
                code = _compiled(tree, function, place, after, path)
                change = f"{ast.unparse(before)}  ->  {ast.unparse(after)}"
                if (module, function, change) not in SAME:
                    yield Mutant(module, before.lineno, function, change, code)


def _functions(tree: ast.Module) -> Iterator[tuple[str, ast.FunctionDef]]:
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            yield node.name, node
        elif isinstance(node, ast.ClassDef):
            for part in node.body:
                if isinstance(part, ast.FunctionDef):
                    yield f"{node.name}.{part.name}", part


def _changes(node: ast.AST) -> Iterator[ast.expr]:
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        kind = type(node.ops[0])
        yield _with(node, ops=[_TURNED[kind]()])
        if kind in _MOVED:
            yield _with(node, ops=[_MOVED[kind]()])
            yield _with(node, left=node.comparators[0], comparators=[node.left])
        yield ast.Constant(value=True)
        yield ast.Constant(value=False)
    elif isinstance(node, ast.Compare):
        for place, kind in enumerate(map(type, node.ops)):
            ops = [*node.ops[:place], _TURNED[kind](), *node.ops[place + 1 :]]
            yield _with(node, ops=ops)
    elif isinstance(node, ast.BoolOp) and not _is_wording(node):
        yield _with(node, op=ast.Or() if isinstance(node.op, ast.And) else ast.And())
        for place in range(len(node.values)):
            left = [*node.values[:place], *node.values[place + 1 :]]
            yield left[0] if len(left) == 1 else _with(node, values=left)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield node.operand


def _is_wording(node: ast.BoolOp) -> bool:
    """Whether it only says something else where there is nothing to say."""
    return isinstance(node.values[-1], ast.Constant) and isinstance(node.values[-1].value, str)


def _with(node: ast.AST, **parts: Any) -> Any:
    other = copy.copy(node)
    for name, part in parts.items():
        setattr(other, name, part)
    return other


def _compiled(tree: ast.Module, function: str, place: int, after: ast.expr, path: Path) -> CodeType:
    changed = copy.deepcopy(tree)
    root = dict(_functions(changed))[function]
    target = next(node for at, node in enumerate(ast.walk(root)) if at == place)
    _replace(root, target, copy.deepcopy(after))
    ast.fix_missing_locations(changed)
    return _code_of(compile(changed, str(path), "exec", dont_inherit=True), function)


def _replace(root: ast.AST, target: ast.AST, other: ast.expr) -> None:
    for node in ast.walk(root):
        for name, value in ast.iter_fields(node):
            if value is target:
                setattr(node, name, other)
            elif isinstance(value, list):
                value[:] = [other if item is target else item for item in value]


def _code_of(code: CodeType, function: str) -> CodeType:
    found = code
    for name in function.split("."):
        found = next(
            part for part in found.co_consts if isinstance(part, CodeType) and part.co_name == name
        )
    return found


# ---------------------------------------------------------------------------------------- the forks


class Forks:
    """A plugin of pytest: runs the tests unbroken, then against every mutant."""

    def __init__(self, modules: list[Path]) -> None:
        self.modules = modules
        self.seconds: Counter[str] = Counter()
        self.failed: set[str] = set()
        self.survived: list[Mutant] = []
        self.made = 0

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep how long each test takes, and whether it fails."""
        self.seconds[report.nodeid] += report.duration
        if report.failed:
            self.failed.add(report.nodeid)

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Run everything once, and then against each mutant what holds its module."""
        self._run(session.items, stop=False)
        for path in [] if self.failed else self.modules:
            held = [item for item in session.items if _holds(item, path)]
            held.sort(key=lambda item: self.seconds[item.nodeid])
            self._try(path, held)
        self._tear_down(session.items)
        if self.failed:
            print(f"\nred without any mutant: {', '.join(sorted(self.failed))}")
        return True

    def _try(self, path: Path, held: list[pytest.Item]) -> None:
        began, survived, made = time.monotonic(), len(self.survived), self.made
        for mutant in mutants_of(path):
            self.made += 1
            if not self._is_red(held, mutant):
                self.survived.append(mutant)
                print(f"\nSURVIVED {mutant.name}", flush=True)
        all_of_them, lived = self.made - made, len(self.survived) - survived
        if self._is_red(held):
            # A test that is red the second time it is run notices whatever is put in.
            self.failed.add(f"a test of {path.name}, in a fork")
        seconds = time.monotonic() - began
        where = path.relative_to(PACKAGE)
        print(f"\n{where}: {all_of_them - lived} of {all_of_them}, {seconds:.0f} s", flush=True)

    def _is_red(self, held: list[pytest.Item], mutant: Mutant | None = None) -> bool:
        """Run tests in a fork, until one fails."""
        child = os.fork()
        if child == 0:
            signal.alarm(LONGEST)
            _be_silent()
            if mutant:
                _put_in(mutant)
            self.failed.clear()
            self._run(held, stop=True)
            os._exit(1 if self.failed else 0)
        _, status = os.waitpid(child, 0)
        return status != 0

    def _run(self, items: list[pytest.Item], *, stop: bool) -> None:
        # There is always a next one, so that what the session shares is not taken down.
        state = items[0].session._setupstate
        for item, following in zip(items, [*items[1:], items[0]], strict=True):
            state.teardown_exact(item)
            item._initrequest()  # a test that ran is run again
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
            if stop and self.failed:
                return

    def _tear_down(self, items: list[pytest.Item]) -> None:
        items[-1].session._setupstate.teardown_exact(None)


def _holds(item: pytest.Item, path: Path) -> bool:
    tests = _tests_of(path)
    return any(item.nodeid.startswith(test) for test in tests)


def _tests_of(path: Path) -> tuple[str, ...]:
    inside = path.relative_to(PACKAGE)
    return next(tests for pattern, tests in TARGETS.items() if inside.match(pattern))


def _be_silent() -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)


def _put_in(mutant: Mutant) -> None:
    """Give the function its other code, wherever it was imported to."""
    name = "tradewind." + mutant.module.removesuffix(".py").replace("/", ".")
    found: Any = importlib.import_module(name.removesuffix(".__init__"))
    for part in mutant.function.split("."):
        found = found.__dict__[part]
    found = getattr(found, "fget", None) or getattr(found, "func", None) or found
    while not isinstance(found, FunctionType):
        found = found.__wrapped__ if hasattr(found, "__wrapped__") else found.__func__
    while hasattr(found, "__wrapped__"):
        found = found.__wrapped__
    found.__code__ = mutant.code


def main(asked: list[str]) -> int:
    """Print the score; 0 only where every mutant was noticed."""
    fitting = dict.fromkeys(path for pattern in TARGETS for path in sorted(PACKAGE.glob(pattern)))
    modules = [path for path in fitting if not asked or any(word in str(path) for word in asked)]
    if not modules:
        print(f"no module of {', '.join(TARGETS)} has {' or '.join(asked)} in its path")
        return 2
    tests = sorted({test for path in modules for test in _tests_of(path)})
    there = [test for test in tests if (CLONE / test).exists()]
    forks = Forks(modules)
    sys.path.insert(0, str(CLONE))
    os.chdir(CLONE)
    pytest.main(["-q", "-n0", "-p", "no:cacheprovider", *there], plugins=[forks])
    if forks.failed or not forks.made:
        return 2
    noticed = forks.made - len(forks.survived)
    print(f"\nnoticed {noticed} of {forks.made} mutants: {noticed / forks.made:.1%}")
    for mutant in forks.survived:
        print(f"  survived: {mutant.name}")
    return 1 if forks.survived else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
