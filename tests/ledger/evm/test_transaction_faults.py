"""What becomes of a transaction: passed over, pushed aside, forgotten, or mined and failed."""

from contextlib import closing

import pytest

from fxengine.errors import ChainReverted, LedgerError, LedgerUnavailable
from fxengine.ledger.check_batches import Books
from fxengine.ledger.evm.deciding import NONCES_MAX, STUCK_BLOCKS
from tests.ledger.evm.site import ETHER, Site, opening, settle, trades
from tests.ledger.evm.test_chain_faults import fill, settled_once


def pending(site: Site) -> list[dict[str, str]]:
    """The operator's transactions in the pool, by nonce."""
    pool = site.rpc.call("txpool_content")
    mine = {**pool["pending"], **pool["queued"]}
    by_nonce = next((found for who, found in mine.items() if who.lower() == site.operator.address.lower()), {})
    return [by_nonce[nonce] for nonce in sorted(by_nonce, key=int)]


def test_a_transaction_that_blocks_pass_over_offers_an_eighth_more(site: Site, books: Books) -> None:
    with closing(site.open()) as ledger:
        fill(ledger, site, books, 0)
        ledger.post(trades(books, site))
        ledger.advance()
        (first,) = pending(site)
        for _ in range(STUCK_BLOCKS):
            site.rpc.call("anvil_setNextBlockBaseFeePerGas", hex(int(first["maxFeePerGas"], 16) + 1))
            site.mine()
            ledger.advance()
        (second,) = pending(site)
        assert second["nonce"] == first["nonce"]
        for name in ("maxFeePerGas", "maxPriorityFeePerGas"):
            assert int(second[name], 16) * 8 >= int(first[name], 16) * 9
        settle(ledger, site, lambda: ledger.progress() == (2, 2))
    assert settled_once(site, books)


def test_gas_above_the_most_that_is_offered_waits_and_goes_on_when_it_is_cheaper(site: Site, books: Books) -> None:
    with closing(site.open("?max_fee_gwei=3")) as ledger:
        fill(ledger, site, books, 0)
        site.rpc.call("anvil_setNextBlockBaseFeePerGas", hex(4 * 10**9))
        site.mine()
        ledger.post(trades(books, site))
        with pytest.raises(LedgerUnavailable, match=r"more than 3 gwei.*max_fee_gwei.*GAS_PRICE_TOO_HIGH") as caught:
            ledger.advance()
        assert caught.value.needs_somebody
        assert pending(site) == []
        site.rpc.call("anvil_setNextBlockBaseFeePerGas", hex(10**9))
        site.mine()
        settle(ledger, site, lambda: ledger.progress() == (2, 2))
    assert settled_once(site, books)


def test_a_nonce_that_another_transaction_took_is_replaced_by_the_next(site: Site, books: Books) -> None:
    with closing(site.open()) as ledger:
        fill(ledger, site, books, 0)
        for _ in range(3):
            ledger.post(trades(books, site))
        ledger.advance()
        for transaction in pending(site):
            site.rpc.call("anvil_dropTransaction", transaction["hash"])
        site.transact(site.operator, site.owner.address)
        settle(ledger, site, lambda: ledger.progress() == (4, 4))
    assert settled_once(site, books)


def test_a_nonce_that_a_transaction_in_the_pool_has_is_won_by_offering_more(site: Site, books: Books) -> None:
    with closing(site.open()) as ledger:
        fill(ledger, site, books, 0)
        fields = {"type": 2, "chainId": 31337, "value": 0, "data": b"", "gas": 21_000, "to": site.owner.address}
        fields |= {"nonce": site.nonce(site.operator), "maxFeePerGas": 20 * 10**9, "maxPriorityFeePerGas": 2 * 10**9}
        site.rpc.call("eth_sendRawTransaction", "0x" + site.operator.sign(fields).raw.hex())
        ledger.post(trades(books, site))
        settle(ledger, site, lambda: ledger.progress() == (2, 2))
    assert settled_once(site, books)


def test_transactions_that_the_pool_lost_are_sent_again(site: Site, books: Books) -> None:
    with closing(site.open()) as ledger:
        fill(ledger, site, books, 0)
        for _ in range(2):
            ledger.post(trades(books, site))
        ledger.advance()
        lost = pending(site)
        assert len(lost) == 2
        for transaction in lost:
            site.rpc.call("anvil_dropTransaction", transaction["hash"])
        assert pending(site) == []
        site.mine()
        ledger.advance()
        assert [t["hash"] for t in pending(site)] == [t["hash"] for t in lost], "the same, byte for byte"
        settle(ledger, site, lambda: ledger.progress() == (3, 3))
    assert settled_once(site, books)


def test_a_transaction_that_is_mined_and_fails_is_signed_again(site: Site, books: Books) -> None:
    with closing(site.open()) as ledger:
        fill(ledger, site, books, 0)
        ledger.post(trades(books, site))
        ledger.advance()
        (sent,) = pending(site)
        pause = site.interface.function("set_paused")
        # The guardian's transaction pays more and so comes first in the same block.
        fields = {"type": 2, "chainId": 31337, "value": 0, "data": pause.call(True), "gas": 100_000, "to": site.vault}
        fields |= {"nonce": site.nonce(site.owner), "maxFeePerGas": 10**12, "maxPriorityFeePerGas": 10**11}
        site.rpc.call("eth_sendRawTransaction", "0x" + site.owner.sign(fields).raw.hex())
        site.mine()
        receipt = site.rpc.call("eth_getTransactionReceipt", sent["hash"])
        assert int(receipt["status"], 16) == 0
        with pytest.raises(LedgerUnavailable, match="VAULT_PAUSED") as caught:
            ledger.advance()
        assert caught.value.needs_somebody
        assert ledger.progress().posted == 1
        site.call_as_owner("set_paused", False)
        settle(ledger, site, lambda: ledger.progress() == (2, 2))
    assert settled_once(site, books)


def test_a_batch_that_loses_nonce_after_nonce_is_somebodys_business(site: Site, books: Books) -> None:
    with closing(site.open()) as ledger:
        fill(ledger, site, books, 0)
        ledger.post(trades(books, site))
        for _ in range(NONCES_MAX):
            ledger.advance()
            for transaction in pending(site):
                site.rpc.call("anvil_dropTransaction", transaction["hash"])
            site.transact(site.operator, site.owner.address)
        with pytest.raises(LedgerUnavailable, match="NONCES_LOST"):
            ledger.advance()
    with closing(site.open()) as ledger:
        settle(ledger, site, lambda: ledger.progress() == (2, 2))
    assert settled_once(site, books)


def test_a_batch_that_the_vault_would_refuse_is_not_sent_and_the_delta_is_named(site: Site, books: Books) -> None:
    with closing(site.open()) as ledger:
        fill(ledger, site, books, 0)
        batch = trades(books, site)
        gives = batch.deltas[batch.deltas["amount_units"] < 0][0]
        account, currency, units = int(gives["account"]), int(gives["currency"]), int(gives["amount_units"])
        site.set_balance(account, currency, -units - 1)
        before = site.nonce(site.operator)
        ledger.post(batch)
        with pytest.raises(
            LedgerError, match=f"account {account} is to give {-units} units of currency {currency}"
        ) as e:
            ledger.advance()
        assert not isinstance(e.value, LedgerUnavailable)
        assert "WOULD_REVERT" in str(e.value)
        assert f"has {-units - 1} there" in str(e.value)
        assert pending(site) == []
        assert site.nonce(site.operator) == before
    site.set_balance(account, currency, 10**12)
    with closing(site.open()) as ledger:
        settle(ledger, site, lambda: ledger.progress() == (2, 2))


def test_a_key_that_is_not_the_operators_is_named(site: Site, books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FXENGINE_OPERATOR_KEY", site.owner.account.key.hex())
    with closing(site.open()) as ledger:
        ledger.post(opening(books, site))
        with pytest.raises(LedgerUnavailable, match=f"{site.owner.address} is not the vault's operator.*NOT_OPERATOR"):
            ledger.advance()


def test_an_operator_without_ether_is_told_of(site: Site, books: Books) -> None:
    site.rpc.call("anvil_setBalance", site.operator.address, hex(1))
    with closing(site.open()) as ledger:
        ledger.post(opening(books, site))
        with pytest.raises(LedgerUnavailable, match=f"{site.operator.address}.*ether for gas") as caught:
            ledger.advance()
        assert caught.value.needs_somebody
        site.rpc.call("anvil_setBalance", site.operator.address, hex(ETHER))
        settle(ledger, site, lambda: ledger.progress() == (1, 1))


def test_a_frozen_vault_ends_posting(site: Site, books: Books) -> None:
    with closing(site.open()) as ledger:
        site.rpc.call("evm_increaseTime", 91 * 86400)
        site.mine()
        ledger.advance()
        site.call_as_owner("freeze")
        with pytest.raises(LedgerUnavailable, match=r"settled nowhere.*VAULT_FROZEN") as told:
            ledger.advance()
        assert told.value.needs_somebody, "before anything more is traded"
        ledger.post(opening(books, site))
        with pytest.raises(LedgerError, match=r"frozen.*batch 1 was not settled.*VAULT_FROZEN") as caught:
            ledger.advance()
        assert not isinstance(caught.value, LedgerUnavailable)


def test_a_look_is_of_one_block_or_it_is_none(site: Site, books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    """The block that a look began with is undone before its state is read: the node knows it no longer."""
    with closing(site.open()) as ledger:
        fill(ledger, site, books, 1)
        ledger.post(trades(books, site))
        batch, torn = ledger._vault.rpc.batch, []

        def tears(calls: list[tuple[str, tuple[object, ...]]]) -> list[object]:
            answers = batch(calls)
            if calls[0][0] == "eth_getBlockByNumber" and not torn:
                torn.append(site.rpc.call("anvil_reorg", 1, []))
            return answers

        monkeypatch.setattr(ledger._vault.rpc, "batch", tears)
        with pytest.raises(LedgerUnavailable) as caught:
            ledger.advance()
        assert not caught.value.needs_somebody
        settle(ledger, site, lambda: ledger.progress() == (3, 3))
    assert settled_once(site, books)


def test_answers_of_two_blocks_are_no_look(site: Site, books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    """A node that takes a block's hash for its height tells of what has replaced it."""
    with closing(site.open()) as ledger:
        ledger.post(opening(books, site))
        batch = ledger._vault.rpc.batch

        def torn(calls: list[tuple[str, tuple[object, ...]]]) -> list[object]:
            answers = batch(calls)
            if calls[0][0] == "eth_getBlockByNumber":
                answers[0]["number"] = hex(int(answers[0]["number"], 16) - 1)
            return answers

        monkeypatch.setattr(ledger._vault.rpc, "batch", torn)
        with pytest.raises(LedgerUnavailable, match="TORN_READ"):
            ledger.advance()
        assert pending(site) == []


@pytest.mark.parametrize("answer", [None, [], 5, "0x", "no number", {}, {"number": None}, {"number": "0x1"}])
def test_answers_that_are_none_stop_nothing(
    site: Site, books: Books, monkeypatch: pytest.MonkeyPatch, answer: object
) -> None:
    """Whatever a node says once, it is asked again: only a person could begin again what is stopped."""
    with closing(site.open()) as ledger:
        ledger.post(opening(books, site))
        rpc = ledger._vault.rpc
        batch, place = rpc.batch, [0]

        def lies(calls: list[tuple[str, tuple[object, ...]]]) -> list[object]:
            answers = batch(calls)
            if place[0] < len(answers):
                answers[place[0]] = answer
            return answers

        for place[0] in range(4):
            with monkeypatch.context() as lying:
                lying.setattr(rpc, "batch", lies)
                try:
                    ledger.advance()
                except LedgerUnavailable as e:
                    told = str(e)
                    assert "BAD_ANSWER" in told or "NO_BLOCK" in told or "NO_VAULT" in told
        settle(ledger, site, lambda: ledger.progress() == (1, 1))
    assert settled_once(site, books)


@pytest.mark.parametrize("reason", ["not next batch", "other head", "sequence behind", "paused", "frozen"])
def test_a_refusal_that_the_look_would_have_foreseen_is_looked_at_anew(
    site: Site, books: Books, monkeypatch: pytest.MonkeyPatch, reason: str
) -> None:
    with closing(site.open()) as ledger:
        ledger.post(opening(books, site))
        with monkeypatch.context() as patched:

            def refuse(*_: object) -> None:
                raise ChainReverted(reason, reason)

            patched.setattr(ledger._vault, "try_out", refuse)
            with pytest.raises(LedgerUnavailable, match=f"moved on while batch 1 was tried out .{reason}") as caught:
                ledger.advance()
            assert not caught.value.needs_somebody
        settle(ledger, site, lambda: ledger.progress() == (1, 1))
