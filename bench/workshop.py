"""A copy of the tree in which mutants are tried, one at a time, quickest proof first.

::

    compile (reference: milliseconds; core, at -O0: seconds)  -> does not: UNBUILT, says nothing of the tests
    beginnings of the lives that the differential tests live  -> differ: KILLED; nine of ten end here
    every test that holds a core against something            -> fails: KILLED
                                                              -> passes: SURVIVED

A mutant that takes longer than its proof may is HUNG; the tests would never end, so they notice it.
"""

import os
import shutil
import signal
import subprocess
import sys
from enum import StrEnum
from pathlib import Path

from bench.equivalents import reason_of
from bench.mutants import Mutant

QUICK = """
from bench.flows import SCENARIOS, lockstep
from bench.sim import SEED_DEFAULT
from fxengine._core import Core
for scenario in SCENARIOS.values():
    lockstep(scenario, SEED_DEFAULT, 1_000, Core)
"""
TESTS = ("tests/unit/reference", "tests/differential", "tests/unit/test_money.py", "tests/unit/core", "tests/property")
OPTIONS = ("-x", "-q", "-p", "no:cacheprovider", "--benchmark-disable")
BUILD_SECONDS_MAX = 120
QUICK_SECONDS_MAX = 40
TESTS_SECONDS_MAX = 600
"""Of the processor, not of the clock: a busy machine must not look like a mutant that hangs."""
WAIT_SECONDS_MAX = 1_800
"""Of the clock, for one that hangs without computing."""
KIBIBYTES_MAX = 96 << 20  # cores reserve far more address space than they touch
LIMITED = f'ulimit -v {KIBIBYTES_MAX} 2>/dev/null; ulimit -t "$0"; exec "$@"'
"""A mutant that asks for memory or time without end is stopped before the machine is."""


class Verdict(StrEnum):
    """What became of a mutant."""

    KILLED = "killed"
    HUNG = "hung"
    SURVIVED = "survived"
    UNBUILT = "does not compile"


class Workshop:
    """A copy of the tree at ``root``, with its core compiled without optimisation."""

    def __init__(self, source: Path, root: Path) -> None:
        self.root = root
        skip = shutil.ignore_patterns(".git", ".venv", "build", "__pycache__", ".hypothesis", ".*_cache", "*.c", "*.so")
        shutil.copytree(source, root, ignore=skip)
        settings = {"PYTHONPATH": str(root), "PYTHONDONTWRITEBYTECODE": "1", "FXENGINE_DEBUG": "1", "CFLAGS": "-w"}
        self._environment = os.environ | settings
        if self._build() is not Verdict.SURVIVED:
            raise SystemExit("the core does not compile; run 'make build' first")

    def try_mutant(self, mutant: Mutant) -> Verdict:
        """Put a mutant into the tree, try it, and mend the tree again.

        One that is known to change nothing is spared the tests: it survives them, or it would not stand there.
        """
        path = self.root / mutant.path
        whole = path.read_text(encoding="utf-8")
        lines = whole.splitlines(keepends=True)
        lines[mutant.line - 1] = mutant.after + "\n"
        changed = "".join(lines)
        path.write_text(changed, encoding="utf-8")
        built = [] if path.suffix == ".py" else list((self.root / "fxengine").glob("_core*.so"))
        kept = {module: module.read_bytes() for module in built}
        try:
            if path.suffix == ".py":
                compile(changed, mutant.path, "exec")
            elif self._build() is not Verdict.SURVIVED:
                return Verdict.UNBUILT
            return self.prove(() if reason_of(mutant) else TESTS)
        except SyntaxError:
            return Verdict.UNBUILT
        finally:
            path.write_text(whole, encoding="utf-8")
            for module, content in kept.items():
                module.write_bytes(content)

    def prove(self, tests: tuple[str, ...] = TESTS) -> Verdict:
        """Run the proofs on the tree as it is, until one fails."""
        verdict = self._run(["-c", QUICK], QUICK_SECONDS_MAX)
        if verdict is Verdict.SURVIVED and tests:
            verdict = self._run(["-m", "pytest", *OPTIONS, *tests], TESTS_SECONDS_MAX)
        return verdict

    def _build(self) -> Verdict:
        return self._run(["setup.py", "-q", "build_ext", "--inplace"], BUILD_SECONDS_MAX)

    def _run(self, arguments: list[str], seconds_max: int) -> Verdict:
        command = ["sh", "-c", LIMITED, str(seconds_max), sys.executable, *arguments]
        null = subprocess.DEVNULL
        try:
            status = subprocess.call(
                command, cwd=self.root, env=self._environment, timeout=WAIT_SECONDS_MAX,
                stdin=null, stdout=null, stderr=null,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            return Verdict.HUNG
        if status in (-signal.SIGXCPU, -signal.SIGKILL):
            return Verdict.HUNG
        return Verdict.KILLED if status else Verdict.SURVIVED
