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


_REFERENCE_MATCHING = "fxengine/reference/matching.py"
_ARITHMETIC, _MATCHING = "fxengine/core/arithmetic.pxi", "fxengine/core/matching.pxi"
_ENDINGS, _ORDERS = "fxengine/core/endings.pxi", "fxengine/core/orders.pxi"

_EITHER_IS_0 = "at a rate of 0 the fee and the rebate are both 0, and the order's credit stays as it is"
_FEE_IS_0 = "a fee of 0 moves nothing, whichever currency it would be taken in"
_BOTH_EXACT = "at the border of 64 and 128 bits both ways are exact"
_CREDIT_USED_UP = "where they are equal nothing is due either way, and the credit becomes 0"
_GROSS_IS_EXACT = "the division gives the least gross already, and neither correction is ever made"
_POOL_HAS_ALL = "when the quick ways have not found every order, the pool is walked, which has them all; only later"
_SLOTS_DIFFER = "no two orders share a slot"
_ONE_MORE_TURN = "a level is walked once more where nothing is hidden: each part of that turn is 0, and is passed by"
_NOT_READ_BEFORE_REST = "what an order shows is written when it rests, and read only while it does"

EQUIVALENTS: tuple[Equivalent, ...] = (
    Equivalent(
        "fxengine/core/icebergs.pxi",
        "if unlikely(has_turns) and part_of(s, order, walk.turn + 1):",
        "if unlikely(has_turns) or part_of(s, order, walk.turn + 1):",
        _ONE_MORE_TURN,
    ),
    Equivalent(_REFERENCE_MATCHING, "if instrument.maker_rate >= 0:", "if instrument.maker_rate > 0:", _EITHER_IS_0),
    Equivalent(_REFERENCE_MATCHING, "if instrument.maker_rate >= 0:", "if instrument.maker_rate >= 1:", _EITHER_IS_0),
    Equivalent(_MATCHING, "if book.maker_rate >= 0:", "if book.maker_rate > 0:", _EITHER_IS_0),
    Equivalent(_MATCHING, "if book.maker_rate >= 0:", "if book.maker_rate >= 1:", _EITHER_IS_0),
    Equivalent(_MATCHING, "if fee_units >= 0:", "if fee_units > 0:", _FEE_IS_0),
    Equivalent(_MATCHING, "if fee_units >= 0:", "if fee_units >= 1:", _FEE_IS_0),
    Equivalent(
        _ARITHMETIC,
        "return a if a < b else b",
        "return a if a <= b else b",
        "either is the lesser of two that are equal",
    ),
    Equivalent(
        _ARITHMETIC,
        "if likely(received_units < <u64>FAST_UNITS):",
        "if likely(received_units <= <u64>FAST_UNITS):",
        _BOTH_EXACT,
    ),
    Equivalent(
        _ARITHMETIC,
        "if likely(taker_received_units < <u64>FAST_UNITS):",
        "if likely(taker_received_units <= <u64>FAST_UNITS):",
        _BOTH_EXACT,
    ),
    Equivalent(_ARITHMETIC, "if owed <= credit[0]:", "if owed < credit[0]:", _CREDIT_USED_UP),
    Equivalent(_ARITHMETIC, "if owed_wide <= credit[0]:", "if owed_wide < credit[0]:", _CREDIT_USED_UP),
    *(
        Equivalent(_ARITHMETIC, before, after, _GROSS_IS_EXACT)
        for before, *changed in (
            ("gross += 1", "gross += 0", "gross -= 1", "pass  # gross += 1"),
            ("gross -= 1", "gross -= 0", "gross += 1", "pass  # gross -= 1"),
            (
                "while gross > 1 and net_of_fee(rate, gross - 1) >= <u128>net_units:",
                "while gross > 0 and net_of_fee(rate, gross - 1) >= <u128>net_units:",
                "while gross >= 1 and net_of_fee(rate, gross - 1) >= <u128>net_units:",
                "while gross > 1 and net_of_fee(rate, gross - 1) > <u128>net_units:",
            ),
        )
        for after in changed
    ),
    *(
        Equivalent(_ENDINGS, "return (left.slot > right.slot) - (left.slot < right.slot)", after, _SLOTS_DIFFER)
        for after in (
            "return (left.slot >= right.slot) - (left.slot < right.slot)",
            "return (left.slot > right.slot) - (left.slot <= right.slot)",
        )
    ),
    Equivalent(
        _ENDINGS,
        "return 1 if left.client_order_id > right.client_order_id else -1",
        "return 1 if left.client_order_id >= right.client_order_id else -1",
        "they differ where this line is reached",
    ),
    Equivalent(
        _ENDINGS,
        "note_ending(s, endings, s.orders + quotes.levels[side][i].slot)",
        "pass  # note_ending(s, endings, s.orders + quotes.levels[side][i].slot)",
        _POOL_HAS_ALL,
    ),
    Equivalent(_ENDINGS, "note_ending(s, endings, order)", "pass  # note_ending(s, endings, order)", _POOL_HAS_ALL),
    Equivalent(_ENDINGS, "if endings.n < account.n_orders:", "if endings.n <= account.n_orders:", _POOL_HAS_ALL),
    Equivalent(_ORDERS, "detail.shown_lots = 0", "detail.shown_lots = 1", _NOT_READ_BEFORE_REST),
    Equivalent(_ORDERS, "detail.shown_lots = 0", "pass  # detail.shown_lots = 0", _NOT_READ_BEFORE_REST),
    Equivalent(
        _ORDERS,
        "if command.display_lots < 1 or command.display_lots > command.quantity_lots:",
        "if command.display_lots < 0 or command.display_lots > command.quantity_lots:",
        "a displayed quantity of 0 does not come here",
    ),
    Equivalent(
        _ORDERS,
        "command.account if mode else 0,",
        "command.account if mode else 1,",
        "account 1 is the custodian's: it has no orders and no trade group",
    ),
)

_REASONS = {one[:3]: one.reason for one in EQUIVALENTS}


def reason_of(mutant: Mutant) -> str | None:
    """Return why a mutant cannot be killed, if that is known."""
    return _REASONS.get((mutant.path, mutant.before.strip(), mutant.after.strip()))
