"""Mutants: single lines of the cores, each changed as a slip of the hand would change it.

They are drawn, by a seed, from the matching loop, holds and fees: from the reference, and from the
compiled core. What is drawn are lines that do something. Comments, docstrings, declarations without
a value, assertions and prefetches are left alone, for nothing can be seen of them. One line gives as many mutants
as there are rules that fit::

    if lots <= room and not done:    ->    if lots < room and not done:
                                           if lots <= room or not done:
                                           if lots <= room and done:

Some mutants cannot be seen since they change nothing that the core does. Such as are known stand in
``bench.equivalents``, with the reason; they are drawn like any other and count as survivors.
"""

import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

CORES: dict[str, tuple[str, ...]] = {
    "reference": (
        "fxengine/reference/matching.py",
        "fxengine/reference/orders.py",
        "fxengine/reference/amend.py",
        "fxengine/reference/book.py",
        "fxengine/money.py",
    ),
    "core": (
        "fxengine/core/matching.pxi",
        "fxengine/core/self_trades.pxi",
        "fxengine/core/icebergs.pxi",
        "fxengine/core/book.pxi",
        "fxengine/core/accounts.pxi",
        "fxengine/core/endings.pxi",
        "fxengine/core/orders.pxi",
        "fxengine/core/amends.pxi",
        "fxengine/core/arithmetic.pxi",
    ),
}
BEGINS = {"fxengine/money.py": "def fee_owed_units"}
"""What stands above is not the core's: amounts as text."""

RULES: tuple[tuple[str, str], ...] = (
    (r" < ", " <= "),
    (r" <= ", " < "),
    (r" > ", " >= "),
    (r" >= ", " > "),
    (r" == ", " != "),
    (r" != ", " == "),
    (r" \+ ", " - "),
    (r" - ", " + "),
    (r", -", ", "),
    (r" \+= ", " -= "),
    (r" -= ", " += "),
    (r" and ", " or "),
    (r" or ", " and "),
    (r"\bif not ", "if "),
    (r"\bnot ", ""),
    (r"\bmin\(", "max("),
    (r"\bmax\(", "min("),
    (r"\bleast\(", "1 + least("),
    (r"\bTrue\b", "False"),
    (r"\bFalse\b", "True"),
    (r"\b0\b", "1"),
    (r"\b1\b", "0"),
    (r"\bcontinue$", "break"),
    (r"^(\s+)(\w[\w.\[\]]* [-+]?= .*)$", r"\1pass  # \2"),
    (r"^(\s+)(\w[\w.]*\(.*\))$", r"\1pass  # \2"),
)
NOT_CODE = re.compile(
    r'^\s*(r?"""|from |import |def |cdef(?! [\w* ]+ = )|cpdef |class |@|else:|include |\)|\]|assert |prefetch\('
    r"|[A-Z_]+ = |\w+: [\w\[\], |]+( = .*)?$)"
)


class Mutant(NamedTuple):
    """One changed line; ``path`` is relative to the tree."""

    path: str
    line: int
    before: str
    after: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}   {self.before.strip()}   ->   {self.after.strip()}"


def code_lines(text: str, begins: str = "") -> Iterator[tuple[int, str]]:
    """Yield the numbered lines that do something, without their comments."""
    inside, begun = False, not begins
    for number, line in enumerate(text.splitlines(), 1):
        begun = begun or line.startswith(begins)
        if line.count('"""') == 1:
            inside = not inside
            continue
        code = re.sub(r"(^|\s+)#.*$", "", line)
        if begun and not inside and code and not NOT_CODE.match(code):
            yield number, code


def mutants_of(path: str, text: str) -> Iterator[Mutant]:
    """Yield every mutant that the rules make of a file."""
    for number, code in code_lines(text, BEGINS.get(path, "")):
        changed = {re.sub(pattern, replacement, code, count=1) for pattern, replacement in RULES}
        for after in sorted(changed - {code}):
            yield Mutant(path, number, code, after)


def drawn(root: Path, core: str, seed: int) -> list[Mutant]:
    """Return all mutants of a core, in the order in which this seed draws them."""
    found = [mutant for path in CORES[core] for mutant in mutants_of(path, (root / path).read_text(encoding="utf-8"))]
    random.Random(f"{core}/{seed}").shuffle(found)
    return found
