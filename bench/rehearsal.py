"""One untimed pass of a core over a converted file: what only matching can tell, and what came of it.

AMEND's quantity is the total, so the pass stops before each REPLACE and adds what the order has traded
by then. Both sides of a trade carry their CumQty, so the last event of an order is enough. The rare
order whose client id has left its account's window is named by the OrderID that its acceptance told.

The outcome is taken from the core's own FILL events, in the file's ids, in the way the format defines
it; whoever has the file's header can compare.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt

from bench.flows import Core, CoreType
from bench.opening import N_CURRENCIES, Integers, instruments
from bench.yardstick import Conversion
from fxengine.codes import FEES_ACCOUNT, CommandKind, EventFlag, EventKind
from fxengine.records import AMEND, CANCEL, Records

STRETCH: Final = 4_096
"""Commands at most between two looks at the events; far below the window of client ids."""
FILLS_MAX: Final = 65_536
"""Fills one command may make: the most that the core offers, since a file knows no such bound."""
_HASH_START: Final = 0xCBF29CE484222325
_HASH_FACTOR: Final = 1099511628211
_MAKER_FACTOR: Final = np.uint64(0x9E3779B97F4A7C15)
_TAKER_FACTOR: Final = np.uint64(31)
_MASK: Final = 2**64 - 1


@dataclass(frozen=True)
class Outcome:
    """What a flow comes to. The first five are those of a file's header."""

    fills: int
    quantity: int
    notional: int
    fill_hash: int
    live: int
    events: int
    """Of the commands after the prefill."""
    fees_collected: int
    """Units of both currencies together."""
    state_hash: str


def open_core(conversion: Conversion, core_type: CoreType) -> Core:
    """Return a fresh core with every account open and funded, and the conversion's commands bound."""
    core = core_type(
        instruments(), n_currencies=N_CURRENCIES, max_fills=FILLS_MAX, max_orders=max(len(conversion.commands), 1)
    )
    core.bind(conversion.opening)
    core.apply(0, len(conversion.opening))
    core.bind(conversion.commands)
    return core


def rehearse(conversion: Conversion, core_type: CoreType) -> Outcome:
    """Complete a conversion's commands in place, apply them all, and return what came of them.

    O(n); about a second for each 100,000 REPLACE commands with the compiled core.
    """
    core = open_core(conversion, core_type)
    pass_ = _Pass(conversion)
    for first, last in _stretches(conversion):
        pass_.complete(first)
        n_events = core.apply(first, last)
        pass_.learn(core.events[:n_events], timed=first >= conversion.n_prefill)
    return pass_.outcome(core)


def _stretches(conversion: Conversion) -> Iterator[tuple[int, int]]:
    """Cut the commands where something must be known first, at the prefill's end, and at STRETCH."""
    n = len(conversion.commands)
    replaces = np.flatnonzero(conversion.commands["kind"] == CommandKind.AMEND)
    regular = np.arange(0, n, STRETCH)
    cuts = np.unique(np.concatenate([regular, replaces, conversion.stale, [min(conversion.n_prefill, n), n]])).tolist()
    return pairwise(cuts)


class _Pass:
    """What is known of each order so far, by the row that entered it."""

    def __init__(self, conversion: Conversion) -> None:
        self._conversion = conversion
        self._commands = conversion.commands
        self._amends, self._cancels = conversion.commands.view(AMEND), conversion.commands.view(CANCEL)
        self._cum_lots = np.zeros(len(conversion.commands), np.int64)
        self._order_ids = np.zeros(len(conversion.commands) if len(conversion.stale) else 0, np.uint64)
        self._stale = frozenset(conversion.stale.tolist())
        self._fills: list[Records] = []
        self._n_events = 0

    def complete(self, row: int) -> None:
        """Write what the command at this row still lacks."""
        entry = self._conversion.entry[row]
        if entry < 0:
            return
        kind = self._commands["kind"][row]
        if kind == CommandKind.AMEND:
            self._amends["quantity_lots"][row] += self._cum_lots[entry]
            self._amends["expected_cum_lots"][row] = self._cum_lots[entry]
        if row in self._stale:
            named = self._amends if kind == CommandKind.AMEND else self._cancels
            named["order_id"][row], named["orig_client_order_id"][row] = self._order_ids[entry], 0

    def learn(self, events: Records, *, timed: bool) -> None:
        """Take in what a stretch of commands did."""
        self._n_events += len(events) if timed else 0
        kinds = events["kind"]
        fills = events[kinds == EventKind.FILL]
        if len(fills):
            self._cum_lots[self._conversion.rows_of(fills)] = fills["cum_lots"]  # the last of an order's stays
            self._fills.append(fills)
        if len(self._order_ids):
            accepted = events[kinds == EventKind.ACCEPTED]
            self._order_ids[self._conversion.rows_of(accepted)] = accepted["order_id"]

    def outcome(self, core: Core) -> Outcome:
        """Sum up, in the file's terms."""
        fills = np.concatenate(self._fills) if self._fills else core.events[:0]
        is_maker = (fills["flags"] & EventFlag.MAKER) != 0
        makers, takers = fills[is_maker], fills[~is_maker]
        lots: Integers = makers["quantity_lots"]
        ids = self._conversion.file_ids
        maker_ids, taker_ids = (ids[self._conversion.rows_of(side)] for side in (makers, takers))
        return Outcome(
            fills=len(makers),
            quantity=int(lots.sum()),
            notional=int((makers["price_ticks"] * lots).sum()),
            fill_hash=_chain(maker_ids * _MAKER_FACTOR + taker_ids * _TAKER_FACTOR + lots.astype(np.uint64)),
            live=core.n_orders,
            events=self._n_events,
            fees_collected=sum(core.balance(FEES_ACCOUNT, currency)[0] for currency in range(N_CURRENCIES)),
            state_hash=core.state_hash(),
        )


def _chain(words: npt.NDArray[np.uint64]) -> int:
    """Fold words as FNV-1a folds bytes."""
    total = _HASH_START
    for word in words.tolist():
        total = (total ^ word) * _HASH_FACTOR & _MASK
    return total
