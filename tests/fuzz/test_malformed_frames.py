"""Malformed frames change nothing, are each refused for their own reason, and nobody else notices."""

from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

import pytest

from bench.fuzz import WIRE_CODES, Broken, Fuzzer, malformed
from bench.fuzz_sockets import fuzz_through_sockets
from bench.fuzz_venue import FuzzVenue, fuzz_venue
from fxengine.codes import RejectReason
from fxengine.gateway import dispatch
from fxengine.gateway.session import Act, Session
from fxengine.messages import Cancel, NewOrder
from fxengine.wire import Refused, decode_requests

FRAMES = 20_000


@pytest.fixture
def venue(tmp_path: Path) -> Iterator[FuzzVenue]:
    with fuzz_venue(tmp_path) as opened:
        yield opened


def test_twenty_thousand_malformed_frames_change_nothing_and_reach_every_wire_code(venue: FuzzVenue, seed: int) -> None:
    fuzzer = Fuzzer(venue, seed)
    fuzzer.run(0, FRAMES)
    fuzzer.finish()
    assert fuzzer.n_frames == FRAMES
    assert fuzzer.n_one_field >= FRAMES / 2, "at least half are valid msgpack with one field wrong"
    assert set(fuzzer.reasons) >= WIRE_CODES, WIRE_CODES - set(fuzzer.reasons)


def test_a_frame_follows_from_its_seed_and_number_alone(seed: int) -> None:
    assert [malformed(seed, n) for n in range(50)] == [malformed(seed, n) for n in range(50)]
    assert [malformed(seed, n) for n in range(50)] != [malformed(seed + 1, n) for n in range(50)]


def test_frames_through_real_sockets_are_refused_the_same_way(short_folder: Path, seed: int) -> None:
    definite = (made for made in (malformed(seed, number) for number in range(FRAMES)) if made.reasons is not None)
    assert fuzz_through_sockets(short_folder, islice(definite, 400)) == 400


# The fuzzer itself: each of these breaks one thing that it watches, and it has to notice.


def _codec_that_lets_floats_pass(frame: bytes) -> list[object]:
    return [
        NewOrder(1, 0, 1, 2, 1, 0, 0, 100_000, 10)
        if isinstance(message, Refused) and message.reason == RejectReason.FLOAT_FORBIDDEN
        else message
        for message in decode_requests(frame)
    ]


def _codec_with_another_reason(frame: bytes) -> list[object]:
    return [
        message._replace(reason=RejectReason.MALFORMED_FRAME) if isinstance(message, Refused) else message
        for message in decode_requests(frame)
    ]


def _codec_that_says_nothing(frame: bytes) -> list[object]:
    return [message for message in decode_requests(frame) if not isinstance(message, Refused)]


def _codec_that_fails(frame: bytes) -> list[object]:
    if b"\xcb" in frame:
        raise ValueError("a float")
    return list(decode_requests(frame))


@pytest.mark.parametrize(
    "codec", [_codec_that_lets_floats_pass, _codec_with_another_reason, _codec_that_says_nothing, _codec_that_fails]
)
def test_the_fuzzer_notices_a_codec_that(
    venue: FuzzVenue, seed: int, monkeypatch: pytest.MonkeyPatch, codec: Callable[[bytes], list[object]]
) -> None:
    fuzzer = Fuzzer(venue, seed)
    monkeypatch.setattr(dispatch, "decode_requests", codec)
    with pytest.raises(Broken, match=r"python -m bench\.fuzz --seed \d+ --first \d+ --frames 1"):
        fuzzer.run(0, 400)


def test_the_fuzzer_notices_a_stranger_who_may_trade(
    venue: FuzzVenue, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    fuzzer = Fuzzer(venue, seed)
    made = Session.__init__

    def trusting(session: Session, *arguments: object) -> None:
        made(session, *arguments)  # type: ignore[arg-type]
        session.acts = session.acts | {NewOrder: Act.EXECUTE}

    monkeypatch.setattr(Session, "__init__", trusting)
    with pytest.raises(Broken, match="a command was sequenced"):
        fuzzer.run(0, FRAMES)


def test_the_fuzzer_notices_a_bystander_that_loses_an_order(venue: FuzzVenue, seed: int) -> None:
    fuzzer = Fuzzer(venue, seed)
    thief = venue.seat()
    account = thief.log_on(venue.token("bystander-1")).account
    [order_id, *_] = venue.engine.core.open_orders(account, 0, 1)[0]
    thief.say(Cancel(0, order_id, 0))
    with pytest.raises(Broken, match="bystander"):
        fuzzer.run(0, 1)
