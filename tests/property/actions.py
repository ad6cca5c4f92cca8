"""What can happen in a history, in the venue's own terms: ids and order ids are filled in as it is played."""

from typing import NamedTuple

from fxengine.codes import (
    ExecInst,
    GuardAction,
    OrdType,
    RevokeAction,
    SelfTradePrevention,
    Side,
    SwapMode,
    TimeInForce,
    WithdrawalAction,
)


class Order(NamedTuple):
    """Enter an order."""

    who: int
    instrument: int
    side: Side
    price_ticks: int
    lots: int
    time_in_force: TimeInForce = TimeInForce.GTC
    exec_inst: ExecInst = ExecInst.NONE
    ord_type: OrdType = OrdType.LIMIT
    prevention: SelfTradePrevention = SelfTradePrevention.NONE
    life_ns: int = 0
    display_lots: int = 0
    stop_price_ticks: int = 0
    min_lots: int = 0


class Amend(NamedTuple):
    """Amend the who's n-th last accepted order, open or not; ``expected_cum_lots`` -1 for any."""

    who: int
    nth_last: int
    price_ticks: int
    lots: int
    expected_cum_lots: int


class MassCancel(NamedTuple):
    """Cancel the who's orders in an instrument (None: all) and on a side (0: both)."""

    who: int
    instrument: int | None
    side: int


class Quote(NamedTuple):
    """Quote one instrument: so many bids below a price and offers above, each for so many lots."""

    who: int
    instrument: int
    middle_ticks: int
    bids: tuple[int, ...]
    offers: tuple[int, ...]


class Cancel(NamedTuple):
    """Cancel the who's n-th last accepted order, open or not, by either id."""

    who: int
    nth_last: int
    by_client_id: bool


class Swap(NamedTuple):
    """Swap; payee None is the payer."""

    who: int
    pay: int
    get: int
    mode: SwapMode
    amount_units: int
    bound_units: int | None
    payee: int | None
    allow_partial: bool = False
    worst_units: int = 0
    """What all of it may bring or cost at the worst; 0: any."""


class Move(NamedTuple):
    """Deposit, or with a negative amount ask for a withdrawal; ``reference`` 0 is none."""

    who: int
    currency: int
    amount_units: int
    reference: int = 0
    own: bool = False
    """The withdrawal is asked for by its owner."""


class EndWithdrawal(NamedTuple):
    """End the n-th last withdrawal that was asked for, open or not."""

    nth_last: int
    action: WithdrawalAction


class Settle(NamedTuple):
    """Say that all but the latest commands are FINAL."""

    but: int


class Control(NamedTuple):
    """Close or open a currency (None: the venue)."""

    currency: int | None
    closed: bool
    by_venue: bool


class Bust(NamedTuple):
    """Undo the n-th last trade."""

    nth_last: int


class FeePayout(NamedTuple):
    """Pay out fees to somebody."""

    who: int
    currency: int
    amount_units: int


class Wait(NamedTuple):
    """Let time pass."""

    for_ns: int


class Renew(NamedTuple):
    """Give the guest a new credential of this length."""

    life_ns: int


class Repeat(NamedTuple):
    """Send the n-th last numbered command again."""

    nth_last: int


class Guard(NamedTuple):
    """Set a dead-man timer (0: stop it), watch (0: no longer), or say that the connection is gone."""

    who: int
    action: GuardAction
    setting: int


class Revoke(NamedTuple):
    """Let the operator freeze or release somebody, or revoke the token of its credential."""

    whom: int
    action: RevokeAction


class Refresh(NamedTuple):
    """Give somebody a credential by a new token, as long as the one it had."""

    who: int


Action = (
    EndWithdrawal
    | Settle
    | Control
    | Bust
    | FeePayout
    | Order
    | Amend
    | MassCancel
    | Quote
    | Cancel
    | Swap
    | Move
    | Wait
    | Renew
    | Repeat
    | Guard
    | Revoke
    | Refresh
)
