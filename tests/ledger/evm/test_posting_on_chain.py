"""Batches reach the vault in order and once, over blocks, reorganisations and a node with its own ideas."""

from contextlib import closing

from fxengine.codes import SettlementStatus
from fxengine.ledger.check_batches import Books
from tests.ledger.evm.site import SILENCE_S, Site, held, opening, settle, trades


def test_the_balances_lie_where_the_tests_write_them(site: Site) -> None:
    site.set_balance(77, 2, 5)
    assert site.view("balance_of", 77, 2) == (5,)


def test_batches_are_posted_in_order_and_become_final(site: Site, books: Books) -> None:
    with closing(site.open()) as ledger:
        assert ledger.finality == "finalized on chain 31337"
        for batch in [opening(books, site), *(trades(books, site) for _ in range(9))]:
            ledger.post(batch)
            assert ledger.status(batch.id) is SettlementStatus.PENDING
        assert ledger.progress() == (0, 0)
        ledger.advance()
        site.mine()
        ledger.advance()
        assert ledger.progress() == (4, 0), "four are in flight at a time"
        assert ledger.status(4) is SettlementStatus.POSTED
        settle(ledger, site, lambda: ledger.progress() == (10, 10))
        assert ledger.advance() is None
        assert ledger.unfinished() == []
    assert [log["batch_id"] for log in site.settled_logs()] == list(range(1, 11))
    assert site.balances() == held(books)


def test_an_operator_of_a_quiet_venue_is_heard_before_anyone_may_freeze_the_vault(site: Site, books: Books) -> None:
    seen = 5
    with closing(site.open()) as ledger:
        ledger.post(opening(books, site))
        settle(ledger, site, lambda: ledger.progress() == (1, 1))
        before = site.view("status")[seen]
        assert ledger.advance() is None
        site.mine()
        assert site.view("status")[seen] == before, "it was heard of a moment ago"
        site.rpc.call("evm_increaseTime", SILENCE_S // 4 + 1)
        site.mine()
        assert ledger.advance() is None
        site.mine()
        heard = site.view("status")[seen]
        assert heard >= before + SILENCE_S // 4
        ledger.advance()
        site.mine()
        assert site.view("status")[seen] == heard
        ledger.post(trades(books, site))
        settle(ledger, site, lambda: ledger.progress() == (2, 2))
