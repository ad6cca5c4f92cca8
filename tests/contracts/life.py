"""One generated life of a vault: any caller, any call, good and bad, held against the model after each.

A life holds what the vault promises, besides that it does as the model does (``docs/onchain.md`` lists it):

- liabilities are the sum of balances and of requests, and never more than the tokens that are there;
- no settlement and no call of a role moves a token out: only ``withdraw`` does;
- whoever has units, and whose account is not frozen, leaves with them (:meth:`Life.everybody_leaves`).
"""

from collections import Counter
from collections.abc import Callable
from random import Random

from fxengine.chain.head import chain_head
from tests.contracts.model import Model, RecordOfDelta
from tests.contracts.world import (
    EXIT_DELAY_S,
    FOREVER,
    GUARDIAN,
    ISSUER,
    OPERATOR,
    OWNER,
    REGISTRAR,
    SILENCE_S,
    STRANGER,
    Contract,
    Refused,
    World,
    address,
)

N_TOKENS = 5
ACCOUNTS = (0, 2, 3, 7, 2**32 - 1)
HOLDERS = {account: address(f"holder {account}") for account in ACCOUNTS}
WALLET, HEIR = address("wallet"), address("heir")
CALLERS = [*HOLDERS.values(), STRANGER, OWNER, OPERATOR, GUARDIAN, REGISTRAR, HEIR]
WHOLE = 2**63 - 1
KINDS = {
    "deposit": 14,
    "settle": 30,
    "broken": 10,
    "request": 10,
    "cancel": 4,
    "withdraw": 12,
    "send": 1,
    "later": 6,
    "power": 5,
    "take": 3,
    "foreign": 5,
}
"""How often a life makes which kind of call."""
ROOT = JOURNAL = b"\x09" * 32
CHECK_EVERY = 16


def outcome(call: Callable[[], object]) -> str:
    """Make a call; return why it was refused, or nothing."""
    try:
        call()
    except Refused as e:
        return str(e)
    return ""


class Life:
    """A vault, its model, and the calls that were made of both."""

    def __init__(self, world: World | None = None) -> None:
        self.world = world or World()
        self.vault: Contract = self.world.vault()
        self.tokens = [self.world.stablecoin() for _ in range(N_TOKENS)]
        wallets = {}
        for tid, token in enumerate(self.tokens):
            self.vault.call(OWNER, "list_token", token.address, 6)
            for account, who in HOLDERS.items():
                amount = WHOLE if (account, tid) == (7, 4) else 1_000
                token.call(ISSUER, "mint", who, amount)
                token.call(who, "approve", self.vault.address, 2**256 - 1)
                wallets[who, tid] = amount
        self.model = Model(self.world.now, N_TOKENS, wallets, self.vault.address)
        self.model.seen = self.world.now
        self.calls = 0
        self.outcomes: Counter[tuple[str, str]] = Counter()

    # Calls of both sides.

    def do(self, who: str, name: str, *values: int | str | bool) -> str:
        """Make one call of both; return the refusal, or nothing."""
        return self._both(
            name, lambda: self.vault.call(who, name, *values), lambda: getattr(self.model, name)(who, *values)
        )

    def settle(
        self, who: str, records: list[RecordOfDelta], *, batch_id: int | None = None, sequence: int | None = None,
        prev_head: bytes | None = None, tail: bytes = b"",
    ) -> str:  # fmt: skip
        model = self.model
        batch_id = model.batch_id + 1 if batch_id is None else batch_id
        sequence = model.sequence + 1 if sequence is None else sequence
        prev_head = model.head if prev_head is None else prev_head
        content = b"".join(
            group.to_bytes(1, "big") + account.to_bytes(4, "big")
            + b"".join(amount.to_bytes(8, "big", signed=True) for amount in amounts)
            for group, account, amounts in records
        )  # fmt: skip
        head = chain_head(prev_head, batch_id, sequence, 0, ROOT, JOURNAL, content)
        values = (batch_id, sequence, 0, prev_head, ROOT, JOURNAL, content)
        return self._both(
            "settle_batch",
            lambda: self.vault.call(who, "settle_batch", *values),
            lambda: model.settle_batch(who, batch_id, sequence, prev_head, head, records),
        )

    def send_surplus(self, who: str, tid: int, units: int) -> str:
        return self._both(
            "send",
            lambda: self.tokens[tid].call(who, "transfer", self.vault.address, units),
            lambda: self.model.send(who, tid, units),
        )

    def _both(self, name: str, on_chain: Callable[[], object], in_model: Callable[[], object]) -> str:
        self.calls += 1
        said = [outcome(side) for side in (on_chain, in_model)]
        assert said[0] == said[1], f"call {self.calls}, {name}: the vault says {said[0]!r}, the model {said[1]!r}"
        self.outcomes[name, said[0]] += 1
        return said[0]

    def later(self, seconds: int) -> None:
        self.world.later(seconds)
        self.model.now = self.world.now

    # A call at random.

    def step(self, random: Random) -> None:
        """Make one call: mostly one that could succeed, by anybody, with amounts near where it matters."""
        kind = random.choices(list(KINDS), list(KINDS.values()))[0]
        who = HOLDERS[random.choice(ACCOUNTS)]
        tid = random.randrange(N_TOKENS + (random.random() < 0.03))
        match kind:
            case "deposit":
                self.do(who, "deposit", tid, random.choice([0, 1, 5, 10, 50, 2**63, 2**64 + 1, WHOLE]))
            case "settle":
                self.settle(OPERATOR, self.netted(random))
            case "broken":
                self.broken(random)
            case "request":
                self.do(who, "request_withdraw", tid, self.some_units(random, who, tid))
            case "cancel":
                self.do(who, "cancel_withdraw", tid)
            case "withdraw":
                self.do(who, "withdraw", tid, random.choice([WALLET, who, who, self.vault.address, "0x" + "00" * 20]))
            case "send":
                self.send_surplus(who, min(tid, N_TOKENS - 1), random.choice([1, 3]))
            case "later":
                self.later(random.choice([1, EXIT_DELAY_S // 2, EXIT_DELAY_S, EXIT_DELAY_S + 1]))
            case "power":
                self.power(random)
            case "take":
                self.do(random.choice(CALLERS), "accept_role", random.randrange(5))
            case "foreign":
                self.foreign(random)

    def some_units(self, random: Random, who: str, tid: int) -> int:
        account = next(account for account, holder in HOLDERS.items() if holder == who)
        balance = self.model.balances.get((account, tid), 0)
        return random.choice([0, 1, balance // 2, balance, balance + 1, 2**64 + balance])

    def netted(self, random: Random) -> list[RecordOfDelta]:
        """Deltas that sum to zero in each token, mostly within what accounts have and have requested."""
        deltas: dict[tuple[int, int], list[int]] = {}
        for tid in random.sample(range(N_TOKENS), random.randint(0, 3)):
            among = random.sample([*ACCOUNTS, 9], random.randint(2, 4))
            total = 0
            for account in among[1:]:
                has = self.model.balances.get((account, tid), 0) + self.model.requests.get((account, tid), (0, 0))[0]
                most = has + (random.random() < 0.02)
                amount = -random.choice([0, 1, most // 2, most])
                deltas.setdefault((tid // 4, account), [0] * 4)[tid % 4] += amount
                total += amount
            deltas.setdefault((tid // 4, among[0]), [0] * 4)[tid % 4] -= total
        found = [(*key, tuple(amounts)) for key, amounts in sorted(deltas.items()) if any(amounts)]
        fits = all(-(2**63) <= amount < 2**63 for _, _, amounts in found for amount in amounts)
        return found if fits else []  # type: ignore[return-value]

    def broken(self, random: Random) -> None:
        """A settlement with something wrong in it; by chance nothing."""
        records = self.netted(random)
        model = self.model
        match random.randrange(8):
            case 0:
                self.settle(OPERATOR, records[::-1])
            case 1:
                self.settle(OPERATOR, records + records[-1:])
            case 2:
                extra = tuple(random.choice([0, 0, 1, -1, 2**62, WHOLE, -(2**63)]) for _ in range(4))
                extra = random.choice([extra, (0, 0, 0, 0)])
                self.settle(OPERATOR, sorted([*records, (random.choice([0, 1, 2, 63, 64, 255]), 8, extra)]))  # type: ignore[list-item]
            case 3:
                self.settle(OPERATOR, records, batch_id=random.choice([0, model.batch_id, model.batch_id + 2, 2**63]))
            case 4:
                self.settle(OPERATOR, records, prev_head=ROOT)
            case 5:
                self.settle(OPERATOR, records, sequence=random.choice([0, model.sequence]))
            case 6:
                self.settle(random.choice(CALLERS), records)
            case 7:  # four of them wrap around in the 64 bits of a lane
                amount = random.choice([2**62, -(2**62)])
                self.settle(OPERATOR, [(0, account, (amount, 0, 0, 0)) for account in (10, 11, 12, 13)])

    def power(self, random: Random) -> None:
        """A call of a role, by whoever has it, or had it."""
        by = lambda role: random.choice([self.model.roles[role], self.model.roles[role], random.choice(CALLERS)])  # noqa: E731
        account = random.choice([*ACCOUNTS, *ACCOUNTS, 1, 2**32])
        match random.randrange(7):
            case 0 | 1:
                self.do(by(3), "register", account, random.choice([*HOLDERS.values(), self.vault.address]), FOREVER)
            case 2:
                until = random.choice([FOREVER, FOREVER, self.world.now - 1])
                self.do(by(3), "set_account", account, until, random.random() < 0.3)
            case 3:
                self.do(by(2), "set_paused", random.random() < 0.3)
            case 4:
                role = random.randrange(5)
                self.do(
                    by(0), "set_role", role, random.choice([HEIR, [OWNER, OPERATOR, GUARDIAN, REGISTRAR][role % 4]])
                )
            case 5:
                self.do(by(1), "heartbeat")
            case 6:
                self.do(random.choice(CALLERS), "freeze")

    def foreign(self, random: Random) -> None:
        """A call by somebody whose it is not."""
        who = random.choice([STRANGER, OWNER, OPERATOR, GUARDIAN, REGISTRAR, HEIR])
        name = random.choice(["deposit", "request_withdraw", "cancel_withdraw", "withdraw"])
        values: tuple[int | str, ...] = {"cancel_withdraw": (0,), "withdraw": (0, who)}.get(name, (0, 1))
        self.do(who, name, *values)

    # What must hold.

    def check(self) -> None:
        """Hold all the books against the model's, and the promises against the books."""
        vault, model = self.vault, self.model
        status = vault.view("status")
        expected = (model.batch_id, model.sequence, model.head, model.paused, model.frozen_since, model.seen)
        assert status[:6] == expected
        for tid, token in enumerate(self.tokens):
            owed = 0
            for account in (*ACCOUNTS, 8, 9, 10):
                balance = vault.number("balance_of", account, tid)
                request = vault.view("pending", account, tid)
                assert balance == model.balances.get((account, tid), 0)
                assert request == model.requests.get((account, tid), (0, 0))
                owed += balance + int(request[0])
            liabilities, held = vault.number("liabilities", tid), token.number("balanceOf", vault.address)
            assert owed == liabilities == model.liabilities.get(tid, 0)
            assert liabilities <= held == model.held.get(tid, 0)

    def everybody_leaves(self) -> None:
        """Take out all that everybody has, without operator, owner, guardian or registrar."""
        self.later(EXIT_DELAY_S)
        bound = {
            account: who for account, who in self.model.holders.items() if account not in self.model.frozen_accounts
        }
        for account, who in bound.items():
            for tid in range(N_TOKENS):
                for _ in range(2):  # what is requested already, then the balance
                    if (account, tid) in self.model.requests:
                        self.later(EXIT_DELAY_S)
                        assert self.do(who, "withdraw", tid, WALLET) == ""
                    if units := self.model.balances.get((account, tid), 0):
                        assert self.do(who, "request_withdraw", tid, units) == ""
                assert self.vault.number("balance_of", account, tid) == 0
                assert self.vault.view("pending", account, tid) == (0, 0)
        self.check()


def live(seed: int, n_calls: int) -> Life:
    """Live one life of about ``n_calls`` calls, to its end; ``silence`` comes near the end of every second one."""
    random = Random(seed)
    life = Life()
    for account in ACCOUNTS[:4]:
        life.do(REGISTRAR, "register", account, HOLDERS[account], FOREVER)
    for number in range(n_calls):
        life.step(random)
        if number % CHECK_EVERY == 0:
            life.check()
        if seed % 2 and number == n_calls * 9 // 10:
            life.later(SILENCE_S + 1)
            life.do(STRANGER, "freeze")
    life.everybody_leaves()
    return life


def reached(lives: list[Life]) -> set[tuple[str, str]]:
    """Which outcomes of which calls came about."""
    return {outcome for life in lives for outcome in life.outcomes}
