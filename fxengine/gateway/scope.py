"""What one session may do of all that its account may: the scope of its KYC token.

An account's systems need not all be able to do everything. A token may carry a claim ``scope``, and
what it leaves out the session may not do; a token without the claim leaves out nothing::

    {"actions": ["order", "cancel"], "instruments": ["EUR/USD"], "size": {"EUR": "1000000"}}
         |                               |                           `-- largest order, in the base currency; of
         |                               |                               a swap, in the currency of its amount;
         |                               |                               largest withdrawal
         |                               `-- books; of a swap, the pair that it exchanges; of a withdrawal, a
         |                                   pair that has its currency
         `-- order   NEW_ORDER, AMEND           quote  MASS_QUOTE
             cancel  CANCEL, MASS_CANCEL,       swap   SWAP
                     DEAD_MAN                   read   balances, orders, open withdrawals, replays, drop copies
             withdraw  WITHDRAW, of the account's own money and said so (account 0)

Public answers (VENUE, BOOK) and the account's reports are for every session. An operator's token
that has a scope may only look. What acts on all instruments at once (a MASS_CANCEL of all, the dead-man timer,
cancel on disconnect) is for sessions that may use all. CANCEL and AMEND name an order, not its
instrument, so for such a session the order is looked up.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from fxengine.codes import CommandKind, SwapMode
from fxengine.errors import AmountError
from fxengine.messages import (
    Amend,
    BalancesRequest,
    Cancel,
    DeadMan,
    MassCancel,
    MassQuote,
    NewOrder,
    OpenOrdersRequest,
    OpenWithdrawalsRequest,
    OrderStatusRequest,
    ReplayRequest,
    Swap,
    Withdraw,
)
from fxengine.records import ALL_INSTRUMENTS, QUANTITY_LOTS_MAX
from fxengine.venue import Venue


class Action(StrEnum):
    """What a scope allows or leaves out."""

    ORDER = "order"
    CANCEL = "cancel"
    QUOTE = "quote"
    SWAP = "swap"
    WITHDRAW = "withdraw"
    READ = "read"


ACTION_OF: Final[dict[type[Any], Action]] = {
    NewOrder: Action.ORDER,
    Amend: Action.ORDER,
    Cancel: Action.CANCEL,
    MassCancel: Action.CANCEL,
    DeadMan: Action.CANCEL,
    MassQuote: Action.QUOTE,
    Swap: Action.SWAP,
    Withdraw: Action.WITHDRAW,
    BalancesRequest: Action.READ,
    OrderStatusRequest: Action.READ,
    OpenOrdersRequest: Action.READ,
    OpenWithdrawalsRequest: Action.READ,
    ReplayRequest: Action.READ,
}
"""The action that a message is; what is not here is for every session, or an operator's."""

_KINDS: Final = {
    Action.ORDER: (CommandKind.NEW_ORDER, CommandKind.AMEND),
    Action.CANCEL: (CommandKind.CANCEL, CommandKind.MASS_CANCEL),
    Action.QUOTE: (CommandKind.MASS_QUOTE,),
}

InstrumentOf = Callable[[int, int], int | None]
"""The instrument of the account's open order with this ``(order_id, client_order_id)``; None: no such order is open."""


@dataclass(frozen=True, slots=True)
class Scope:
    """A scope, in the venue's own numbers."""

    actions: frozenset[Action]
    lots_max: tuple[int, ...]
    """Largest order by instrument; 0: not this instrument."""
    units_max: tuple[int, ...]
    """Largest swap and withdrawal by currency."""
    pairs: frozenset[frozenset[int]] | None
    """Pairs of currencies that may be swapped; None: all."""

    @property
    def is_whole(self) -> bool:
        """Say whether it allows all instruments."""
        return self.pairs is None

    @property
    def has_caps(self) -> bool:
        """Say whether an order's instrument or size can be outside it."""
        return min(self.lots_max) < QUANTITY_LOTS_MAX

    def allows(self, message: object, instrument_of: InstrumentOf) -> bool:
        """Say whether a message, whose action is allowed, keeps to the instruments and sizes. O(its levels)."""
        if isinstance(message, NewOrder):
            return 0 < self._cap(message.instrument) >= message.quantity_lots
        if isinstance(message, MassQuote):
            return all(
                max(bids[1::2], default=0) <= cap and max(offers[1::2], default=0) <= cap and cap > 0
                for instrument, bids, offers in message.sets
                for cap in (self._cap(instrument),)
            )
        if isinstance(message, Swap):
            return self._allows_swap(message)
        if isinstance(message, Withdraw):
            return self._allows_withdrawal(message)
        if isinstance(message, MassCancel) and message.instrument != ALL_INSTRUMENTS:
            return self._cap(message.instrument) > 0
        if isinstance(message, MassCancel | DeadMan):
            return self.is_whole
        if (isinstance(message, Amend) and self.has_caps) or (isinstance(message, Cancel) and not self.is_whole):
            instrument = instrument_of(message.order_id, message.orig_client_order_id)
            lots = message.quantity_lots if isinstance(message, Amend) else 1
            return instrument is None or 0 < self._cap(instrument) >= lots
        return True

    def _cap(self, instrument: int) -> int:
        # What is not listed here is the core's to refuse, unless it should be a named one.
        if instrument < len(self.lots_max):
            return self.lots_max[instrument]
        return QUANTITY_LOTS_MAX if self.is_whole else 0

    def _allows_withdrawal(self, withdraw: Withdraw) -> bool:
        currency = withdraw.currency
        if self.pairs is not None and not any(currency in pair for pair in self.pairs):
            return False
        small = currency >= len(self.units_max) or withdraw.amount_units <= self.units_max[currency]
        return small and withdraw.account == 0

    def _allows_swap(self, swap: Swap) -> bool:
        if self.pairs is not None and frozenset((swap.currency_in, swap.currency_out)) not in self.pairs:
            return False
        exact = swap.currency_out if swap.mode == SwapMode.EXACT_OUT else swap.currency_in
        return exact >= len(self.units_max) or swap.amount_units <= self.units_max[exact]


def admission(venue: Venue, scope: Scope | None) -> tuple[int, npt.NDArray[np.int64]]:
    """Return what a session may send as records: a bit per CommandKind, and the largest lots per instrument.

    They are what ``fxengine._core.admit`` takes. It looks no order up, so a session that may not use all
    instruments sends its CANCELs as messages.
    """
    if scope is None:
        return _mask(_KINDS), np.full(len(venue.instruments), QUANTITY_LOTS_MAX, np.int64)
    kinds = _mask(scope.actions & _KINDS.keys())
    if not scope.is_whole:
        kinds &= ~_bit(CommandKind.CANCEL)
    return kinds, np.array(scope.lots_max, np.int64)


def _bit(kind: CommandKind) -> int:
    return 1 << kind


def _mask(actions: Iterable[Action]) -> int:
    return sum(_bit(kind) for action in actions for kind in _KINDS[action])


def parse_scope(claim: object, venue: Venue) -> Scope:
    """Read a token's ``scope``; ValueError for anything that is not plainly one.

    A name that this venue does not list, of an instrument or a currency, allows or bounds nothing here.
    """
    if not isinstance(claim, dict) or claim.keys() - {"actions", "instruments", "size"}:
        raise ValueError("a scope has actions, instruments and size, and nothing else")
    actions = frozenset(map(Action, _texts(claim["actions"]))) if "actions" in claim else frozenset(Action)
    named = _texts(claim["instruments"]) if "instruments" in claim else None
    units_max = _units_max(claim.get("size", {}), venue)
    lots_max = [
        min(QUANTITY_LOTS_MAX, units_max[instrument.base.index] // instrument.lot_units)
        if named is None or instrument.symbol in named
        else 0
        for instrument in venue.instruments
    ]
    pairs = None
    if named is not None:
        listed = [venue.instrument[symbol] for symbol in named if symbol in venue.instrument]
        pairs = frozenset(frozenset((instrument.base.index, instrument.quote.index)) for instrument in listed)
    return Scope(actions, tuple(lots_max), tuple(units_max), pairs)


_UNBOUNDED: Final = 2**127
"""More units than the largest lot times the largest quantity: a currency without a bound."""


def _units_max(sizes: object, venue: Venue) -> list[int]:
    if not isinstance(sizes, dict):
        raise ValueError("size is not an object")
    bounds = [_UNBOUNDED] * len(venue.currencies)
    for code, text in sizes.items():
        if not isinstance(text, str):
            raise ValueError("a size is not decimal text")
        currency = venue.currency.get(code)
        if currency is None:
            continue
        try:
            bounds[currency.index] = currency.units(text)
        except AmountError as e:
            raise ValueError("a size is not an amount of its currency") from e
        if bounds[currency.index] < 0:
            raise ValueError("a size is negative")
    return bounds


def _texts(values: object) -> list[str]:
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise ValueError("not a list of text")
    return values
