"""A bust is a claim about a trade: an audit believes the true one, and names the one that says another trade."""

import random
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from fxengine.audit import Findings, verify
from fxengine.codes import EventKind, Side
from fxengine.gateway.commands import RECORD_OF
from fxengine.ledger import open_ledger
from fxengine.messages import Bust
from fxengine.records import COMMAND
from fxengine.reference import Core
from fxengine.settlement import Settlement
from tests.unit.settlement.trading import CLIENTS, OPERATOR, VENUE, Clock, Flow, Trading, make_venue

LOTS = 7


def venue_with_a_bust(directory: Path, seed: int, **wrong: int) -> Findings:
    """Trade, undo one trade as it was but for what is wrong, close in order, and audit."""
    (directory / "venue.toml").write_text(VENUE)
    venue, clock = make_venue(), Clock()
    with closing(open_ledger(f"sqlite:{directory / 'ledger.sqlite'}", venue)) as ledger:
        settlement = Settlement(ledger, venue, clock_ns=clock)
        trading, flow = Trading(directory, venue, clock), Flow(venue, random.Random(seed))
        trading.start(settlement.observe)
        settlement.start()
        trading.open(flow)
        for account, side in ((CLIENTS[0], Side.SELL), (CLIENTS[1], Side.BUY)):
            trading.submit(flow.crossing(account, side, LOTS))
        maker, taker = (e for e in trading.released[-1].events if e["kind"] == EventKind.FILL)
        trade = {
            "instrument": 0, "number": int(maker["instrument_stream"]), "maker": CLIENTS[0], "taker": CLIENTS[1],
            "maker_side": Side.SELL, "price_ticks": int(maker["price_ticks"]), "quantity_lots": LOTS,
            "maker_fee_units": int(maker["fee_units"]), "taker_fee_units": int(taker["fee_units"]),
        }  # fmt: skip
        flow.last_id[OPERATOR] += 1
        bust = Bust(flow.last_id[OPERATOR], **(trade | wrong))
        trading.submit(np.frombuffer(RECORD_OF[Bust](OPERATOR, bust), COMMAND))
        kinds = trading.released[-1].events["kind"].tolist()
        assert kinds == [EventKind.BUSTED, EventKind.BUSTED, EventKind.DONE]
        trading.engine.close()
        settlement.close()
    return verify(directory, core_types=(Core,))


def test_a_trade_that_was_undone_as_it_was_leaves_sound_books(tmp_path: Path, seed: int) -> None:
    found = venue_with_a_bust(tmp_path, seed)
    assert found.ok, found.problems


@pytest.mark.parametrize(
    "wrong",
    [
        {"price_ticks": 109}, {"quantity_lots": LOTS - 1},
        {"maker_side": Side.BUY, "maker_fee_units": 0, "taker_fee_units": 0}, {"maker": CLIENTS[2]},
        {"number": 1}, {"taker": CLIENTS[2]}, {"taker_fee_units": 1},
    ],
    ids=lambda wrong: next(iter(wrong)),
)  # fmt: skip
def test_a_bust_that_says_another_trade_is_named(tmp_path: Path, seed: int, wrong: dict[str, int]) -> None:
    found = venue_with_a_bust(tmp_path, seed, **wrong)
    assert [problem for problem in found.problems if "is of another trade" in problem], found.problems
