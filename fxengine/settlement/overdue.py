"""When so much waits to be settled, or has waited for so long, that no more should be made.

Two bounds, each of which closes the venue to all that adds risk, and opens it again at its half::

    too many     trades that are not known to be POSTED             pending_trades_max
    too old      the oldest movement of money that is not FINAL     settlement_stale_s

The second is there because a ledger on a chain does not keep what is owed in its place. Whoever sold may ask for that
balance at the vault, and take it when the exit delay D is over; the batch that owes it is refused from then on. The
venue sees requests and holds them, but it may have been blind for half of D before it closes (custody). So a trade may
be owed by what leaves half of D later, and from then on nothing is sure to settle any more::

    request, unseen         the trade                  it may leave
        |--------- D/2 ---------|--------- D/2 ---------|
                                |--- settlement_stale_s ---> closed no later than here

That is why such a ledger says how long it may take (``Ledger.settle_within_ns``) and a venue that would wait longer
is not started. What is waited for is FINAL, not POSTED: what is POSTED may be undone, and then it is as old as its
trades are. Ages are told by the time in the journal, so they go on while a venue is down, as the delay does.
"""

from typing import Final

from fxengine.errors import VenueError
from fxengine.ledger.base import Ledger
from fxengine.venue import Venue

STALE_S: Final = 7_200
"""For how long settlement may stand still where neither the venue file nor the ledger says less."""
_NS_PER_MS: Final = 1_000_000
_NS_PER_S: Final = 1_000_000_000


class Overdue:
    """Judges what waits. ``pending_trades_max`` is the venue's where it is not given.

    Raises :class:`VenueError` where the venue would wait for longer than its ledger can, or so short that the
    cycle itself takes half of it.
    """

    def __init__(self, venue: Venue, ledger: Ledger, pending_trades_max: int | None = None) -> None:
        self._trades_max = venue.pending_trades_max if pending_trades_max is None else pending_trades_max
        self.stale_ns = _stale_ns(venue, ledger)
        """How old the oldest movement that is not FINAL may become."""
        self._too_many = self._too_old = False

    def why(self, n_trades: int, age_ns: int) -> str | None:
        """Return why no more should be made while so many trades wait and the oldest for so long; None where it may.

        Remembers what it has said: each bound is halved until what waits is below it. O(1).
        """
        self._too_many = n_trades >= max(1, _halved(self._trades_max, self._too_many))
        self._too_old = age_ns >= _halved(self.stale_ns, self._too_old)
        if self._too_old:
            waits = f"what was matched {age_ns // _NS_PER_S} s ago is not FINAL"
            return f"{waits}, and the bound is {self.stale_ns / _NS_PER_S:g} s (venue.settlement_stale_s)"
        return "too many trades wait for the ledger" if self._too_many else None


def _halved(bound: int, is_beyond: bool) -> int:
    return bound // 2 if is_beyond else bound


def _stale_ns(venue: Venue, ledger: Ledger) -> int:
    """Return the bound in time: the venue's, else the usual one, and never above the ledger's."""
    most_ns = ledger.settle_within_ns
    if venue.settlement_stale_s is None:
        bound_ns = STALE_S * _NS_PER_S if most_ns is None else min(STALE_S * _NS_PER_S, most_ns)
    else:
        bound_ns = venue.settlement_stale_s * _NS_PER_S
        if most_ns is not None and bound_ns > most_ns:
            raise VenueError(
                "venue.settlement_stale_s",
                f"{venue.settlement_stale_s} s is longer than the {most_ns / _NS_PER_S:g} s in which this ledger can be"
                " sure to settle what was matched (on a chain: half of the vault's exit delay). Set it to that at most",
            )
    if 2 * venue.settlement_cycle_ms * _NS_PER_MS > bound_ns:
        raise VenueError(
            "venue.settlement_cycle_ms",
            f"a cycle of {venue.settlement_cycle_ms} ms takes more than half of the {bound_ns / _NS_PER_S:g} s after"
            " which what is not settled closes the venue (venue.settlement_stale_s; on a chain at most half of the"
            " vault's exit delay)",
        )
    return bound_ns
