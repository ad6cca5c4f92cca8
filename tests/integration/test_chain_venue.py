"""A venue that settles on a chain: what clients hear, what waits for FINAL, and what a restart goes on with."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from fxengine.chain.local_node import LocalNode
from fxengine.client import Client, SettlementNotice
from fxengine.codes import ControlMode, RejectReason, SettlementStatus
from fxengine.errors import RequestRejected, VenueError
from fxengine.gateway import run_venue
from fxengine.ledger.reading import open_reader
from tests.integration.venue_thread import RunningVenue, until
from tests.ledger.evm.site import Site

PENDING, POSTED, FINAL = SettlementStatus.PENDING, SettlementStatus.POSTED, SettlementStatus.FINAL


@pytest.fixture
def node() -> Iterator[LocalNode]:
    with LocalNode(mining=False) as node:
        yield node


@contextmanager
def venue_on(folder: Path) -> Iterator[RunningVenue]:
    venue = RunningVenue(folder, transport="ipc", ledger="evm")
    try:
        yield venue
    finally:
        venue.close()


@pytest.fixture
def deployed(node: LocalNode, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    with venue_on(tmp_path) as not_started:  # its rules decide the vault's first head
        site = Site(node, tmp_path / "data" / "chain", not_started.venue)
    for name, value in site.environ.items():
        monkeypatch.setenv(name, value)
    yield site
    site.rpc.close()


def heard(client: Client, found: list[SettlementNotice]) -> list[SettlementStatus]:
    """Add the settlement notices that have come to ``found``; return the statuses of all of them."""
    found += [report for report in client.poll(0.02) if isinstance(report, SettlementNotice)]
    return [notice.status for notice in found]


def mine_what_waits(site: Site) -> None:
    """Make a block only of what is in the pool: nothing becomes FINAL that way."""
    if int(site.rpc.call("txpool_status")["pending"], 16):
        site.mine()


def wait_for(site: Site, wanted: Callable[[], bool]) -> None:
    """Mine until it has come."""
    until(wanted, site.mine)


def test_a_trade_is_posted_then_final_and_money_leaves_only_then(deployed: Site, tmp_path: Path) -> None:
    with venue_on(tmp_path) as served, ExitStack() as lines:
        served.start()
        assert served.ready is not None
        assert served.ready.finality == "finalized on chain 31337"
        maker, payer = (lines.enter_context(served.funded(name)) for name in ("maker-1", "payer-1"))
        operator = lines.enter_context(served.operator_client())
        maker.new_order("EUR/USD", "SELL", "1.1172", "1000")
        payer.new_order("EUR/USD", "BUY", "1.1172", "400")
        asked = payer.withdraw("USD", "10")
        served.clock.advance(1)
        found: list[SettlementNotice] = []
        until(lambda: heard(payer, found) == [POSTED], lambda: mine_what_waits(deployed))
        with pytest.raises(RequestRejected) as early:
            operator.withdrawal_paid(asked.withdrawal)
        assert early.value.reason == RejectReason.NOT_FINAL
        wait_for(deployed, lambda: FINAL in heard(payer, found))
        assert [notice.status for notice in found] == [POSTED, FINAL]
        assert found[0].batch_id == found[1].batch_id == 1
        until(lambda: all(w.is_final for w in operator.open_withdrawals()), lambda: operator.poll(0.02))
        operator.withdrawal_paid(asked.withdrawal)
    assert [log["batch_id"] for log in deployed.settled_logs()][:1] == [1]


def test_a_block_that_the_chain_undoes_is_told_to_those_it_concerned(deployed: Site, tmp_path: Path) -> None:
    with venue_on(tmp_path) as served, ExitStack() as lines:
        served.start()
        maker, payer = (lines.enter_context(served.funded(name)) for name in ("maker-1", "payer-1"))
        maker.new_order("EUR/USD", "SELL", "1.1172", "1000")
        taken = payer.new_order("EUR/USD", "BUY", "1.1172", "400")
        served.clock.advance(1)
        found: list[SettlementNotice] = []
        until(lambda: heard(payer, found) == [POSTED], lambda: mine_what_waits(deployed))
        deployed.rpc.call("anvil_reorg", 2, [])
        until(lambda: heard(payer, found) == [POSTED, PENDING], lambda: None)
        until(lambda: heard(payer, found)[-1] is POSTED, lambda: mine_what_waits(deployed))
        wait_for(deployed, lambda: FINAL in heard(payer, found))
        assert [notice.status for notice in found] == [POSTED, PENDING, POSTED, FINAL]
        assert payer.wait_final(taken.sequence).status is FINAL


def test_what_was_in_flight_when_a_venue_ended_is_final_after_the_next_start(deployed: Site, tmp_path: Path) -> None:
    with venue_on(tmp_path) as served, ExitStack() as lines:
        served.start()
        maker, payer = (lines.enter_context(served.funded(name)) for name in ("maker-1", "payer-1"))
        maker.new_order("EUR/USD", "SELL", "1.1172", "1000")
        taken = payer.new_order("EUR/USD", "BUY", "1.1172", "400")
    assert served.fault is None, "a chain that takes its time is no alarm"
    assert deployed.settled()[0] == 0
    with venue_on(tmp_path) as served:
        served.start()
        with served.client("payer-1") as payer:
            found: list[SettlementNotice] = []
            wait_for(deployed, lambda: FINAL in heard(payer, found))
            assert any(notice.covers(taken.sequence) for notice in found if notice.status is FINAL)
    with open_reader(f"evm:{tmp_path / 'data' / 'chain'}") as books:
        ((n_batches, n_outbox),) = books.rows("SELECT (SELECT count(*) FROM batches), (SELECT count(*) FROM outbox)")
        assert n_batches == n_outbox


def test_a_venue_whose_node_is_away_starts_and_settles_when_it_is_back(
    deployed: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FXENGINE_RPC", "http://127.0.0.1:1")
    with venue_on(tmp_path) as served:
        served.start()
        with served.funded("maker-1") as maker, served.funded("payer-1") as payer:
            maker.new_order("EUR/USD", "SELL", "1.1172", "1000")
            payer.new_order("EUR/USD", "BUY", "1.1172", "400")
    monkeypatch.setenv("FXENGINE_RPC", deployed.node.url)
    with venue_on(tmp_path) as served:
        served.start()
        wait_for(deployed, lambda: deployed.settled()[0] > 0)


def refused(client: Client) -> RejectReason | None:
    """Return why an order that adds risk is refused; None where it is taken."""
    try:
        client.new_order("EUR/USD", "SELL", "2", "1")
    except RequestRejected as refusal:
        return refusal.reason
    return None


def test_a_chain_that_stands_still_closes_the_venue_and_opens_it_once_all_is_final(
    deployed: Site, tmp_path: Path
) -> None:
    long_s = 10**6
    with venue_on(tmp_path) as served:
        served.start()
        assert served.ready is not None
        stale_s = served.ready.stale_after_s
        assert stale_s == 7_200
        with served.funded("maker-1", lifetime_s=long_s) as maker, served.funded("payer-1", lifetime_s=long_s) as payer:
            maker.new_order("EUR/USD", "SELL", "1.1172", "1000")
            payer.new_order("EUR/USD", "BUY", "1.1172", "400")
        served.clock.advance(stale_s - 1)
        with served.client("maker-1", lifetime_s=long_s) as maker:
            assert refused(maker) is None
        served.clock.advance(1)
        with served.client("maker-1", lifetime_s=long_s) as maker:
            assert refused(maker) == RejectReason.VENUE_CANCEL_ONLY
            assert maker.mass_cancel()
        down_since_ns = served.clock()

    with venue_on(tmp_path) as served:
        served.clock.now_ns = down_since_ns
        served.start()
        with served.operator_client() as operator, served.client("maker-1", lifetime_s=long_s) as maker:
            operator.control_venue(ControlMode.OPEN)
            until(lambda: refused(maker) == RejectReason.VENUE_CANCEL_ONLY, lambda: None)
            found: list[SettlementNotice] = []
            until(lambda: POSTED in heard(maker, found), lambda: mine_what_waits(deployed))
            assert refused(maker) == RejectReason.VENUE_CANCEL_ONLY, "POSTED, and not FINAL"
            wait_for(deployed, lambda: refused(maker) is None)


def test_a_bound_that_the_vaults_exit_delay_does_not_allow_is_refused(deployed: Site, tmp_path: Path) -> None:
    with venue_on(tmp_path) as served:
        served.venue = replace(served.venue, settlement_stale_s=43_201)
        with pytest.raises(VenueError, match=r"venue.settlement_stale_s: 43201 s is longer than the 43200 s"):
            run_venue(
                served.venue,
                tmp_path / "data",
                order_address="ipc://never",
                market_data_address="ipc://never",
                stop=served.stop,
                ledger_url="evm",
            )
