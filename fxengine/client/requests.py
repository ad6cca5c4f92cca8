"""From what a caller says, in decimal text and names, to the messages of the wire, in integers.

Pure functions over the venue's listing. What cannot be said exactly is refused here with
:class:`AmountError`; it is never rounded.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fxengine.client.listing import Listing
from fxengine.codes import ExecInst, OrdType, SelfTradePrevention, Side, SwapFlag, SwapMode, TimeInForce
from fxengine.errors import AmountError
from fxengine.messages import MassQuote, NewOrder, Swap, SwapQuoteRequest
from fxengine.messages.fields import QUOTE_SETS_MAX, QUOTE_VALUES_MAX
from fxengine.money import INT64_MAX, parse_scaled
from fxengine.venue import Currency, Instrument

_PRICE_DECIMALS = 12

Levels = Sequence[tuple[str, str]]
"""One side of a quote: (price, quantity) as decimal text, best first."""
LevelsTicks = Sequence[tuple[int, int]]
"""One side of a quote: (price_ticks, quantity_lots), best first."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What an order says beside its side, price and quantity."""

    ord_type: OrdType = OrdType.LIMIT
    time_in_force: TimeInForce | None = None
    """None: IOC for a MARKET order, GTD where an expire time is given, else GTC."""
    post_only: bool = False
    """Refuse it if it would trade at once."""
    expire_ns: int = 0
    """GTD: valid strictly before this time, ns since 1970 UTC."""
    display_lots: int = 0
    """Show only this much of it at a time (an iceberg); 0: all."""
    stop_price_ticks: int = 0
    """STOP and STOP_LIMIT: wait until a trade at this price or beyond it."""
    min_lots: int = 0
    """IOC: at least this much, or nothing; 0: any."""
    self_trade_prevention: SelfTradePrevention = SelfTradePrevention.NONE

    def lives(self) -> TimeInForce:
        """Return the time in force, where none was said the one that fits."""
        if self.time_in_force is not None:
            return self.time_in_force
        if self.ord_type is OrdType.MARKET:
            return TimeInForce.IOC
        return TimeInForce.GTD if self.expire_ns else TimeInForce.GTC


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
    client_order_id: int, instrument: Instrument, side: Side, price_ticks: int, quantity_lots: int, terms: Terms
) -> NewOrder:
    """Build a NEW_ORDER."""
    return NewOrder(
        client_order_id,
        instrument.index,
        int(side),
        int(terms.ord_type),
        int(terms.lives()),
        int(ExecInst.POST_ONLY if terms.post_only else ExecInst.NONE),
        int(terms.self_trade_prevention),
        price_ticks,
        quantity_lots,
        terms.expire_ns,
        terms.display_lots,
        terms.stop_price_ticks,
        terms.min_lots,
    )


def quote_request(client_order_id: int, sets: Mapping[Instrument, tuple[LevelsTicks, LevelsTicks]]) -> MassQuote:
    """Build a MASS_QUOTE; :class:`AmountError` where it has more sets, or a side more levels, than fit."""
    if not 1 <= len(sets) <= QUOTE_SETS_MAX:
        raise AmountError(f"a mass quote has 1 to {QUOTE_SETS_MAX} instruments, not {len(sets)}")
    rows = []
    for instrument, (bids, offers) in sets.items():
        if max(len(bids), len(offers)) > QUOTE_VALUES_MAX // 2:
            raise AmountError(f"{instrument.symbol}: a side of a quote has at most {QUOTE_VALUES_MAX // 2} levels")
        rows.append((instrument.index, _flat(bids), _flat(offers)))
    return MassQuote(client_order_id, tuple(rows))


def levels_in_ticks(instrument: Instrument, levels: Levels) -> list[tuple[int, int]]:
    """Turn one side of a quote into ticks and lots."""
    return [(instrument.ticks(price), instrument.lots(quantity)) for price, quantity in levels]


def _flat(levels: LevelsTicks) -> tuple[int, ...]:
    return tuple(number for level in levels for number in level)


@dataclass(frozen=True, slots=True)
class SwapTerms:
    """What a swap is to exchange, as a caller says it: one end exact, the other bounded."""

    exact_in: str | None = None
    min_out: str | None = None
    exact_out: str | None = None
    max_in: str | None = None
    worst_price: str | None = None
    """Most of the currency paid for one of the currency received, after fees, for each part by itself."""
    allow_partial: bool = False
    payee: int = 0


def swap_request(listing: Listing, pay: str, receive: str, terms: SwapTerms, deadline_ns: int) -> Swap:
    """Build a SWAP, its client order id still 0, from exactly one of (exact_in, min_out) and (exact_out, max_in).

    Raises :class:`AmountError` for any other combination: a swap without a bound is a blank cheque.
    """
    asked = swap_quote_request(listing, pay, receive, terms)
    if (terms.exact_in is None) != (terms.min_out is None) or (terms.exact_out is None) != (terms.max_in is None):
        raise AmountError("say either exact_in and min_out, or exact_out and max_in")
    _, currency_in, currency_out, mode, amount, bound, payee, flags, worst = asked
    return Swap(0, currency_in, currency_out, mode, amount, bound, deadline_ns, payee, flags, worst)


def swap_quote_request(listing: Listing, pay: str, receive: str, terms: SwapTerms) -> SwapQuoteRequest:
    """Build a SWAP_QUOTE_REQUEST, its request id still 0; it needs no bound."""
    paid, received = listing.currency(pay), listing.currency(receive)
    if terms.exact_in is not None and terms.exact_out is None and terms.max_in is None:
        mode, amount = SwapMode.EXACT_IN, paid.units(terms.exact_in)
        bound = received.units(terms.min_out) if terms.min_out is not None else 1
    elif terms.exact_out is not None and terms.exact_in is None and terms.min_out is None:
        mode, amount = SwapMode.EXACT_OUT, received.units(terms.exact_out)
        bound = paid.units(terms.max_in) if terms.max_in is not None else INT64_MAX
    else:
        raise AmountError("say either exact_in and min_out, or exact_out and max_in")
    worst = 0 if terms.worst_price is None else _worst_units(mode, amount, terms.worst_price, paid, received)
    flags = SwapFlag.ALLOW_PARTIAL if terms.allow_partial else SwapFlag.NONE
    return SwapQuoteRequest(0, paid.index, received.index, int(mode), amount, bound, terms.payee, int(flags), worst)


def _worst_units(mode: SwapMode, amount: int, price: str, paid: Currency, received: Currency) -> int:
    """Return what all of an amount is worth at a price: rounded so that nothing worse than the price is taken."""
    scaled = parse_scaled(price, _PRICE_DECIMALS)
    if scaled < 1:
        raise AmountError(f"worst price {price!r} is not positive")
    above: int = scaled * 10**paid.decimals
    below: int = 10 ** (received.decimals + _PRICE_DECIMALS)
    worst = -(-amount * below // above) if mode is SwapMode.EXACT_IN else amount * above // below
    if not 1 <= worst <= INT64_MAX:
        raise AmountError(f"worst price {price} cannot be told for so small or large an amount")
    return worst
