"""A venue killed with -9 in the middle of trading comes back with everything it had acknowledged, once."""

import random
import sqlite3
from contextlib import closing
from pathlib import Path

from fxengine.client import Call, Client, Order
from fxengine.codes import Side
from fxengine.home import Home
from tests.integration.served_venue import ServedVenue, answer

KILLS = 4
ORDERS_PER_FRAME = 12
BOOKED = """
    SELECT code, amount_units FROM balances JOIN accounts USING (account) JOIN currencies USING (currency)
    WHERE subject = ? AND amount_units <> 0
"""
Sent = dict[int, tuple[Side, int, int]]


class Trader:
    """Sends crossing orders with ids of its own and remembers what it was told."""

    def __init__(self, account: str, side: Side, rng: random.Random) -> None:
        self.account, self.side, self.rng = account, side, rng
        self.client: Client | None = None
        self.sent: Sent = {}
        self.told: dict[int, tuple[int, int]] = {}  # client id: order id, lots known to be filled
        self.final_batches: set[int] = set()
        self.next_id = 1

    def trade(self) -> None:
        """Send one frame of orders and take in the answers; VenueUnreachable when the venue is gone."""
        assert self.client is not None
        for call in self._enter_frame():
            self._note(self.client.wait(call))
        for report in self.client.poll():
            batch_id = getattr(report, "batch_id", None)
            if batch_id is not None:
                self.final_batches.add(batch_id)

    def trade_into_the_void(self) -> None:
        """Send one frame of orders and do not wait: nobody will know what became of them."""
        assert self.client is not None
        self._enter_frame()
        self.client.poll()

    def ask_again(self) -> None:
        """Send every order ever sent once more; each answer must agree with what was acknowledged."""
        assert self.client is not None
        for client_id, body in self.sent.items():
            order = self.client.wait(self._enter(client_id, body))
            if client_id in self.told:
                order_id, lots = self.told[client_id]
                assert order.order_id == order_id, (
                    f"{self.account}: order {client_id} was acknowledged and is another now"
                )
                assert order.cum_lots >= lots, f"{self.account}: a fill of order {client_id} was lost"
            assert order.quantity_lots == body[2]
            self._note(order)

    def _enter_frame(self) -> list[Call[Order]]:
        calls = []
        for _ in range(ORDERS_PER_FRAME):
            body = (self.side, 111_700 + self.rng.randint(-3, 3), self.rng.randint(1, 40))
            self.sent[self.next_id] = body
            calls.append(self._enter(self.next_id, body))
            self.next_id += 1
        return calls

    def _enter(self, client_id: int, body: tuple[Side, int, int]) -> Call[Order]:
        assert self.client is not None
        assert self.client.protocol.listing is not None
        instrument = self.client.protocol.listing.instrument("EUR/USD")
        return self.client.protocol.new_order_ticks(instrument, *body, client_order_id=client_id)

    def _note(self, order: Order) -> None:
        self.told[order.client_order_id] = order.order_id, order.cum_lots


def holdings(client: Client | None) -> dict[str, int]:
    assert client is not None
    return {code: b.available_units + b.held_units for code, b in client.balances().items()}


def test_nothing_acknowledged_is_lost_and_nothing_happens_twice(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    home = Home.create(tmp_path / "venue")
    buyer, seller = traders = Trader("maker-1", Side.BUY, rng), Trader("maker-2", Side.SELL, rng)
    with ServedVenue(home) as venue:
        for trader, currency in ((buyer, "USD"), (seller, "EUR")):
            trader.client = venue.log_on(trader.account)
            venue.deposit(trader.client, **{currency: "10000000"})
        for _ in range(KILLS):
            for _ in range(rng.randint(3, 12)):
                buyer.trade()
                seller.trade()
            rng.choice(traders).trade_into_the_void()
            venue.kill()
            for trader in traders:
                assert trader.client is not None
                trader.client.close()
            venue.start()
            for trader in traders:
                trader.client = venue.log_on(trader.account)
                trader.ask_again()
        for trader in traders:
            trader.ask_again()
        bought = holdings(buyer.client)
        for trader in traders:
            assert trader.client is not None
            trader.client.close()
        venue.stop()

    found = answer("verify", str(home.directory))
    assert found["ok"], found["problems"]
    assert found["exit_code"] == 0
    with closing(sqlite3.connect(home.directory / "ledger.sqlite")) as ledger:
        posted = [row[0] for row in ledger.execute("SELECT batch FROM batches ORDER BY batch")]
        booked = dict(ledger.execute(BOOKED, [buyer.account]))
    assert posted == list(range(1, len(posted) + 1)), "each batch stands there once, in order"
    assert buyer.final_batches | seller.final_batches <= set(posted), "what was told FINAL is in the ledger"
    assert booked == bought, "the ledger has what the account was shown"
    lots = [sum(lots for _, lots in trader.told.values()) for trader in traders]
    assert lots[0] == lots[1] > 0, "what one side's orders were told is what the other's were"
