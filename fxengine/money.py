"""Exact money: text to integer and back, and the arithmetic that the core does in 128 bits.

All amounts are whole numbers of a currency's smallest unit ("units"); all prices are whole
ticks and all quantities whole lots of an instrument. No float appears here or in any caller.

Rounding theory. A fill never rounds: the venue file guarantees that one tick times one lot is
a whole number of quote units (``tick_lot_units``), so ``notional_units`` is a product of
integers. Only fees round, and always against the payer of the fee, by less than one unit over
the whole order: the fee charged for a fill is the difference of two ceilings of the running
receipts, so the ceilings telescope::

    receipts so far   0 ........ 700 ........ 1500        rate 0.02 %
    fee owed so far   0           1            1          ceil(0.14), ceil(0.30)
    charged now                   1            0          never 2 for one order

An order may first take and then rest, at two rates; what it owes is the ceiling of both together.
So an order does not remember its receipts but its *credit*: what it has paid beyond what it owed
exactly, in millionths of a unit, always less than one unit (:func:`fee_and_credit`).

A rebate (negative maker rate) is the floor of the rate times what the taker received in that
one fill. Because ceil(a + d) - ceil(a) >= floor(d), the taker's fee of the same fill always
covers it as long as the rebate's rate is at most the taker's; the venue file enforces that.
"""

from decimal import Decimal, InvalidOperation

from fxengine.errors import AmountError

INT64_MAX = 2**63 - 1

TEXT_MAX = 64
"""Characters of the longest amount that is read; int64 with every decimal needs fewer than half."""

RATE_ONE = 1_000_000
"""Fee rates are in hundredths of a basis point: this many make one."""


def parse_scaled(text: str, decimals: int) -> int:
    """Turn decimal text into a whole number of 10**-decimals, exactly.

    Raises :class:`AmountError` for a float, an exponent, a sign on zero digits, too many
    decimals or characters, or a value outside int64. Never rounds.

    >>> parse_scaled("250000.00", 6)
    250000000000
    >>> parse_scaled("0.0000001", 6)
    Traceback (most recent call last):
        ...
    fxengine.errors.AmountError: '0.0000001' has more than 6 decimals
    """
    if not isinstance(text, str):
        raise AmountError(f"an amount is text such as '12.50', not {type(text).__name__}")
    if len(text) > TEXT_MAX:
        raise AmountError(f"an amount has at most {TEXT_MAX} characters, not {len(text)}")
    digits = text.removeprefix("-").replace(".", "", 1)
    if not (digits.isascii() and digits.isdigit()):
        raise AmountError(f"{text!r} is not a plain decimal number such as '12.50'")
    try:
        sign, figures, exponent = Decimal(text).as_tuple()
    except InvalidOperation:
        raise AmountError(f"{text!r} is not a plain decimal number such as '12.50'") from None
    assert isinstance(exponent, int)
    value = int("".join(map(str, figures)))
    shift = exponent + decimals
    scale: int = 10 ** abs(shift)
    if shift >= 0:
        value *= scale
    else:
        value, rest = divmod(value, scale)
        if rest:
            raise AmountError(f"{text!r} has more than {decimals} decimals")
    if value > INT64_MAX:
        raise AmountError(f"{text!r} is larger than the venue can represent")
    return -value if sign else value


def format_scaled(value: int, decimals: int) -> str:
    """Write a whole number of 10**-decimals as decimal text; the inverse of :func:`parse_scaled`.

    >>> format_scaled(250000000000, 6)
    '250000.000000'
    >>> format_scaled(-5, 2)
    '-0.05'
    """
    sign = "-" if value < 0 else ""
    whole, part = divmod(abs(value), 10**decimals)
    return f"{sign}{whole}.{part:0{decimals}d}" if decimals else f"{sign}{whole}"


def fee_owed_units(rate: int, received_units: int) -> int:
    """Return the fee on all that an order receives at one rate, rounded up (against the order).

    ``rate`` is in hundredths of a basis point and not negative. Error: below one unit, O(1).

    >>> fee_owed_units(200, 700), fee_owed_units(200, 1500)
    (1, 1)
    """
    return -(-rate * received_units // RATE_ONE)


def fee_and_credit(rate: int, received_units: int, credit: int) -> tuple[int, int]:
    """Return the fee now due on a receipt, and the order's credit after it.

    ``credit`` is what the order has paid so far beyond rate times receipts, in millionths of a unit,
    0 to 999,999; so is the result. The fees of an order add up to the ceiling of all it owes, whatever
    the rates and in whatever parts it was filled. O(1).

    >>> fee_and_credit(200, 700, 0)
    (1, 860000)
    >>> fee_and_credit(200, 800, 860_000)
    (0, 700000)
    """
    due = rate * received_units - credit
    fee = -(-due // RATE_ONE)
    return fee, fee * RATE_ONE - due


def rebate_units(rate: int, taker_received_units: int) -> int:
    """Return a maker's rebate for one fill, rounded down; ``rate`` is its positive size.

    >>> rebate_units(100, 29_999)
    2
    """
    return rate * taker_received_units // RATE_ONE


def gross_for_net_units(rate: int, net_units: int) -> int:
    """Return the least receipt that leaves at least ``net_units`` after its fee.

    What a receipt of g leaves is floor(g * (1 - rate)), which is at least the net amount exactly from
    net / (1 - rate) on. ``rate`` is below one.

    >>> gross_for_net_units(10_000, 10_000)  # 1 %: 10_102 - 102 = 10_000, and 10_101 - 102 is less
    10102
    """
    return -(-net_units * RATE_ONE // (RATE_ONE - rate))
