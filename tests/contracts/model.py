"""What the vault should be, in plain Python: the same calls, the same refusals, in the same order.

The tests make calls of the contract and of this, and hold the outcomes and the books against each other. It is
written from the vault's documentation with dictionaries and unbounded integers: no packed words, no masks.
"""

from dataclasses import dataclass, field

from tests.contracts.world import EXIT_DELAY_S, GENESIS, GUARDIAN, OPERATOR, OWNER, REGISTRAR, SILENCE_S, Refused

UNITS_MAX = 2**63 - 1
NOBODY = "0x" + "00" * 20
RecordOfDelta = tuple[int, int, tuple[int, int, int, int]]  # group, account, amounts


def require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise Refused(otherwise)


@dataclass
class Model:
    """The books of one vault. ``wallets`` is what each address holds of each token, allowed to the vault in full."""

    now: int
    n_tokens: int
    wallets: dict[tuple[str, int], int]
    vault: str
    roles: list[str] = field(default_factory=lambda: [OWNER, OPERATOR, GUARDIAN, REGISTRAR])
    offered: list[str] = field(default_factory=lambda: [NOBODY] * 4)
    balances: dict[tuple[int, int], int] = field(default_factory=dict)
    requests: dict[tuple[int, int], tuple[int, int]] = field(default_factory=dict)  # units, ready at
    liabilities: dict[int, int] = field(default_factory=dict)
    held: dict[int, int] = field(default_factory=dict)
    holders: dict[int, str] = field(default_factory=dict)
    kyc_until: dict[int, int] = field(default_factory=dict)
    frozen_accounts: set[int] = field(default_factory=set)
    batch_id: int = 0
    sequence: int = 0
    head: bytes = GENESIS
    paused: bool = False
    frozen_since: int = 0
    seen: int = 0

    def account(self, who: str) -> int:
        found = [account for account, holder in self.holders.items() if holder == who]
        require(bool(found), "not registered")
        return found[0]

    def open(self) -> None:
        require(not self.paused, "paused")
        require(not self.frozen_since, "frozen")

    def settle_batch(
        self, who: str, batch_id: int, sequence: int, prev_head: bytes, head: bytes, records: list[RecordOfDelta]
    ) -> None:
        """``head`` is what the head shall be: that it is computed right, another test shows."""
        require(who == self.roles[1], "not operator")
        self.open()
        require(batch_id == self.batch_id + 1, "not next batch")
        require(sequence > self.sequence, "sequence behind")
        require(prev_head == self.head, "other head")
        balances, requests = dict(self.balances), dict(self.requests)
        sums: dict[int, int] = {}
        before, group_before = (-1, -1), 0
        for group, account, amounts in records:
            require((group, account) > before, "deltas unsorted")
            require(any(amounts), "empty delta")
            before = (group, account)
            if group != group_before:
                require(not any(sums.values()), "not zero-sum")
                require(group < 64, "no such token")
                group_before = group
            for lane, amount in enumerate(amounts):
                tid = 4 * group + lane
                sums[tid] = sums.get(tid, 0) + amount
                units = balances.get((account, tid), 0) + amount
                if units < 0:
                    left, ready_at = requests.get((account, tid), (0, 0))
                    require(left + units >= 0, "negative balance")
                    requests[account, tid] = (left + units, ready_at)
                    if not left + units:
                        del requests[account, tid]
                    units = 0
                require(units <= UNITS_MAX, "balance too large")
                balances[account, tid] = units
        require(not any(sums.values()), "not zero-sum")
        self.balances, self.requests = balances, requests
        self.batch_id, self.sequence, self.head, self.seen = batch_id, sequence, head, self.now

    def heartbeat(self, who: str) -> None:
        require(who == self.roles[1], "not operator")
        self.open()
        self.seen = self.now

    def deposit(self, who: str, tid: int, units: int) -> None:
        self.open()
        account = self.account(who)
        require(account not in self.frozen_accounts, "account frozen")
        require(self.kyc_until[account] >= self.now, "kyc expired")
        require(units > 0, "no units")
        require(tid < self.n_tokens, "no such token")
        owed = self.liabilities.get(tid, 0) + units
        require(owed <= UNITS_MAX, "too many units")
        require(self.wallets.get((who, tid), 0) >= units, "balance too small")
        self.wallets[who, tid] -= units
        self.held[tid] = self.held.get(tid, 0) + units
        self.liabilities[tid] = owed
        self.balances[account, tid] = self.balances.get((account, tid), 0) + units

    def request_withdraw(self, who: str, tid: int, units: int) -> None:
        account = self.account(who)
        require(account not in self.frozen_accounts, "account frozen")
        require(units > 0, "no units")
        require(tid < self.n_tokens, "no such token")
        require((account, tid) not in self.requests, "request open")
        left = self.balances.get((account, tid), 0) - units
        require(left >= 0, "balance too small")
        self.balances[account, tid] = left
        self.requests[account, tid] = (units, self.now + EXIT_DELAY_S)

    def cancel_withdraw(self, who: str, tid: int) -> None:
        account = self.account(who)
        require(tid < self.n_tokens, "no such token")
        require((account, tid) in self.requests, "no request")
        self.balances[account, tid] += self.requests.pop((account, tid))[0]

    def withdraw(self, who: str, tid: int, to: str) -> None:
        account = self.account(who)
        require(account not in self.frozen_accounts, "account frozen")
        require(to not in (NOBODY, self.vault), "bad receiver")
        require(tid < self.n_tokens, "no such token")
        require((account, tid) in self.requests, "no request")
        units, ready_at = self.requests[account, tid]
        require(bool(self.frozen_since) or self.now >= ready_at, "too early")
        del self.requests[account, tid]
        self.liabilities[tid] -= units
        self.held[tid] -= units
        self.wallets[to, tid] = self.wallets.get((to, tid), 0) + units

    def send(self, who: str, tid: int, units: int) -> None:
        """A transfer to the vault that is no deposit."""
        require(self.wallets.get((who, tid), 0) >= units, "balance too small")
        self.wallets[who, tid] -= units
        self.held[tid] = self.held.get(tid, 0) + units

    def register(self, who: str, account: int, holder: str, kyc_until: int) -> None:
        require(who == self.roles[3], "not registrar")
        require(account < 2**32 and account != 1, "bad account")
        require(holder not in (NOBODY, self.vault), "no address")
        require(account not in self.holders, "account bound")
        require(holder not in self.holders.values(), "address bound")
        self.holders[account], self.kyc_until[account] = holder, kyc_until

    def set_account(self, who: str, account: int, kyc_until: int, frozen: bool) -> None:
        require(who == self.roles[3], "not registrar")
        require(account < 2**32 and account != 1, "bad account")
        self.kyc_until[account] = kyc_until
        (self.frozen_accounts.add if frozen else self.frozen_accounts.discard)(account)

    def set_role(self, who: str, role: int, heir: str) -> None:
        require(who == self.roles[0], "not owner")
        require(role < 4, "no such role")
        self.offered[role] = heir

    def accept_role(self, who: str, role: int) -> None:
        require(role < 4, "no such role")
        require(who == self.offered[role], "not offered")
        self.roles[role], self.offered[role] = who, NOBODY

    def set_paused(self, who: str, paused: bool) -> None:
        require(who == self.roles[2], "not guardian")
        self.paused = paused

    def freeze(self, who: str) -> None:
        require(not self.frozen_since, "frozen")
        require(self.now > self.seen + SILENCE_S, "operator not silent")
        self.frozen_since = self.now
