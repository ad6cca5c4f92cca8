"""From what a caller says, in decimal text and names, to the messages of the wire, in integers.

Pure functions over the venue's listing. What cannot be said exactly is refused here with
:class:`AmountError`; it is never rounded.
"""

from fxengine.client.listing import Listing
from fxengine.codes import ExecInst, OrdType, Side, SwapMode, TimeInForce
from fxengine.errors import AmountError
from fxengine.messages import NewOrder, Swap
from fxengine.venue import Instrument


def side_of(side: Side | str) -> Side:
    """Accept a Side or its name.

    >>> side_of("buy")
    <Side.BUY: 1>
    """
    if isinstance(side, Side):
        return side
    try:
        return Side[side.upper()]
    except KeyError:
        raise AmountError(f"side {side!r} is neither 'BUY' nor 'SELL'") from None


def order_request(
    client_order_id: int,
    instrument: Instrument,
    side: Side,
    price_ticks: int,
    quantity_lots: int,
    *,
    time_in_force: TimeInForce,
    post_only: bool,
) -> NewOrder:
    """Build a NEW_ORDER."""
    return NewOrder(
        client_order_id,
        instrument.index,
        int(side),
        int(OrdType.LIMIT),
        int(time_in_force),
        int(ExecInst.POST_ONLY if post_only else ExecInst.NONE),
        price_ticks,
        quantity_lots,
    )


def swap_request(
    listing: Listing,
    pay: str,
    receive: str,
    *,
    exact_in: str | None,
    min_out: str | None,
    exact_out: str | None,
    max_in: str | None,
    payee: int,
    deadline_ns: int,
) -> Swap:
    """Build a SWAP, its client order id still 0, from exactly one of (exact_in, min_out) and (exact_out, max_in).

    Raises :class:`AmountError` for any other combination: a swap without a bound is a blank cheque.
    """
    paid, received = listing.currency(pay), listing.currency(receive)
    if exact_in is not None and min_out is not None and exact_out is None and max_in is None:
        mode, amount, bound = SwapMode.EXACT_IN, paid.units(exact_in), received.units(min_out)
    elif exact_out is not None and max_in is not None and exact_in is None and min_out is None:
        mode, amount, bound = SwapMode.EXACT_OUT, received.units(exact_out), paid.units(max_in)
    else:
        raise AmountError("say either exact_in and min_out, or exact_out and max_in")
    return Swap(0, paid.index, received.index, int(mode), amount, bound, deadline_ns, payee)
