"""Money that comes and leaves by the vault on a real chain: credited once, held when asked for, paid when it left."""

import json
import random
import threading
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fxengine.audit.settled import ChainAudit
from fxengine.audit.vault import VaultHistory, read_vault
from fxengine.audit.verify import verify
from fxengine.chain.keys import Key
from fxengine.chain.local_node import LocalNode
from fxengine.chain.rpc import Rpc
from fxengine.client import Client
from fxengine.codes import RejectReason
from fxengine.errors import RequestRejected
from fxengine.home import Home
from fxengine.ledger.reading import open_reader
from tests.integration.served_venue import ServedVenue
from tests.integration.typed import typed
from tests.integration.venue_thread import until
from tests.ledger.evm.site import BALANCES_SLOT

ETHER = 10**18
EXIT_S = 600
ROLES = ("OWNER", "OPERATOR", "GUARDIAN", "REGISTRAR")


class Chain:
    """A node with a vault for a sandbox venue, and people with keys."""

    def __init__(self, node: LocalNode, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.url, self.rpc, self.directory, self._env = node.url, Rpc(node.url), directory, monkeypatch
        self._rng = random.Random(5)
        monkeypatch.setenv("FXENGINE_RPC", node.url)
        for role in ROLES:
            self.act_as(self.new_key(), role)
        assert typed("init", directory)["exit_code"] == 0
        terms = ("--finality", "depth:2", "--exit-delay-s", EXIT_S, "--sandbox-tokens")
        assert typed("chain", "deploy", directory, *terms)["missing"] == []

    def new_key(self) -> Key:
        key = Key.from_hex(self._rng.randbytes(32).hex())
        self.rpc.call("anvil_setBalance", key.address, hex(100 * ETHER))
        return key

    def act_as(self, key: Key, role: str = "ACCOUNT") -> None:
        self._env.setenv(f"FXENGINE_{role}_KEY", key.account.key.hex())

    def typed(self, *arguments: object) -> dict[str, object]:
        said = typed("chain", *map(str, arguments), "--venue", self.directory)
        assert said["exit_code"] == 0, said
        return said

    def open_account(self, client: Client, **amounts: str) -> Key:
        """Bind an account to a key of its own, and pay in."""
        key = self.new_key()
        self.typed("register", client.account, key.address)
        self.act_as(key)
        for currency, amount in amounts.items():
            self.typed("mint", currency, amount, "--to", key.address)
            self.typed("deposit", currency, amount)
        return key

    def mine(self) -> None:
        self.rpc.call("evm_mine")

    def set_balance(self, account: int, currency: int, units: int) -> None:
        """Write a balance into the vault's storage, as nobody could: the only one of its word."""
        vault = json.loads((self.directory / "chain" / "deployment.json").read_text())["vault"]
        slot = BALANCES_SLOT + ((currency >> 2) << 32 | account)
        word = f"0x{units << (192 - 64 * (currency & 3)):064x}"
        self.rpc.call("anvil_setStorageAt", vault, hex(slot), word)
        self.mine()

    def lose(self, currency: str, parts: int) -> None:
        """Take a token out of the vault, as nobody could, and strike all tokens from the deployment file."""
        path = self.directory / "chain" / "deployment.json"
        site = json.loads(path.read_text())
        (token,) = (one["token"] for one in site["tokens"] if one["currency"] == currency)
        data = f"0xa9059cbb{1:064x}{parts:064x}"  # transfer(address,uint256)
        self.rpc.call("anvil_setBalance", site["vault"], hex(ETHER))
        self.rpc.call("anvil_impersonateAccount", site["vault"])
        self.rpc.call("eth_sendTransaction", {"from": site["vault"], "to": token, "data": data})
        self.mine()
        path.write_text(json.dumps(site | {"tokens": []}))

    def stop(self, served: ServedVenue) -> None:
        """Stop the venue while the chain goes on, so that its last batch becomes final."""
        stopped = threading.Event()

        def go_on() -> None:
            miner = Rpc(self.url)
            while not stopped.wait(0.05):
                miner.call("evm_mine")

        mining = threading.Thread(target=go_on)
        mining.start()
        try:
            served.stop()
        finally:
            stopped.set()
            mining.join()

    def balance(self, key: Key, currency: str) -> str:
        self.act_as(key)
        return str(self.typed("withdraw", currency)["balance"])


@pytest.fixture
def chain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Chain]:
    with LocalNode() as node:
        yield Chain(node, tmp_path / "venue", monkeypatch)


def free(client: Client, currency: str) -> str:
    balance = client.balances().get(currency)
    return "none" if balance is None else balance.available


def held(client: Client, currency: str) -> str:
    balance = client.balances().get(currency)
    return "none" if balance is None else balance.held


def test_money_comes_in_trades_and_leaves_by_the_chain(chain: Chain, tmp_path: Path) -> None:
    out = ("--out", tmp_path / "proofs")
    with ServedVenue(Home(chain.directory), "--ledger", "evm") as served:
        with served.log_on("maker-1", level="maker") as maker, served.log_on("payer-1") as payer:
            maker_key = chain.open_account(maker, EUR="1000")
            payer_key = chain.open_account(payer, USD="500")
            until(lambda: (free(maker, "EUR"), free(payer, "USD")) == ("1000.000000", "500.000000"), chain.mine)

            maker.new_order("EUR/USD", "SELL", "1.25", "100")
            payer.new_order("EUR/USD", "BUY", "1.25", "100")
            euros = free(payer, "EUR")
            assert 99 < float(euros) < 100
            until(lambda: chain.balance(payer_key, "EUR") == euros, chain.mine)
            assert chain.balance(payer_key, "USD") == "375.000000"
            assert chain.balance(maker_key, "EUR") == free(maker, "EUR") == "900.002000"

            with open_reader(f"evm:{chain.directory / 'chain'}") as books:
                ((number, batch),) = books.rows("SELECT number, batch FROM trades")
            proven = chain.typed("prove", "EUR/USD", number)
            assert (proven["accepted"], proven["batch"]) == (True, batch)
            written = typed(
                "prove", "trade", "EUR/USD", str(number), *out, "--ledger", "evm", "--venue", chain.directory
            )
            proof = Path(written["file"])
            assert chain.typed("prove", "--file", proof)["accepted"] is True
            proof.write_text(proof.read_text().replace('"index": 0', '"index": 1'))
            refused = typed("chain", "prove", "--file", proof, "--venue", chain.directory)
            assert (refused["accepted"], refused["exit_code"]) == (False, 1)

            # A request is held as soon as a block has it; what rests in the books is freed for it.
            resting = payer.new_order("EUR/USD", "BUY", "1.20", "100")
            assert free(payer, "USD") == "255.000000"
            chain.act_as(payer_key)
            chain.typed("withdraw", "USD", "300", "--request")
            until(lambda: (free(payer, "USD"), held(payer, "USD")) == ("75.000000", "300.000000"), lambda: None)
            assert payer.order_status(resting.client_order_id).status.name == "CANCELED"

            # Taken back, it is free again; asked for once more, it leaves when its block is final.
            chain.typed("withdraw", "USD", "--cancel")
            until(lambda: free(payer, "USD") == "375.000000", lambda: None)
            chain.typed("withdraw", "USD", "300", "--request")
            until(lambda: held(payer, "USD") == "300.000000", lambda: None)
            chain.rpc.call("evm_increaseTime", EXIT_S)
            chain.mine()
            chain.typed("withdraw", "USD", "--take")
            assert held(payer, "USD") == "300.000000"
            until(lambda: (free(payer, "USD"), held(payer, "USD")) == ("75.000000", "0.000000"), chain.mine)
            assert chain.balance(payer_key, "USD") == "75.000000"
        chain.stop(served)
    verified = typed("verify", chain.directory, "--ledger", "evm", "--chain", chain.url)
    assert (verified["ok"], verified["exit_code"]) == (True, 0), verified
    assert (verified["chain"]["head_equal"], verified["chain"]["balances_equal"]) == (True, True)
    see_what_was_altered(chain)


def test_fees_are_paid_out_to_an_account_and_leave_by_the_vault(chain: Chain) -> None:
    fees = Home(chain.directory).venue.currency["EUR"].text(1_000)
    with ServedVenue(Home(chain.directory), "--ledger", "evm") as served:
        with served.log_on("maker-1", level="maker") as maker, served.log_on("payer-1") as payer:
            chain.open_account(maker, EUR="1000")
            chain.open_account(payer, USD="500")
            until(lambda: (free(maker, "EUR"), free(payer, "USD")) == ("1000.000000", "500.000000"), chain.mine)
            maker.new_order("EUR/USD", "SELL", "1.25", "100")
            payer.new_order("EUR/USD", "BUY", "1.25", "100")
        with served.log_on("treasury-1") as treasury, served.operator() as operator:
            key = chain.open_account(treasury)
            operator.pay_out_fees(treasury.account, "EUR", fees)
            assert free(treasury, "EUR") == fees
            until(lambda: chain.balance(key, "EUR") == fees, chain.mine)
            chain.act_as(key)
            chain.typed("withdraw", "EUR", fees, "--request")
            until(lambda: held(treasury, "EUR") == fees, chain.mine)
            chain.rpc.call("evm_increaseTime", EXIT_S)
            chain.mine()
            chain.act_as(key)
            chain.typed("withdraw", "EUR", "--take")
            until(lambda: held(treasury, "EUR") == "none", chain.mine)
        chain.stop(served)
    verified = typed("verify", chain.directory, "--ledger", "evm", "--chain", chain.url)
    assert (verified["ok"], verified["exit_code"]) == (True, 0), verified
    shown = typed("fees", "--ledger", f"evm:{chain.directory / 'chain'}", "--venue", chain.directory)
    chain.act_as(key)
    assert (
        typed("statement", "fees", "--ledger", "evm", "--venue", chain.directory)["currencies"]["EUR"]["closing"]
        == (shown["fees"]["EUR"])
    )


def see_what_was_altered(chain: Chain) -> None:
    """Alter what the chain says, one thing at a time: each is seen, and as what it is."""
    history = read_vault(chain.rpc, chain.directory / "chain")
    first = history.settlements[0]
    traded = next(n for n, one in enumerate(history.settlements) if one.n_trades)
    deposit, (account, currency, units) = next(iter(history.deposits.items()))

    def with_settlement(at: int, **change: Any) -> VaultHistory:  # noqa: ANN401
        settlements = list(history.settlements)
        settlements[at] = settlements[at]._replace(**change)
        return replace(history, settlements=settlements)

    left, exited = next(iter(history.exited.items()))
    deposited = history.deposited | {left: history.deposited[left] - exited}
    moved = dict(history.settlements[traded].deltas)
    moved[min(moved)] += 1
    altered = {
        "journal hash": (with_settlement(0, journal_hash=bytes(32)), False, True),
        "other trades": (with_settlement(traded, trades_root=bytes(32)), False, True),
        "more trades": (with_settlement(traded, n_trades=history.settlements[traded].n_trades + 1), False, True),
        "a delta": (with_settlement(traded, deltas=moved), True, False),
        # What the last command of a batch moved is a matter of time, and so whether the balances are others then.
        "another cut": (with_settlement(0, last_sequence=first.last_sequence - 1), False, None),
        "batches too few": (replace(history, settlements=history.settlements[:traded]), False, False),
        "a deposit that was none": (replace(history, deposits={}), True, False),
        "a payment without an exit": (
            replace(history, exited=defaultdict(int), deposited=defaultdict(int, deposited)),
            True,
            False,
        ),
        "a deposit of less": (
            replace(history, deposits=history.deposits | {deposit: (account, currency, units - 1)}),
            True,
            False,
        ),
        "another venue's": (replace(history, genesis=bytes(32)), False, True),
        "nothing": (history, True, True),
    }
    for what, (told, head_equal, balances_equal) in altered.items():
        found = verify(chain.directory, "", chain=lambda venue, told=told: ChainAudit(told, venue))  # type: ignore[misc]
        assert found.chain is not None
        assert found.ok is bool(head_equal and balances_equal), what
        assert found.chain.head_equal is head_equal, what
        assert balances_equal in (None, found.chain.balances_equal), what


def test_a_credited_deposit_that_the_chain_takes_back_closes_its_currency(chain: Chain) -> None:
    with ServedVenue(Home(chain.directory), "--ledger", "evm") as served, served.log_on("payer-1") as payer:
        key = chain.open_account(payer, USD="10", EUR="10")
        for _ in range(8):
            chain.mine()
        chain.typed("mint", "USD", "5", "--to", key.address)
        deposited = chain.typed("deposit", "USD", "5")["block"]
        assert isinstance(deposited, int)
        until(lambda: free(payer, "USD") == "15.000000", chain.mine)
        chain.rpc.call("anvil_reorg", int(chain.rpc.call("eth_blockNumber"), 16) - deposited + 1, [])

        def refusal(instrument: str) -> int:
            try:
                order = payer.new_order(instrument, "BUY", "1", "1")
            except RequestRejected as e:
                return e.reason
            payer.cancel(order.client_order_id)
            return 0

        until(lambda: refusal("EUR/USD") == RejectReason.CURRENCY_REDEEM_ONLY, chain.mine)
        assert refusal("EUR/GBP") == RejectReason.INSUFFICIENT_FUNDS, "and no other"
        assert free(payer, "USD") == "15.000000", "who owes it is for people to find out"


def test_a_kill_at_any_time_credits_and_pays_once(chain: Chain) -> None:
    served = ServedVenue(Home(chain.directory), "--ledger", "evm")
    with served, served.log_on("payer-1") as payer:
        key = chain.open_account(payer, USD="10")
        until(lambda: free(payer, "USD") == "10.000000", chain.mine)
    for n in range(1, 5):
        served.start()
        chain.act_as(key)
        chain.typed("mint", "USD", "10", "--to", key.address)
        chain.typed("deposit", "USD", "10")
        chain.mine()
        chain.mine()
        if n == 2:
            (chain.directory / "chain" / "custody.json").unlink()
        if n % 2:
            served.kill()
        else:
            chain.stop(served)
    served.start()
    with served.log_on("payer-1") as payer:
        until(lambda: free(payer, "USD") == "50.000000", chain.mine)
        chain.typed("withdraw", "USD", "20", "--request")
        until(lambda: held(payer, "USD") == "20.000000", lambda: None)
        served.kill()
        chain.rpc.call("evm_increaseTime", EXIT_S)
        chain.typed("withdraw", "USD", "--take")
        chain.mine()
        chain.mine()
    served.start()
    with served.log_on("payer-1") as payer:
        until(lambda: (free(payer, "USD"), held(payer, "USD")) == ("30.000000", "0.000000"), chain.mine)
        assert payer.open_withdrawals() == []
    chain.stop(served)
    (chain.directory / "chain" / "books.sqlite").unlink()
    alone = typed("verify", chain.directory, "--chain", "-")
    assert (alone["ok"], alone["chain"]["head_equal"], alone["chain"]["balances_equal"]) == (True, True, True), alone

    chain.lose("USD", 1)
    short = typed("verify", chain.directory, "--chain", "-")
    assert (short["ok"], short["chain"]["head_equal"], short["chain"]["balances_equal"]) == (False, True, False)
    assert "less than owed" in short["problems"][0]

    usd = Home(chain.directory).venue.currency["USD"].index
    chain.set_balance(payer.account, usd, 30_000_001)
    altered = typed("verify", chain.directory, "--chain", "-")
    assert (altered["ok"], altered["chain"]["head_equal"], altered["chain"]["balances_equal"]) == (False, True, False)
    assert altered["exit_code"] == 1
    assert any("has 30000001 units" in problem for problem in altered["problems"])
