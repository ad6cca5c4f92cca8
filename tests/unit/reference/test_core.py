"""The core's interface by hand: what may be bound and applied, how time moves, and what the state is made of."""

import hashlib

import numpy as np
import pytest

from bench.flows import commands
from fxengine.codes import CommandKind, EventKind, RejectReason, Side
from fxengine.records import COMMAND, EVENT
from tests.unit.reference.desk import EUR, MAKER, PAYER, USD, Desk


def test_only_an_array_of_64_byte_records_in_one_piece_may_be_bound() -> None:
    core = Desk().core
    for wrong in (np.zeros(4, EVENT), np.zeros(8, COMMAND)[::2], np.zeros((2, 2), COMMAND)):
        with pytest.raises(ValueError, match="C-contiguous"):
            core.bind(wrong)


def test_only_records_that_are_bound_may_be_applied() -> None:
    core = Desk().core
    core.bind(np.zeros(4, COMMAND))
    for first, last in ((-1, 2), (0, 5), (3, 2)):
        with pytest.raises(ValueError, match="not within"):
            core.apply(first, last)
    assert core.apply(2, 2) == 0


def test_the_caller_may_fill_the_bound_array_again_and_again() -> None:
    core = Desk().core
    array = np.zeros(4, COMMAND)
    core.bind(array)
    for time_ns in (5, 6):
        array[1] = np.frombuffer(commands.time(time_ns), COMMAND)[0]
        assert core.apply(1, 2) == 0
        assert core.now_ns == time_ns


def test_time_never_goes_back_and_every_command_counts() -> None:
    desk = Desk()
    opened = desk.core.sequence
    desk.wait_until(50)
    desk.wait_until(40)
    desk.wait_until(-1)
    assert desk.core.now_ns == 50
    assert desk.core.sequence == opened + 3


def test_a_command_of_several_records_counts_once() -> None:
    desk = Desk()
    before = desk.core.sequence
    desk.send(commands.credential(6, "payer-" + "2" * 100, permitted=()))
    assert desk.core.sequence == before + 1


@pytest.mark.parametrize("kind", [0, 13, 255])
def test_a_kind_of_the_future_is_refused_and_counted(kind: int) -> None:
    desk = Desk()
    before = desk.core.sequence
    (event,) = desk.send(commands.time(0, kind=kind, account=PAYER))
    assert (event.kind, event.reason, event.side) == (EventKind.REJECTED, RejectReason.UNKNOWN_COMMAND, kind)
    assert (event.account, event.account_stream) == (PAYER, 2)
    assert desk.core.sequence == before + 1


def test_a_kind_with_the_wrong_number_of_records_is_refused_as_one_command() -> None:
    desk = Desk()
    for kind, n_records in ((CommandKind.TIME, 2), (CommandKind.NEW_ORDER, 3), (CommandKind.CREDENTIAL, 1)):
        (event,) = desk.send(commands.time(0, kind=kind, n_records=n_records, account=PAYER))
        assert event.reason == RejectReason.UNKNOWN_COMMAND


@pytest.mark.parametrize("account", [0, 1, 6, 2**32 - 1])
def test_an_account_that_is_no_clients_is_refused_without_a_stream_number(account: int) -> None:
    (event,) = Desk().send(commands.cancel(account, 1, order_id=1))
    assert (event.reason, event.account, event.account_stream) == (RejectReason.UNKNOWN_ACCOUNT, account, 0)


def test_private_streams_and_the_books_stream_are_numbered_apart() -> None:
    desk = Desk()
    desk.fund(MAKER, eur=10)
    desk.fund(PAYER, usd=100)
    events = [*desk.sell(MAKER, 5, 9), *desk.buy(PAYER, 2, 9)]
    assert [(e.account, e.account_stream, e.instrument_stream) for e in events] == [
        (MAKER, 3, 1), (PAYER, 3, 0), (MAKER, 4, 2), (PAYER, 4, 2)
    ]  # fmt: skip


def test_depth_is_summed_by_price_and_best_first() -> None:
    desk = Desk()
    desk.fund(MAKER, eur=100, usd=100)
    for lots, price in ((1, 9), (2, 8), (4, 9)):
        desk.sell(MAKER, lots, price)
    for lots, price in ((1, 5), (2, 6), (4, 5)):
        desk.buy(MAKER, lots, price)
    assert desk.core.depth(0, Side.SELL, 9) == [(8, 2), (9, 5)]
    assert desk.core.depth(0, Side.BUY, 9) == [(6, 2), (5, 5)]
    assert desk.core.depth(0, Side.BUY, 1) == [(6, 2)]


def test_the_state_hash_is_of_the_state_bytes_and_reading_changes_neither() -> None:
    desk = Desk()
    desk.fund(MAKER, eur=10)
    desk.sell(MAKER, 5, 9)
    state = desk.core.state_bytes()
    desk.has(PAYER, EUR), desk.has(PAYER, USD), desk.core.depth(0, Side.BUY, 3)
    desk.core.check()
    assert desk.core.state_bytes() == state
    assert desk.core.state_hash() == hashlib.blake2b(state, digest_size=16).hexdigest()


def test_a_currency_that_is_not_listed_has_no_balance() -> None:
    with pytest.raises(IndexError, match="currency 4"):
        Desk().core.balance(PAYER, 4)
