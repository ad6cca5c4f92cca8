"""Mail taken together leads to what it leads to frame by frame, for every session and in the same order."""

from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

import pytest

from bench.fuzz_venue import FuzzVenue, Seat
from bench.order_flow import FIRST_ID, Maker, singles
from fxengine.codes import RejectReason
from fxengine.engine import Durability
from fxengine.messages import BalancesRequest, Cancel, Heartbeat, Logon, Logout, MassCancel, NewOrder, Reject
from fxengine.records import Records
from fxengine.wire import command_frame, encode

Letter = tuple[int, bytes]
"""A seat's number, and a frame."""
SEATS = ("maker-1", "maker-2", "payer-1", "maker-1")
"""Who sits where; one of them has two sessions. Behind them is a seat that never logs on."""


class House:
    """A venue, people at it, and its mail read in one way."""

    def __init__(self, folder: Path, *, singly: bool) -> None:
        folder.mkdir()
        self.venue = FuzzVenue(folder, Durability.NONE)
        self.submitted: list[bytes] = []
        submit = self.venue.engine.submit

        def watching(commands: Records) -> None:
            self.submitted.append(commands.tobytes())
            submit(commands)

        self.venue.engine.submit = watching  # type: ignore[method-assign]
        mail = self.venue.dispatcher._mail
        self.take: Callable[..., int] = mail.take_singly if singly else mail.take
        self.seats: list[Seat] = []
        for subject in SEATS:
            seat = self.venue.seat()
            account = seat.log_on(self.venue.token(subject, level=subject.split("-", maxsplit=1)[0])).account
            self.venue.fund(account)
            self.seats.append(seat)
        self.seats.append(self.venue.seat())

    def post(self, letters: list[Letter]) -> tuple[int, list[Any]]:
        senders = [self.seats[number].identity for number, _ in letters]
        worth = self.take(senders, [frame for _, frame in letters], dict.fromkeys(senders))
        said = [self.venue.deliver(), self.venue.turn()]
        return worth, [[by_seat.get(seat.identity, []) for seat in self.seats] for by_seat in said]


@pytest.fixture
def houses(tmp_path: Path) -> Iterator[tuple[House, House]]:
    both = House(tmp_path / "together", singly=False), House(tmp_path / "singly", singly=True)
    yield both
    for house in both:
        house.venue.close()


def alike(houses: tuple[House, House], letters: list[Letter]) -> list[list[Any]]:
    """Post the same letters in both houses, see that the same comes of it, and return what was said at the end."""
    together, singly = (house.post(letters) for house in houses)
    assert together == singly
    heard = [{s.identity: s.heard_ns for s in house.venue.dispatcher.sessions} for house in houses]
    assert heard[0] == heard[1]
    strip = [[commands for commands in house.submitted if commands[0] != 2] for house in houses]  # tokens are their own
    assert strip[0] == strip[1]
    said: list[list[Any]] = together[1]
    return said


def stream(number: int) -> Iterator[Letter]:
    """Return a seat's orders, one after the other, without end; two sessions of an account share no ids."""
    maker = Maker(number, FIRST_ID if number < 3 else FIRST_ID + 16_384)
    while True:
        yield from ((number, frame) for frame in singles(maker, 200))


def flow(number: int, n: int) -> list[Letter]:
    return list(islice(stream(number), n))


def interleaved(*flows: list[Letter]) -> list[Letter]:
    return [letter for turn in zip(*flows, strict=True) for letter in turn]


def test_orders_of_many_sessions_stay_in_the_order_of_their_arrival(houses: tuple[House, House]) -> None:
    letters = interleaved(flow(0, 100), flow(1, 100), flow(3, 100))
    alike(houses, letters)
    assert len(houses[0].submitted[-1]) == 64 * len(letters)


def test_a_frame_between_the_orders_keeps_its_place(houses: tuple[House, House]) -> None:
    letters = interleaved(flow(0, 100), flow(1, 100))
    for place, message in ((30, Heartbeat(5)), (61, BalancesRequest(1)), (90, MassCancel(2**20, 0xFFFF, 0, 0))):
        letters.insert(place, (1, encode([message])))
    alike(houses, letters)


def test_who_is_not_logged_on_is_refused_frame_by_frame(houses: tuple[House, House]) -> None:
    said = alike(houses, interleaved(flow(0, 100), flow(4, 100)))
    refused = said[0][4]
    assert [message.reason for message in refused] == [RejectReason.NOT_LOGGED_ON] * 100
    assert houses[0].venue.engine.core.n_orders > 0


def test_what_exceeds_an_accounts_limits_is_refused_and_no_more(houses: tuple[House, House]) -> None:
    streams = stream(0), stream(2)
    rejects: list[Any] = []
    while not rejects:
        said = alike(houses, interleaved(*(list(islice(orders, 500)) for orders in streams)))
        rejects = [message for message in said[0][2] if isinstance(message, Reject)]
    assert {message.reason for message in rejects} == {RejectReason.RATE_LIMITED}
    assert len(rejects) < 500


def test_who_leaves_in_between_is_not_heard_behind_it(houses: tuple[House, House]) -> None:
    leaving = flow(1, 60)
    leaving[20] = (1, encode([Logout()]))
    alike(houses, interleaved(flow(0, 60), leaving))


def test_a_closing_venue_refuses_all(houses: tuple[House, House]) -> None:
    house = houses[0]
    house.venue.dispatcher.close()
    letters = flow(0, 100)
    senders = [house.seats[0].identity] * len(letters)
    house.venue.dispatcher.receive_all(senders, [frame for _, frame in letters], dict.fromkeys(senders))
    said = house.venue.deliver()[house.seats[0].identity]
    assert [message.reason for message in said if isinstance(message, Reject)] == [RejectReason.SHUTTING_DOWN] * 100


def test_any_mail_leads_to_the_same(houses: tuple[House, House], seed: int) -> None:
    rng = Random(seed)
    streams = [stream(number) for number in range(5)]
    for _ in range(60):
        weights = [rng.choice((0, 1, 5)) + 0.01 for _ in streams]
        letters: list[Letter] = []
        for number in rng.choices(range(5), weights, k=rng.choice((5, 60, 150))):
            roll = rng.random()
            if roll < 0.99:
                letters.append(next(streams[number]))
            elif roll < 0.995:
                messages = Heartbeat(1), Logon("x"), Cancel(0, 0, 1), NewOrder(1, 0, 1, 2, 1, 0, 0, 5, 5)
                letters.append((number, encode([rng.choice(messages)])))
            else:
                frames = b"", b"\xc1", rng.randbytes(9), command_frame(bytes(64))
                letters.append((number, rng.choice(frames)))
        alike(houses, letters)
