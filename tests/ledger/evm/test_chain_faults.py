"""What a chain does to a poster: it undoes blocks, goes backwards, loses its state, or is another chain."""

from contextlib import closing

import pytest

from fxengine.chain.local_node import LocalNode
from fxengine.codes import SettlementStatus
from fxengine.errors import LedgerError, LedgerUnavailable
from fxengine.ledger.check_batches import Books
from fxengine.ledger.evm import EvmLedger
from tests.ledger.evm.conftest import MakeSite
from tests.ledger.evm.site import Site, held, opening, settle, trades


def settled_once(site: Site, books: Books) -> bool:
    """Say whether the vault has every batch of the books once, in order, and the balances that follow."""
    in_order = [log["batch_id"] for log in site.settled_logs()] == list(range(1, books.cursor.batch_id + 1))
    return in_order and site.balances() == held(books)


def fill(ledger: EvmLedger, site: Site, books: Books, n: int) -> None:
    """Post the opening and ``n`` batches and have all of them included."""
    ledger.post(opening(books, site))
    for _ in range(n):
        ledger.post(trades(books, site))
    settle(ledger, site, lambda: ledger.progress().posted == n + 1)


@pytest.mark.parametrize("depth", [1, 2, 4])
def test_a_reorganisation_is_told_and_mended(site: Site, books: Books, depth: int) -> None:
    with closing(site.open()) as ledger:
        fill(ledger, site, books, 4)
        final = ledger.progress().final
        site.rpc.call("anvil_reorg", depth, [])
        ledger.advance()
        after = ledger.progress()
        assert after.final == final
        assert after.posted < 5
        assert ledger.status(5) is SettlementStatus.PENDING
        states = ledger._rows("SELECT batch FROM outbox WHERE state = 'INCLUDED' AND batch > ?", after.posted)
        assert states == [], "a start between here and the next look would tell that they are posted"
        settle(ledger, site, lambda: ledger.progress() == (5, 5))
    assert settled_once(site, books)


def test_a_reorganisation_between_two_starts_is_mended_by_the_second(site: Site, books: Books) -> None:
    with closing(site.open()) as ledger:
        fill(ledger, site, books, 4)
    site.rpc.call("anvil_reorg", 3, [])
    with closing(site.open()) as ledger:
        assert ledger.unfinished()
        settle(ledger, site, lambda: ledger.progress() == (5, 5))
    assert settled_once(site, books)


def test_a_reorganisation_of_the_finality_depth_undoes_nothing_final(make_site: MakeSite, books: Books) -> None:
    site = make_site(finality="depth:3")
    with closing(site.open()) as ledger:
        fill(ledger, site, books, 0)
        settle(ledger, site, lambda: ledger.progress().final == 1)
        for _ in range(2):
            ledger.post(trades(books, site))
        settle(ledger, site, lambda: ledger.progress() == (3, 1))
        site.rpc.call("anvil_reorg", 3, [])
        ledger.advance()
        assert ledger.progress() == (1, 1)
        settle(ledger, site, lambda: ledger.progress() == (3, 3))
    assert settled_once(site, books)


def test_a_reorganisation_past_the_finality_depth_stops_posting_until_somebody_has_looked(
    make_site: MakeSite, books: Books
) -> None:
    site = make_site(finality="depth:2")
    with closing(site.open()) as ledger:
        fill(ledger, site, books, 2)
        settle(ledger, site, lambda: ledger.progress() == (3, 3))
        site.rpc.call("anvil_reorg", 8, [])
        site.mine()
        ledger.post(trades(books, site))
        with pytest.raises(LedgerError, match=r"deployment\.json.*resend=final.*FINAL_UNDONE") as caught:
            ledger.advance()
        assert not isinstance(caught.value, LedgerUnavailable)
    with pytest.raises(LedgerError, match="FINAL_UNDONE"):
        site.open()
    with closing(site.open("?resend=final")) as ledger:
        settle(ledger, site, lambda: ledger.progress() == (4, 4))
    assert settled_once(site, books)


def test_a_height_that_goes_backwards_is_caught_up_with(site: Site, books: Books) -> None:
    with closing(site.open()) as ledger:
        fill(ledger, site, books, 0)
        snapshot = site.rpc.call("evm_snapshot")
        for _ in range(3):
            ledger.post(trades(books, site))
        settle(ledger, site, lambda: ledger.progress().posted == 4)
        height = site.height
        site.rpc.call("evm_revert", snapshot)
        assert site.height < height
        ledger.advance()
        assert ledger.progress().posted == 1
        settle(ledger, site, lambda: ledger.progress() == (4, 4))
    assert settled_once(site, books)


def test_a_node_that_is_behind_what_was_final_is_waited_for(site: Site, books: Books) -> None:
    with closing(site.open()) as ledger:
        snapshot = site.rpc.call("evm_snapshot")
        fill(ledger, site, books, 1)
        settle(ledger, site, lambda: ledger.progress() == (2, 2))
        site.rpc.call("evm_revert", snapshot)
        ledger.post(trades(books, site))
        with pytest.raises(LedgerUnavailable, match="NODE_BEHIND") as caught:
            ledger.advance()
        assert caught.value.needs_somebody


def test_a_node_without_the_vault_is_waited_for_and_named(
    site: Site, books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    with LocalNode(mining=False) as empty:
        monkeypatch.setenv("FXENGINE_RPC", empty.url)
        with closing(site.open()) as ledger:
            ledger.post(opening(books, site))
            with pytest.raises(LedgerUnavailable, match=f"no vault at {site.vault}.*NO_VAULT") as caught:
                ledger.advance()
            assert caught.value.needs_somebody


def test_a_node_that_is_away_is_waited_for(site: Site, books: Books, node: LocalNode) -> None:
    with closing(site.open()) as ledger:
        ledger.post(opening(books, site))
        node.kill()
        with pytest.raises(LedgerUnavailable, match="NODE_UNREACHABLE") as caught:
            ledger.advance()
        assert not caught.value.needs_somebody
    with closing(site.open()) as ledger:
        assert ledger.cursor().batch_id == 1
        assert ledger.progress() == (0, 0)


def test_another_chain_is_refused_at_the_start_and_when_it_comes_later(
    site: Site, books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    with LocalNode(mining=False, chain_id=5) as other:
        monkeypatch.setenv("FXENGINE_RPC", other.url)
        with pytest.raises(LedgerError, match=r"is on chain 5, not 31337.*WRONG_CHAIN"):
            site.open()
        monkeypatch.setenv("FXENGINE_RPC", "http://127.0.0.1:1")
        with closing(site.open()) as ledger:
            ledger.post(opening(books, site))
            ledger._vault.rpc._http.port = int(other.url.rpartition(":")[2])
            with pytest.raises(LedgerError, match="WRONG_CHAIN") as caught:
                ledger.advance()
            assert not isinstance(caught.value, LedgerUnavailable)


def test_an_old_copy_of_the_books_posts_nothing(site: Site, books: Books) -> None:
    path = site.directory / "books.sqlite"
    with closing(site.open()) as ledger:
        fill(ledger, site, books, 1)
    copy = path.read_bytes()
    with closing(site.open()) as ledger:
        ledger.post(trades(books, site))
        settle(ledger, site, lambda: ledger.progress() == (3, 3))
    path.write_bytes(copy)
    before = site.nonce(site.operator)
    with pytest.raises(LedgerError, match=r"settled batch 3.*end with batch 2.*BOOKS_BEHIND"):
        site.open()
    assert site.nonce(site.operator) == before


def test_other_content_under_a_batchs_number_posts_nothing(site: Site, books: Books) -> None:
    with closing(site.open()) as ledger:
        ledger.post(opening(books, site))
        call = site.interface.function("settle_batch").call(1, 5, 0, site.settled()[1], bytes(32), bytes(32), b"")
        site.transact(site.operator, site.vault, call)
        with pytest.raises(LedgerError, match=r"head after batch 1 is [0-9a-f]{64}.*HEAD_DIFFERS"):
            ledger.advance()
    assert site.nonce(site.operator) == 1
