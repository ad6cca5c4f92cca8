"""What the venue lists, as its VENUE message told it: the client's own currencies and instruments.

With these the client turns decimal text into the integers of the wire and back, exactly, with the
same code as the venue (``fxengine.venue.Instrument``). It needs no venue file.
"""

from dataclasses import dataclass

from fxengine.codes import RejectReason
from fxengine.errors import ProtocolError, RequestRejected
from fxengine.messages import VenueDescription
from fxengine.venue import Currency, Instrument


@dataclass(frozen=True, slots=True)
class Listing:
    """A venue's reference data. Build it with :func:`read_listing`."""

    venue_id: str
    name: str
    currencies: tuple[Currency, ...]
    instruments: tuple[Instrument, ...]
    by_code: dict[str, Currency]
    by_symbol: dict[str, Instrument]
    swap_rate: int | None
    """The fee of a swap's last leg, where it takes the place of every leg's taker fee; hundredths of a basis point."""

    def currency(self, code: str) -> Currency:
        """Return a currency by its code; :class:`RequestRejected` as the venue would, without asking it."""
        if code not in self.by_code:
            raise RequestRejected(RejectReason.UNKNOWN_CURRENCY, f"{code!r}: {RejectReason.UNKNOWN_CURRENCY.text}")
        return self.by_code[code]

    def instrument(self, symbol: str) -> Instrument:
        """Return an instrument by its symbol; :class:`RequestRejected` as the venue would, without asking it."""
        if symbol not in self.by_symbol:
            reason = RejectReason.UNKNOWN_INSTRUMENT
            raise RequestRejected(reason, f"{symbol!r}: {reason.text}")
        return self.by_symbol[symbol]


def read_listing(message: VenueDescription) -> Listing:
    """Build the listing; :class:`ProtocolError` where an instrument names a currency that is not there."""
    currencies = tuple(Currency(n, *row) for n, row in enumerate(message.currencies))
    instruments = []
    for n, row in enumerate(message.instruments):
        symbol, base, quote, tick, lot, maker_rate, taker_rate, lot_units, tick_lot_units = row
        if max(base, quote) >= len(currencies):
            raise ProtocolError(f"the venue lists {symbol!r} without its currencies")
        pair = currencies[base], currencies[quote]
        instruments.append(Instrument(n, symbol, *pair, tick, lot, maker_rate, taker_rate, lot_units, tick_lot_units))
    return Listing(
        message.venue_id,
        message.name,
        currencies,
        tuple(instruments),
        {currency.code: currency for currency in currencies},
        {instrument.symbol: instrument for instrument in instruments},
        None if message.swap_rate < 0 else message.swap_rate,
    )
