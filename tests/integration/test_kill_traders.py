"""A trader or the venue killed at any moment: once they are back, no order is in doubt.

What a trader intended it has noted before sending. Whatever died, for each of its notes the venue
gives one answer, which agrees with all it ever said; sending all of them again does what had not been
done and nothing else.
"""

import random
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from fxengine.client import Client
from fxengine.client.reports import Outcome
from fxengine.codes import EventKind, RejectReason, Side
from fxengine.errors import RequestRejected
from fxengine.home import Home
from tests.integration.kill_points import SYMBOL
from tests.integration.killable_venue import KillableVenue
from tests.integration.served_venue import answer

LIVES = 4
ACCOUNT = "maker-1"
Sent = dict[int, tuple[Side, int, int]]


class Notes:
    """What a trader's process printed in all its lives: what it was about to send, and what it was told."""

    def __init__(self) -> None:
        self.sent: Sent = {}
        self.told: dict[int, tuple[int, int]] = {}
        self.next_id = 1

    def read(self, line: str) -> None:
        what, *numbers = line.split()
        number, *values = map(int, numbers)
        if what == "TOLD":
            self.told[number] = (values[0], values[1])
            return
        if what == "SENT":
            self.sent[number] = (Side(values[0]), values[1], values[2])
        self.next_id = number + 1


@pytest.fixture
def venue(tmp_path: Path, short_folder: Path) -> Iterator[KillableVenue]:
    made = KillableVenue(Home.create(tmp_path / "venue"), short_folder)
    made.start()
    with made.log_on(ACCOUNT) as client:
        made.deposit(client.account, EUR="10000000", USD="10000000")
    yield made
    made.close()


def start_trader(venue: KillableVenue, notes: Notes, rng: random.Random) -> "subprocess.Popen[str]":
    arguments = str(venue.home.directory), venue.orders, ACCOUNT, str(rng.randrange(2**32)), str(notes.next_id)
    return venue.run("trade", *arguments)


def read_lines(trader: "subprocess.Popen[str]", notes: Notes, n_lines: int) -> None:
    assert trader.stdout is not None
    for _ in range(n_lines):
        line = trader.stdout.readline()
        assert line, "the trader died by itself"
        notes.read(line)


def bury(trader: "subprocess.Popen[str]", notes: Notes) -> None:
    """Kill it, and read what it had printed before it died."""
    trader.kill()
    assert trader.stdout is not None
    for line in trader.stdout:
        if line.endswith("\n"):
            notes.read(line)
    trader.wait(60)


def known(client: Client, number: int) -> Outcome | None:
    """Ask what became of a command; None where the venue says that nothing of it was ever taken."""
    try:
        return client.order_status(number)
    except RequestRejected as refusal:
        if refusal.reason is not RejectReason.UNKNOWN_ORDER:
            raise
        return None


def settle_all_doubts(venue: KillableVenue, notes: Notes) -> None:
    """Log on as the trader would, and hold every answer against every other."""
    with venue.log_on(ACCOUNT, next_stream=1) as client:
        assert client.protocol.listing is not None
        instrument = client.protocol.listing.instrument(SYMBOL)
        before = {number: known(client, number) for number in notes.sent}
        assert all(before[number] is not None for number in notes.told), "what was told is known"
        taken = [number for number in notes.sent if before[number] is not None]
        for number, body in notes.sent.items():
            order = client.new_order_ticks(instrument, *body, client_order_id=number)
            assert order.quantity_lots == body[2]
            was = before[number]
            if was is not None and was.message.order_id:
                assert order.order_id == was.message.order_id, f"order {number} is another now"
            if number in notes.told:
                order_id, cum_lots = notes.told[number]
                assert (order.order_id, order.cum_lots >= cum_lots) == (order_id, True), f"order {number} was told else"
            notes.told[number] = order.order_id, order.cum_lots
        assert taken == sorted(taken)
        assert all(known(client, number) is not None for number in notes.sent), "no order is in doubt"
        by_id = Counter(order_id for order_id, _ in notes.told.values())
        assert set(by_id.values()) == {1}, "no two notes are one order"
        open_now = {order.order_id for order in client.open_orders()}
        assert open_now <= {order_id for order_id, _ in notes.told.values()}, "no order that nobody noted"


def test_no_order_is_in_doubt_when_a_trader_is_killed(venue: KillableVenue, seed: int) -> None:
    rng, notes = random.Random(seed), Notes()
    for _ in range(LIVES):
        trader = start_trader(venue, notes, rng)
        read_lines(trader, notes, rng.randint(20, 200))
        bury(trader, notes)
        settle_all_doubts(venue, notes)
    venue.stop()
    _check_the_books(venue, notes)


def test_no_order_is_in_doubt_when_the_venue_is_killed_under_a_trader(venue: KillableVenue, seed: int) -> None:
    rng, notes = random.Random(seed + 1), Notes()
    trader = start_trader(venue, notes, rng)
    for _ in range(LIVES):
        read_lines(trader, notes, rng.randint(20, 200))
        venue.kill()
        venue.start()
        read_lines(trader, notes, 20)  # it goes on by itself, in the same process and session
    venue.kill()
    bury(trader, notes)
    venue.start()
    settle_all_doubts(venue, notes)
    venue.stop()
    _check_the_books(venue, notes)


def _check_the_books(venue: KillableVenue, notes: Notes) -> None:
    counted = {key: n for key, n in venue.outcomes().items() if key[0] is EventKind.ACCEPTED}
    assert {number for _, _, number in counted} == set(notes.sent)
    assert set(counted.values()) == {1}, "an order was accepted twice"
    found = answer("verify", str(venue.home.directory))
    assert found["ok"], found["problems"]
