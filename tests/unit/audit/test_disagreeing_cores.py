"""Verify says no to a core that does not do what the reference does."""

import re
import sqlite3
from contextlib import closing

import pytest

from fxengine.reference import Core
from tests.unit.audit.spoiling import Audit, Traded, problems


class LyingCore(Core):
    """A core that tells one fill's fee wrongly, but keeps the right state."""

    def apply(self, first: int, last: int) -> int:
        n_events = super().apply(first, last)
        self.events = self.events.copy()
        self.events["fee_units"][self.events["kind"] == 3] += 1
        return n_events


class ForgettingCore(Core):
    """A core that tells everything rightly, but whose state differs in the end."""

    def state_hash(self) -> str:
        right = super().state_hash()
        return right if self.sequence < 100 else right[::-1]


class RichCore(Core):
    """A core that holds one unit too many."""

    def balance(self, account: int, currency: int) -> tuple[int, int]:
        available, held = super().balance(account, currency)
        return available, held + (account == 3)


class BrokenCore(Core):
    """A core whose own invariants do not hold."""

    def check(self) -> None:
        raise AssertionError("a level holds no orders")


@pytest.mark.parametrize(
    ("liar", "says"), [(LyingCore, "disagree from event"), (ForgettingCore, "the state's hash is")]
)
def test_a_core_that_disagrees_with_the_reference_is_found(
    closed: Traded, killed: Traded, audit: Audit, liar: type[Core], says: str
) -> None:
    for traded in (closed, killed):
        found = audit(traded, core_types=(Core, liar))
        assert not found.ok
        assert not found.state_hash_replayed
        assert says in problems(found)
        assert liar.__name__ in problems(found)
        assert audit(traded, core_types=(Core, Core)).ok


def test_a_core_that_does_not_hold_what_the_journal_says_is_found(closed: Traded, audit: Audit) -> None:
    found = audit(closed, core_types=(RichCore,))
    assert not found.conserved
    assert "core: account 3 has" in problems(found)
    assert "core: USD is off by 0.000001" in problems(found)
    assert "an invariant does not hold at the end: a level" in problems(audit(closed, core_types=(BrokenCore,)))


def test_a_long_list_of_problems_is_cut_short(closed: Traded, audit: Audit) -> None:
    with closing(sqlite3.connect(closed.ledger)) as db:
        db.execute("DROP TRIGGER batches_never_change")
        db.execute("DROP TRIGGER trades_never_change")
        db.execute("UPDATE batches SET head = zeroblob(32), time_ns = 0, journal_hash = zeroblob(32)")
        db.execute("UPDATE trades SET price_ticks = price_ticks + 1")
        db.commit()
    found = audit(closed, core_types=(Core, LyingCore))
    assert len(found.problems) == 21
    assert re.fullmatch(r"and \d+ more", found.problems[-1])
    assert not found.ok
