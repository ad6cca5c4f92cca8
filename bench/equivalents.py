"""Mutants that no test can kill, for they change nothing that the core does; and why.

They are matched by their text, so that a file may grow above them. They count as survivors; what is
gained is that a survivor that is not listed here is a hole in the proofs.
"""

from typing import NamedTuple

from bench.mutants import Mutant


class Equivalent(NamedTuple):
    """A change of a line that cannot be seen, without the line's indentation."""

    path: str
    before: str
    after: str
    reason: str


EQUIVALENTS: tuple[Equivalent, ...] = ()

_REASONS = {one[:3]: one.reason for one in EQUIVALENTS}


def reason_of(mutant: Mutant) -> str | None:
    """Return why a mutant cannot be killed, if that is known."""
    return _REASONS.get((mutant.path, mutant.before.strip(), mutant.after.strip()))
