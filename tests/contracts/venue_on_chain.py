"""A vault with tokens, holders and a head: what most tests of the contracts start from."""

import numpy as np

from fxengine.chain.deltas import encode
from fxengine.chain.head import chain_head
from fxengine.ledger.batch import DELTA
from fxengine.records import Records
from tests.contracts.world import FOREVER, GENESIS, ISSUER, OPERATOR, OWNER, REGISTRAR, Contract, World, address

ROOT, JOURNAL = b"\x01" * 32, b"\x02" * 32


def delta_records(*lines: tuple[int, int, int]) -> Records:
    """``(account, currency, units)`` lines as DELTA records, as they come."""
    records = np.zeros(len(lines), DELTA)
    for at, (account, currency, units) in enumerate(lines):
        records[at] = (account, currency, b"", units)
    return records


class VenueOnChain:
    """Six currencies of six decimals; holders by account number; batches one after the other."""

    def __init__(self, *, n_tokens: int = 6, **terms: int) -> None:
        self.world = World()
        self.vault = self.world.vault(**terms)
        self.tokens: list[Contract] = []
        self.head, self.batch_id, self.sequence = GENESIS, 0, 0
        for _ in range(n_tokens):
            self.list(self.world.stablecoin())

    def list(self, token: Contract, unit_decimals: int = 6) -> int:
        self.vault.call(OWNER, "list_token", token.address, unit_decimals)
        self.tokens.append(token)
        return len(self.tokens) - 1

    @staticmethod
    def who(account: int) -> str:
        return address(f"holder {account}")

    def register(self, *accounts: int) -> None:
        for account in accounts:
            self.vault.call(REGISTRAR, "register", account, self.who(account), FOREVER)

    def fund(self, account: int, tid: int, units: int) -> None:
        """Mint to a holder, allow the vault, and deposit."""
        token, who = self.tokens[tid], self.who(account)
        scale = self.vault.view("token", tid)[2]
        amount = units * int(scale)
        token.call(ISSUER, "mint", who, amount)
        token.call(who, "approve", self.vault.address, amount)
        self.vault.call(who, "deposit", tid, units)

    def settle(self, *lines: tuple[int, int, int], n_trades: int = 1, root: bytes = ROOT) -> bytes:
        """Post the next batch with these deltas."""
        return self.settle_bytes(encode(delta_records(*lines)), n_trades=n_trades, root=root)

    def settle_bytes(self, content: bytes, *, n_trades: int = 1, root: bytes = ROOT) -> bytes:
        following = (self.batch_id + 1, self.sequence + 10, n_trades)
        self.vault.call(OPERATOR, "settle_batch", *following, self.head, root, JOURNAL, content)
        self.head = chain_head(self.head, *following, root, JOURNAL, content)
        self.batch_id, self.sequence = following[:2]
        return self.head

    def balance(self, account: int, tid: int) -> int:
        return self.vault.number("balance_of", account, tid)

    def pending(self, account: int, tid: int) -> int:
        return int(self.vault.view("pending", account, tid)[0])

    def liabilities(self, tid: int) -> int:
        return self.vault.number("liabilities", tid)

    def held(self, tid: int) -> int:
        return self.tokens[tid].number("balanceOf", self.vault.address)
