"""What settles in one transaction: batches are cut by their gas, and nobody can trade one that does not fit."""

import random
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from fxengine.chain.contract import GAS_MAX
from fxengine.chain.deltas import RECORDS_MAX
from fxengine.codes import AccountFlag, Side
from fxengine.engine import Durability, Engine
from fxengine.errors import LedgerError
from fxengine.ledger.check_batches import Books
from fxengine.ledger.evm.gas import GAS_BASE, GAS_OF_NEW, GAS_WANTED
from fxengine.ledger.reading import open_reader
from fxengine.settlement import Settlement
from fxengine.venue_file import parse_venue
from tests.integration.venue_thread import until
from tests.ledger.evm.conftest import MakeSite
from tests.ledger.evm.site import Site, opening, settle
from tests.unit.settlement.trading import MID_TICKS, VENUE, Clock, Flow

MAX_FILLS = 256
N_MAKERS = 2 * MAX_FILLS
SPREAD = "\n".join(f'[[currencies]]\ncode = "X{n:02}"\nname = "Other coin"\ndecimals = 2' for n in range(3))
WIDE = VENUE.replace('[[currencies]]\ncode = "EUR"', SPREAD + '\n\n[[currencies]]\ncode = "EUR"')
"""The venue of settlement's tests with EUR the fifth currency: its balances and those in USD lie in two words."""
EUR, USD = 4, 0


def gas_used(site: Site) -> dict[int, int]:
    """Gas by batch, from the receipts."""
    event = site.interface.event("Settled")
    wanted = {"address": site.vault, "fromBlock": "0x0", "toBlock": "latest", "topics": [event.topic]}
    return {
        int(event.read(log)["batch_id"]): int(
            site.rpc.call("eth_getTransactionReceipt", log["transactionHash"])["gasUsed"], 16
        )
        for log in site.rpc.call("eth_getLogs", wanted)
    }


def test_sweeps_of_as_many_makers_as_an_order_may_have_settle_whatever_is_sent_at_once(
    make_site: MakeSite, tmp_path: Path, seed: int
) -> None:
    venue = parse_venue(WIDE)
    assert (venue.max_fills, venue.currency["EUR"].index) == (MAX_FILLS, EUR)
    site, clock, flow = make_site(venue=venue, n_accounts=0), Clock(), Flow(venue, random.Random(seed))
    operator, taker, *makers = range(2, 4 + N_MAKERS)
    flow.last_id = dict.fromkeys((operator, taker, *makers), 0)
    funds = 10**12
    for account in (taker, *makers):  # of what it will give; what it will receive is a word that was never written
        site.set_balance(account, USD if account == taker else EUR, funds)
    site.mine(8)
    with closing(site.open()) as ledger:
        assert ledger.frame_commands_max == 1
        engine = Engine(
            venue, tmp_path / "data", durability=Durability.OS, clock_ns=clock,
            frame_commands_max=ledger.frame_commands_max,
        )  # fmt: skip
        settlement = Settlement(ledger, venue, clock_ns=clock, batch_trades_max=10**6, drain_ns=0)
        engine.attach(settlement.observe)
        engine.start()
        settlement.start()
        engine.submit(flow._credential("operator-1", AccountFlag.OPERATOR))
        engine.submit(np.concatenate([flow._credential(f"maker-{n}", AccountFlag.NONE) for n in (taker, *makers)]))
        deposits = [flow.money(a, USD if a == taker else EUR, funds) for a in (taker, *makers)]
        engine.submit(np.concatenate([*deposits, *(flow.crossing(maker, Side.SELL) for maker in makers)]))
        engine.submit(np.concatenate([flow.crossing(taker, Side.BUY, MAX_FILLS) for _ in range(2)]))
        engine.pump()
        clock.now_ns += 10**9
        settlement.tick()
        until(lambda: settlement.final[1] == engine.core.sequence, site.mine)
        engine.close()
        settlement.close()
    with open_reader(site.url) as books:
        limits = dict(books.rows("SELECT batch, gas FROM outbox"))
        calls = dict(books.rows("SELECT batch, calldata FROM outbox"))
        ((n_trades,),) = books.rows("SELECT sum(trades) FROM batches")
    assert n_trades == N_MAKERS
    used = gas_used(site)
    assert used.keys() == limits.keys()
    assert max(len(call) for call in calls.values()) >= 2 * MAX_FILLS * 37, "each maker has a word of either currency"  # type: ignore[arg-type]
    for batch, limit in limits.items():
        assert used[batch] <= limit < GAS_MAX  # type: ignore[index,operator]
    paid = MID_TICKS[0] * 10**4
    assert site.view("balance_of", makers[-1], USD)[0] >= paid
    assert site.view("balance_of", taker, EUR)[0] > 0


def test_a_batch_of_more_accounts_than_wanted_does_not_fit(site: Site, books: Books) -> None:
    with closing(site.open()) as ledger:
        most = (GAS_WANTED - GAS_BASE) // GAS_OF_NEW
        for n, fits in ((most - 1, True), (most, False)):
            moves = [(2, 0, -n), *((account, 0, 1) for account in range(3, 3 + n))]
            assert ledger.fits(books.close(moves)) is fits


@pytest.mark.parametrize(("max_fills", "frame"), [(8, 21), (100, 2), (256, 1), (328, 1)])
def test_frames_are_as_large_as_surely_settles(make_site: MakeSite, max_fills: int, frame: int) -> None:
    site = make_site(
        venue=parse_venue(WIDE.replace('id = "test-venue"', f'id = "v"\nmax_fills = {max_fills}')), n_accounts=0
    )
    with closing(site.open()) as ledger:
        assert ledger.frame_commands_max == frame


def test_a_venue_whose_orders_may_trade_too_often_is_refused(make_site: MakeSite) -> None:
    site = make_site(venue=parse_venue(WIDE.replace('id = "test-venue"', 'id = "v"\nmax_fills = 400')), n_accounts=0)
    with pytest.raises(LedgerError, match=r"may trade 400 times.*max_fills in venue.toml to [0-9]+ at most"):
        site.open()


def test_gas_that_the_books_did_not_foresee_is_found_when_a_batch_is_tried_out(site: Site, books: Books) -> None:
    """The books hold what the vault does not: the words of these accounts are empty there."""
    moves = [(2, 0, -100), *((account, 0, 1) for account in range(3, 103))]
    with closing(site.open()) as ledger:
        ledger.post(opening(books, site))
        ledger.post(books.close(moves))
        settle(ledger, site, lambda: ledger.progress().posted == 2)
        for account in range(3, 103):
            site.set_balance(account, 0, 0)
            site.set_balance(account, 1, 0)
            site.set_balance(account, 2, 0)
        site.set_balance(2, 0, 10**12)
        ledger.post(books.close(moves))
        settle(ledger, site, lambda: ledger.progress().posted == 3)
    with open_reader(site.url) as reader:
        ((limit,),) = reader.rows("SELECT gas FROM outbox WHERE batch = 3")
    assert gas_used(site)[3] > limit  # type: ignore[operator]


def test_a_batch_that_no_transaction_can_carry_is_refused_and_leaves_no_trace(site: Site, books: Books) -> None:
    with closing(site.open()) as ledger:
        ledger.post(opening(books, site))
        moves = [(2, 0, -RECORDS_MAX), *((account, 0, 1) for account in range(3, 3 + RECORDS_MAX))]
        with pytest.raises(LedgerError, match=rf"changes {RECORDS_MAX + 1} balance words.*BATCH_TOO_LARGE"):
            ledger.post(books.close(moves))
        assert ledger.cursor().batch_id == 1


def test_a_batch_that_moves_nothing_on_chain_is_settled_too(site: Site, books: Books) -> None:
    with closing(site.open()) as ledger:
        ledger.post(opening(books, site))
        ledger.post(books.close([]))
        settle(ledger, site, lambda: ledger.progress() == (2, 2))
    assert [log["batch_id"] for log in site.settled_logs()] == [1, 2]
