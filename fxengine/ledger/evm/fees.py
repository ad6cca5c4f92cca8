"""What a transaction offers for its gas, and how much more when it is not taken.

EIP-1559: a block has a base fee, which may rise by an eighth from one to the next, and a transaction says what
it pays at most and how much of that is the block's maker's. Twice the base fee outlasts five full blocks. A
node takes another transaction with the same nonce only when both offers are a tenth higher; an eighth is what
all of them accept. All amounts are wei per gas.
"""

from typing import Final, NamedTuple

GWEI: Final = 10**9
MAX_FEE_GWEI: Final = 200
"""The most that is offered where nobody says otherwise."""


class Fees(NamedTuple):
    """What a transaction offers, in wei per gas."""

    max_fee: int
    priority_fee: int


def offer(base_fee: int, tip: int, most: int) -> Fees | None:
    """Return the offer for the next blocks, at most ``most``; None where that is not enough even for the next one."""
    if base_fee + tip > most:
        return None
    return Fees(min(2 * base_fee + tip, most), tip)


def raised(wanted: Fees, replaced: Fees, most: int) -> Fees | None:
    """Return an offer that replaces ``replaced``, at least ``wanted``; None where ``most`` forbids it.

    >>> raised(Fees(100, 2), Fees(100, 2), 1000)
    Fees(max_fee=113, priority_fee=3)
    >>> raised(Fees(300, 2), Fees(100, 2), 1000)
    Fees(max_fee=300, priority_fee=3)
    """
    fees = Fees(*(max(new, old + old // 8 + 1) for new, old in zip(wanted, replaced, strict=True)))
    return fees if fees.max_fee <= most else None
