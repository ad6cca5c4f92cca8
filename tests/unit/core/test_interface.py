"""What callers may not do: each mistake has its exception, and changes nothing."""

import threading
from typing import Any

import numpy as np
import pytest

from bench.flows.commands import new_order, time
from fxengine._core import Core
from fxengine.codes import Side
from fxengine.records import COMMAND, EVENT, INSTRUMENT, Records
from tests.unit.core.trading_floor import FIRST_TRADER, instruments, open_floor


@pytest.fixture
def core() -> Core:
    return Core(instruments(), n_currencies=2)


@pytest.mark.parametrize(
    "commands",
    [np.zeros((4, 2), COMMAND), np.zeros(8, COMMAND)[::2], np.zeros(4, EVENT), np.zeros(4, np.uint8)],
    ids=["two-dimensional", "with-gaps", "events", "bytes"],
)
def test_bind_takes_nothing_but_a_plain_row_of_commands(core: Core, commands: Records) -> None:
    with pytest.raises(ValueError, match="64-byte records"):
        core.bind(commands)


@pytest.mark.parametrize(("first", "last"), [(-1, 1), (0, 5), (3, 2), (5, 5), (-2, -1)])
def test_apply_refuses_records_that_are_not_bound(core: Core, first: int, last: int) -> None:
    core.bind(np.zeros(4, COMMAND))
    with pytest.raises(ValueError, match="are not within the 4 bound"):
        core.apply(first, last)
    assert core.sequence == 0


def test_apply_before_bind_has_no_records(core: Core) -> None:
    assert core.apply(0, 0) == 0
    with pytest.raises(ValueError, match="within the 0 bound"):
        core.apply(0, 1)


def test_the_bound_array_stays_alive_and_is_read_as_it_is_now(core: Core) -> None:
    commands = np.zeros(1, COMMAND)
    core.bind(commands)
    commands[0] = np.frombuffer(time(77), COMMAND)[0]
    del commands
    core.apply(0, 1)
    assert core.now_ns == 77


def test_a_command_that_does_not_fit_stops_the_batch_and_names_its_record() -> None:
    core = Core(instruments(), n_currencies=2)
    commands = np.zeros(3, COMMAND)
    commands["kind"], commands["n_records"], commands["time_ns"] = 1, (1, 1, 2), (5, 6, 7)
    core.bind(commands)
    with pytest.raises(ValueError, match="record 2: its n_records, 2"):
        core.apply(0, 3)
    assert (core.sequence, core.now_ns) == (2, 6)


@pytest.mark.parametrize(
    ("bounds", "message"),
    [
        ({"n_currencies": 0}, "n_currencies is 0"),
        ({"n_currencies": 257}, "n_currencies is 257"),
        ({"n_currencies": 2, "max_fills": 0}, "max_fills is 0"),
        ({"n_currencies": 2, "max_orders": 0}, "max_orders is 0"),
        ({"n_currencies": 2, "max_orders": 2**31}, "max_orders is 2147483648"),
    ],
)
def test_bounds_that_cannot_be_kept_are_refused(bounds: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Core(instruments(), **bounds)


@pytest.mark.parametrize(
    "wrong",
    [
        {"base": 2},
        {"quote": 0},
        {"lot_units": 0},
        {"tick_lot_units": 0},
        {"tick_lot_units": 2**33},
        {"taker_rate": -1},
        {"taker_rate": 1_000_000},
        {"maker_rate": -1},
    ],
    ids=lambda wrong: "-".join(map(str, *wrong.items())),
)
def test_an_instrument_that_cannot_be_computed_with_is_refused(wrong: dict[str, int]) -> None:
    rows = instruments(2)
    for field, value in wrong.items():
        rows[1][field] = value
    with pytest.raises(ValueError, match=r"instruments\[1\]"):
        Core(rows, n_currencies=2)


def test_instruments_are_instrument_records() -> None:
    with pytest.raises(ValueError, match="32-byte records"):
        Core(np.zeros(3, COMMAND), n_currencies=2)
    assert Core(np.zeros(0, INSTRUMENT), n_currencies=1).n_accounts == 2


def test_questions_about_what_is_not_there_are_index_errors() -> None:
    core = open_floor().core
    for account, currency in ((core.n_accounts, 0), (-1, 0), (0, 2), (0, -1)):
        with pytest.raises(IndexError):
            core.balance(account, currency)
    for account in (core.n_accounts, -1):
        with pytest.raises(IndexError):
            core.client_id_highest(account)
    for instrument in (1, -1):
        with pytest.raises(IndexError):
            core.depth(instrument, Side.BUY, 1)
    with pytest.raises(ValueError, match="side is 3"):
        core.depth(0, 3, 1)


def test_a_second_thread_is_turned_away_while_a_batch_runs() -> None:
    floor = open_floor(max_fills=1)
    n = 60_000
    commands = np.zeros(n, COMMAND)
    commands[:] = np.frombuffer(
        new_order(FIRST_TRADER, 0, instrument=0, side=1, price_ticks=1, quantity_lots=1), COMMAND
    )
    commands["client_order_id"] = 1  # the same order again and again: answered, never repeated
    floor.core.bind(commands)
    floor.core.apply(0, n)  # so that the events array is large enough by now
    refused: list[str] = []
    done = threading.Event()

    def ask() -> None:
        while not done.is_set():
            try:
                floor.core.balance(0, 0)
            except RuntimeError as e:
                refused.append(str(e))

    asking = threading.Thread(target=ask)
    asking.start()
    for _ in range(200):
        assert floor.core.apply(0, n) == n
        if refused:
            break
    done.set()
    asking.join()
    assert "one thread at a time" in refused[0]
    floor.core.check()
