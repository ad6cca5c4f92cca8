"""A payment retried through every point at which the venue or the payer can be killed pays once."""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from fxengine.client import Client
from fxengine.codes import EventKind
from fxengine.errors import VenueUnreachable
from fxengine.home import Home
from tests.integration.kill_points import NEVER, PAYER_POINTS, VENUE_POINTS
from tests.integration.killable_venue import KillableVenue
from tests.integration.served_venue import answer

RECEIVED_UNITS = 10 * 10**6


class Market:
    """A served venue where a maker offers dollars for euros, and payer-1 has payments to make to payee-1."""

    def __init__(self, tmp_path: Path, short_folder: Path) -> None:
        self.venue = KillableVenue(Home.create(tmp_path / "venue"), short_folder)
        self.venue.start()
        maker, payer, payee = (self.venue.log_on(name) for name in ("maker-1", "payer-1", "payee-1"))
        self.payer, self.payee = payer.account, payee.account
        self.venue.deposit(maker.account, USD="1000000")
        self.venue.deposit(self.payer, EUR="1000")
        maker.new_order("EUR/USD", "BUY", "1.10000", "5000")
        for client in (maker, payer, payee):
            client.close()
        self.next_id = 1

    def payee_units(self) -> int:
        with self.venue.log_on("payee-1") as payee:
            balance = payee.balances().get("USD")
            return balance.available_units if balance else 0

    def pay(self, client: Client, client_order_id: int) -> int:
        """Pay, or pay again, under this id; return what the receipt says was received."""
        receipt = client.swap(
            "EUR", "USD", exact_out="10", max_in="20", payee=self.payee, client_order_id=client_order_id
        )
        return receipt.received_units


@pytest.fixture
def market(tmp_path: Path, short_folder: Path) -> Iterator[Market]:
    made = Market(tmp_path, short_folder)
    yield made
    made.venue.close()


def test_a_payment_retried_through_every_death_of_the_venue_pays_once(market: Market) -> None:
    venue = market.venue
    venue.stop()
    venue.start(VENUE_POINTS[0], 1)
    for number, (point, next_point) in enumerate(pairwise((*VENUE_POINTS, NEVER)), start=1):
        client = venue.log_on("payer-1")
        call = client.protocol.swap(
            "EUR", "USD", exact_out="10", max_in="20", payee=market.payee, client_order_id=number
        )
        client.poll()
        venue.await_death()
        venue.start(next_point, number + 1)
        assert client.wait(call).received_units == RECEIVED_UNITS, f"{point}: the same session goes on by itself"
        assert market.pay(client, number) == RECEIVED_UNITS, f"{point}: a retry is told of the payment"
        client.close()
        with venue.log_on("payer-1") as another:
            assert market.pay(another, number) == RECEIVED_UNITS, f"{point}: in another session too"
        assert market.payee_units() == number * RECEIVED_UNITS, f"{point}: paid once, no more and no less"
    venue.stop()
    _check_the_books(market, len(VENUE_POINTS))


def test_a_payment_retried_by_a_payer_that_dies_everywhere_pays_once(market: Market) -> None:
    venue = market.venue
    for number, point in enumerate(PAYER_POINTS, start=1):
        payment = str(venue.home.directory), venue.orders, str(number), str(market.payee)
        dead = venue.run("pay", point, *payment)
        dead.communicate(timeout=60)
        assert dead.returncode == -9
        for _ in range(2):  # it starts again, knows only its note, and pays again; and again
            retry = venue.run("pay", NEVER, *payment)
            said, _ = retry.communicate(timeout=60)
            assert said.split() == [str(number), str(RECEIVED_UNITS)], point
        assert market.payee_units() == number * RECEIVED_UNITS, f"{point}: paid once, no more and no less"
    venue.stop()
    _check_the_books(market, len(PAYER_POINTS))


def test_a_payment_that_no_venue_answers_is_said_to_be_in_doubt_and_is_settled_by_a_retry(market: Market) -> None:
    venue = market.venue
    venue.stop()
    venue.start("after the sync", 1)
    client = venue.log_on("payer-1")
    client.timeout_s = 0.5
    with pytest.raises(VenueUnreachable):
        market.pay(client, 1)
    venue.await_death()
    client.close()
    venue.start()
    assert market.payee_units() == RECEIVED_UNITS, "it had been on the disk"
    with venue.log_on("payer-1") as again:
        assert again.order_status(1).message.sequence > 0, "what became of it can be asked before paying again"
        assert market.pay(again, 1) == RECEIVED_UNITS
    assert market.payee_units() == RECEIVED_UNITS
    venue.stop()
    _check_the_books(market, 1)


def _check_the_books(market: Market, n_payments: int) -> None:
    counted = market.venue.outcomes()
    payments = {key: n for key, n in counted.items() if key[0] is EventKind.SWAPPED}
    assert payments == {(EventKind.SWAPPED, market.payer, number): 1 for number in range(1, n_payments + 1)}
    assert set(counted.values()) == {1}
    found = answer("verify", str(market.venue.home.directory))
    assert found["ok"], found["problems"]
