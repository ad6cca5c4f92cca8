"""The vault's promises under generated calls: 100,000 at random, and a machine that hypothesis steers and shortens."""

from random import Random

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.contracts.life import ACCOUNTS, HOLDERS, N_TOKENS, WALLET, Life, live, reached
from tests.contracts.world import EXIT_DELAY_S, FOREVER, GUARDIAN, OPERATOR, REGISTRAR, SILENCE_S, STRANGER

CALLS = 120_000  # with those that only move the clock
LIVES = 40


def test_the_vault_does_as_its_model_does_and_everybody_can_leave(seed: int) -> None:
    lives = [live(seed + number, CALLS // LIVES) for number in range(LIVES)]
    assert sum(life.calls for life in lives) >= 100_000
    # A run that never got to a call's success, or to one of the refusals, has shown nothing about it.
    wanted = {
        *(("settle_batch", text) for text in ("", "not operator", "paused", "frozen", "not next batch", "other head")),
        *(("settle_batch", text) for text in ("sequence behind", "deltas unsorted", "not zero-sum", "no such token")),
        *(("settle_batch", text) for text in ("negative balance", "empty delta", "balance too large")),
        *(("deposit", text) for text in ("", "paused", "frozen", "not registered", "account frozen", "kyc expired")),
        *(("deposit", text) for text in ("no units", "no such token", "too many units", "balance too small")),
        *(("request_withdraw", text) for text in ("", "account frozen", "request open", "balance too small")),
        *(("withdraw", text) for text in ("", "account frozen", "bad receiver", "no request", "too early")),
        *((name, "") for name in ("cancel_withdraw", "register", "set_account", "set_paused", "set_role")),
        *((name, "") for name in ("accept_role", "heartbeat", "freeze", "send")),
    }
    assert wanted - reached(lives) == set()


class Vault(RuleBasedStateMachine):
    """Small steps, so that a failure comes with the shortest story that leads to it."""

    account = st.sampled_from(ACCOUNTS)
    tid = st.integers(0, N_TOKENS - 1)

    def __init__(self) -> None:
        super().__init__()
        self.life = Life()

    @initialize()
    def open(self) -> None:
        for account in ACCOUNTS:
            self.life.do(REGISTRAR, "register", account, HOLDERS[account], FOREVER)
            self.life.do(HOLDERS[account], "deposit", 0, 10)

    @rule(account=account, tid=tid, units=st.integers(0, 1_001))
    def deposit(self, account: int, tid: int, units: int) -> None:
        self.life.do(HOLDERS[account], "deposit", tid, units)

    @rule(payer=account, payee=account, tid=tid, units=st.integers(1, 40))
    def settle(self, payer: int, payee: int, tid: int, units: int) -> None:
        lines = {payer: -units, payee: units}
        amounts = {account: [0] * 4 for account in lines}
        for account, amount in lines.items():
            amounts[account][tid % 4] = amount
        self.life.settle(OPERATOR, [(tid // 4, account, tuple(amounts[account])) for account in sorted(lines)])  # type: ignore[misc]

    @rule(seed=st.integers(0, 2**32 - 1))
    def settle_several(self, seed: int) -> None:
        self.life.settle(OPERATOR, self.life.netted(Random(seed)))

    @rule(account=account, tid=tid, units=st.integers(0, 60))
    def request(self, account: int, tid: int, units: int) -> None:
        self.life.do(HOLDERS[account], "request_withdraw", tid, units)

    @rule(account=account, tid=tid)
    def cancel(self, account: int, tid: int) -> None:
        self.life.do(HOLDERS[account], "cancel_withdraw", tid)

    @rule(account=account, tid=tid)
    def withdraw(self, account: int, tid: int) -> None:
        self.life.do(HOLDERS[account], "withdraw", tid, WALLET)

    @rule(seconds=st.sampled_from([1, EXIT_DELAY_S, SILENCE_S]))
    def wait(self, seconds: int) -> None:
        self.life.later(seconds)

    @rule(account=account, frozen=st.booleans())
    def freeze_account(self, account: int, frozen: bool) -> None:
        self.life.do(REGISTRAR, "set_account", account, FOREVER, frozen)

    @rule(paused=st.booleans())
    def pause(self, paused: bool) -> None:
        self.life.do(GUARDIAN, "set_paused", paused)

    @rule()
    def freeze(self) -> None:
        self.life.do(STRANGER, "freeze")

    @invariant()
    def books_agree(self) -> None:
        self.life.check()

    def teardown(self) -> None:
        self.life.everybody_leaves()


TestVault = Vault.TestCase
TestVault.settings = settings(max_examples=60, stateful_step_count=40, suppress_health_check=list(HealthCheck))
