"""A market maker of the demo: a ladder in every book, moved when its fair price moves.

It behaves as a real one does over the same wire: one frame carries a whole step's cancels and new
orders, the answers tell what stands, and a quote that was taken is put up again at the next step.
"""

import threading

from fxengine.client import Client, Order
from fxengine.codes import Side
from fxengine.demo.quoting import LADDER, Drift, Quote, ladder
from fxengine.demo.rates import ReferenceRates
from fxengine.demo.scoreboard import Scoreboard
from fxengine.errors import RequestRejected

STEP_S = 0.2
Place = tuple[int, Side, int]


class MarketMaker:
    """One maker's session and what it has standing, by instrument, side and rung."""

    def __init__(self, client: Client, rates: ReferenceRates, board: Scoreboard, *, seed: int, skew_ppm: int) -> None:
        listing = client.protocol.listing
        assert listing is not None
        self.client = client
        self._rates = rates
        self._board = board
        self._skew_ppm = skew_ppm
        self._instruments = listing.instruments
        self._drift = Drift([c.code for c in listing.currencies], seed)
        self._standing: dict[Place, Order] = {}

    def run(self, stop: threading.Event) -> None:
        """Quote until told to stop."""
        while not stop.is_set():
            self.step()
            stop.wait(STEP_S)

    def step(self) -> None:
        """Move what has to be moved, in one frame, and learn what stands."""
        self._drift.step()
        self._board.heard(self.client.poll())
        moves = [quote for quote in self._wanted() if self._is_stale(quote)]
        old = [order for quote in moves if (order := self._standing.pop(_place(quote), None)) and order.is_open]
        protocol = self.client.protocol
        cancels = [protocol.cancel(order) for order in old]
        entries = [protocol.new_order_ticks(q.instrument, q.side, q.price_ticks, q.quantity_lots) for q in moves]
        self.client.wait_all(cancels)
        for quote, order in zip(moves, self.client.wait_all(entries), strict=True):
            self._board.count_order()
            if not isinstance(order, RequestRejected):
                self._standing[_place(quote)] = order

    def _wanted(self) -> list[Quote]:
        return [
            quote
            for instrument in self._instruments
            for quote in ladder(instrument, self._rates, self._drift, skew_ppm=self._skew_ppm)
        ]

    def _is_stale(self, quote: Quote) -> bool:
        """Say whether what stands there is gone, mostly taken, or off by more than a fifth of its distance."""
        order = self._standing.get(_place(quote))
        if order is None or not order.is_open or order.leaves_lots * 2 < quote.quantity_lots:
            return True
        slack_ticks = quote.price_ticks * LADDER[quote.rung].distance_ppm // 5_000_000
        return abs(order.price_ticks - quote.price_ticks) > slack_ticks


def _place(quote: Quote) -> Place:
    return quote.instrument.index, quote.side, quote.rung
