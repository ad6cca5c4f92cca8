"""Break one line at a time and see whether the proofs notice: ``python -m bench.mutate``.

Mutants are drawn, by a seed, from the matching loop, holds and fees, half of them from the reference
and half from the compiled core. Each is put into a copy of the tree, the core compiled without
optimisation where it is the core's, and the tests run that hold the two cores against each other
and against hand-computed numbers. A mutant that no test notices survives, and is printed::

    survived  fxengine/core/matching.pxi:88   if fee_units >= 0:   ->   if fee_units > 0:

Exits with 1 when fewer than 95 % were noticed.
"""

import argparse
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

ROOT = Path(__file__).parents[1]
REFERENCE = ("matching.py", "orders.py", "amend.py", "book.py")
COMPILED = ("matching.pxi", "endings.pxi", "orders.pxi", "amends.pxi", "arithmetic.pxi")
PROOFS = ("tests/unit/reference", "tests/differential")
KILLED_SHARE_MIN = 0.95
TEST_SECONDS_MAX = 240
BUILD_SECONDS_MAX = 240

RULES: tuple[tuple[str, str], ...] = (
    (r" < ", " <= "),
    (r" <= ", " < "),
    (r" > ", " >= "),
    (r" >= ", " > "),
    (r" == ", " != "),
    (r" != ", " == "),
    (r" \+ ", " - "),
    (r" - ", " + "),
    (r" \+= ", " -= "),
    (r" -= ", " += "),
    (r" and ", " or "),
    (r" or ", " and "),
    (r"\bif not ", "if "),
    (r"\bnot ", ""),
    (r"\bmin\(", "max("),
    (r"\bleast\(", "1 + least("),
    (r"\bTrue\b", "False"),
    (r"\bFalse\b", "True"),
    (r"\b0\b", "1"),
    (r"\b1\b", "0"),
    (r"^(\s+)(\w[\w.\[\]]* [-+]?= .*)$", r"\1pass  # \2"),
    (r"^(\s+)(\w[\w.]*\(.*\))$", r"\1pass  # \2"),
)
NOT_CODE = re.compile(r'^\s*(#|"""|from |import |def |cdef |cpdef |class |@|elif |else:|include |\)|\]|[A-Z_]+ = )')


@dataclass(frozen=True)
class Mutant:
    """One changed line."""

    path: str
    line: int
    before: str
    after: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}   {self.before.strip()}   ->   {self.after.strip()}"


def code_lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield the numbered lines that do something: no docstrings, comments, declarations or C blocks."""
    inside = False
    for number, line in enumerate(text.splitlines(), 1):
        if line.count('"""') == 1:
            inside = not inside
            continue
        if not inside and line.strip() and not NOT_CODE.match(line) and not line.strip().startswith('"""'):
            yield number, line


def candidates(path: Path) -> Iterator[Mutant]:
    """Yield every mutant that the rules make of a file."""
    for number, line in code_lines(path.read_text(encoding="utf-8")):
        for pattern, replacement in RULES:
            changed = re.sub(pattern, replacement, line, count=1)
            if changed != line:
                yield Mutant(str(path.relative_to(ROOT)), number, line, changed)


def draw(seed: int, wanted: int) -> list[Mutant]:
    """Draw mutants, half of each core, at most one of a rule and line."""
    rng = random.Random(seed)
    rooms = [
        [ROOT / "fxengine" / "reference" / name for name in REFERENCE],
        [ROOT / "fxengine" / "core" / name for name in COMPILED],
    ]
    drawn: list[Mutant] = []
    for room in rooms:
        found = [mutant for path in room if path.exists() for mutant in candidates(path)]
        drawn += rng.sample(found, min(wanted // 2, len(found)))
    return drawn


class Workshop:
    """A copy of the tree in which one mutant at a time is tried."""

    def __init__(self, directory: Path) -> None:
        self.root = directory / "tree"
        skip = shutil.ignore_patterns(".git", ".venv", "build", "__pycache__", ".hypothesis", ".*_cache", "*.c")
        shutil.copytree(ROOT, self.root, ignore=skip)
        environment = {"PYTHONPATH": str(self.root), "CFLAGS": "-O0 -g0", "PYTHONDONTWRITEBYTECODE": "1"}
        self.environment = os.environ | environment

    def is_killed(self, mutant: Mutant) -> bool:
        """Try one mutant; a build that fails kills it too."""
        path = self.root / mutant.path
        whole = path.read_text(encoding="utf-8")
        compiled = path.suffix == ".pxi"
        modules = {module: module.read_bytes() for module in (self.root / "fxengine").glob("_core*.so")}
        lines = whole.splitlines(keepends=True)
        lines[mutant.line - 1] = mutant.after + "\n"
        path.write_text("".join(lines), encoding="utf-8")
        try:
            build = [sys.executable, "setup.py", "-q", "build_ext", "--inplace"]
            if compiled and not self._passes(build, BUILD_SECONDS_MAX):
                return True
            tests = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *PROOFS]
            return not self._passes(tests, TEST_SECONDS_MAX)
        finally:
            path.write_text(whole, encoding="utf-8")
            if compiled:
                for module, content in modules.items():
                    module.write_bytes(content)

    def proofs_pass(self) -> bool:
        """Say whether the proofs pass on the tree as it is; without that no kill means anything."""
        tests = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *PROOFS]
        return self._passes(tests, TEST_SECONDS_MAX)

    def _passes(self, command: list[str], seconds_max: float) -> bool:
        try:
            done = subprocess.run(
                command, cwd=self.root, env=self.environment, capture_output=True, timeout=seconds_max, check=False
            )
        except subprocess.TimeoutExpired:
            return False
        return done.returncode == 0


def main() -> None:
    """Draw, try and report."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.mutate", description="Break single lines; do the proofs notice?"
    )
    parser.add_argument("--seed", type=int, default=20261030)
    parser.add_argument("--mutants", type=int, default=100)
    parser.add_argument("--json", action="store_true", help="answer with one line of JSON")
    options = parser.parse_args()
    console = Console(stderr=True, highlight=False)
    mutants = draw(options.seed, options.mutants)
    survivors: list[Mutant] = []
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="fxengine-mutants-") as scratch:
        workshop = Workshop(Path(scratch))
        if not workshop.proofs_pass():
            raise SystemExit("the proofs do not pass on the tree as it is; run 'make build' and 'make test' first")
        with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
            for mutant in bar.track(mutants, description=f"{len(mutants)} mutants, seed {options.seed}"):
                if not workshop.is_killed(mutant):
                    survivors.append(mutant)
                    console.print("survived", str(mutant), markup=False)
    killed = len(mutants) - len(survivors)
    minutes = round((time.monotonic() - began) / 60, 1)
    line = {"seed": options.seed, "mutants": len(mutants), "killed": killed, "minutes": minutes}
    if options.json:
        print(json.dumps(line | {"survivors": [str(mutant) for mutant in survivors]}))
    else:
        print(f"{killed} of {len(mutants)} mutants killed in {minutes} minutes, seed {options.seed}")
    if killed < KILLED_SHARE_MIN * len(mutants):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
