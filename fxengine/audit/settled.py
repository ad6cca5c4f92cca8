"""The chain against the journal: every settlement cut again from the journal's own commands, and compared.

The journal is cut where the chain says that a batch ends, so neither the books nor the outbox are needed::

    journal --> reference core --> events --> net of each stretch, without what moved at the vault itself
                                                 ==? the deltas in the settlement's calldata
    journal's chain hash, trades, their root     ==? what the settlement says of them
    each DEPOSIT's external id                   ==? one deposit at the vault: account, currency, amount
    what each account was paid                   <=? what it took from the vault
"""

from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

from fxengine.audit.journal import Frame
from fxengine.audit.recut import Stretch, genesis_head
from fxengine.codes import CUSTODY_ACCOUNT
from fxengine.venue import Venue

if TYPE_CHECKING:
    from fxengine.audit.vault import Name, Settlement, VaultHistory


class ChainFindings(NamedTuple):
    """What the audit of a vault found."""

    block: int
    batches: int
    head_equal: bool
    """Every settlement continues the last one, and says of the journal what the journal says."""
    balances_equal: bool
    """Every balance on chain is the one that the journal makes, and no token is short."""


class ChainAudit:
    """Follows a replay with a vault's history beside it. ``problems`` are complete after :meth:`finish`."""

    def __init__(self, history: "VaultHistory", venue: Venue) -> None:
        self.history = history
        self.problems = list(history.problems)
        self.is_head_equal = history.is_head_equal
        self._venue = venue
        self._waiting = iter(history.settlements)
        self._next: Settlement | None = next(self._waiting, None)
        self._stretch = Stretch()
        self._credited: set[bytes] = set()
        if history.genesis != genesis_head(venue):
            self._wrong_head("chain: the vault was deployed for another venue, or for this one under other rules")
        self._settled: defaultdict[Name, int] = defaultdict(int)
        self._paid: defaultdict[Name, int] = defaultdict(int)
        self._n_balance_problems = len([p for p in history.problems if "units" in p or "parts" in p])

    @property
    def is_balance_equal(self) -> bool:
        """Say whether every balance on chain is the one that the journal makes."""
        return not self._n_balance_problems

    def findings(self) -> ChainFindings:
        """Sum up."""
        batches = len(self.history.settlements)
        return ChainFindings(self.history.block, batches, self.is_head_equal, self.is_balance_equal)

    def add(self, frame: Frame, events: bytes) -> None:
        """Take in one frame and the events it made; compare what was settled up to its end."""
        self._stretch.add(events, frame.records, frame.first_sequence, self._venue)
        while self._next is not None and self._next.last_sequence <= frame.last_sequence:
            self._compare(frame)

    def finish(self, n_commands: int, n_accounts: int, *, is_closed: bool) -> None:
        """Compare what is left over on either side; ``is_closed``: the venue was closed in order, and does not run."""
        for problem in self.history.compare(n_accounts, len(self._venue.currencies)):
            self._wrong_balance(problem)
        if is_closed and self._next is None and self._stretch.moves_money:
            self._wrong_head(
                f"chain: the journal is sealed, but {len(self._stretch.trades)} trades at its end are in no batch"
                " there; start the venue to settle them"
            )
        if self._next is not None:
            self._wrong_head(
                f"chain: batch {self._next.batch_id} settles up to command {self._next.last_sequence}, and the journal"
                f" ends with command {n_commands}"
            )
        self._note_paid(self._stretch)
        history = self.history
        for name, units in sorted(self._paid.items()):
            if units > history.exited[name]:  # less is in order: an exit is paid once it is final
                self._wrong_balance(
                    f"chain: account {name[0]} was paid {units} units of currency {name[1]}, and took"
                    f" {history.exited[name]} from the vault"
                )
        for name in sorted({*self._settled, *history.deposited, *history.balances, *history.pending}):
            should = self._settled[name] + history.deposited[name] - history.exited[name]
            has = history.balances[name] + history.pending[name]
            if has != should:
                self._wrong_balance(
                    f"chain: account {name[0]} has {has} units of currency {name[1]}, and the journal makes it {should}"
                )

    def _compare(self, frame: Frame) -> None:
        settlement, stretch = self._next, self._stretch
        assert settlement is not None
        name = f"chain: batch {settlement.batch_id}"
        if settlement.last_sequence != frame.last_sequence:
            self._wrong_head(f"{name} ends with command {settlement.last_sequence}, where no stretch was released")
        elif settlement.journal_hash != frame.chain:
            self._wrong_head(f"{name} names another journal hash than the journal has after its last command")
        if (settlement.n_trades, settlement.trades_root) != (len(stretch.trades), stretch.trades_root()):
            self._wrong_head(f"{name} is of other trades than the journal makes")
        net = self._net(stretch, name)
        for key in sorted(net.keys() | settlement.deltas.keys()):
            has, should = settlement.deltas.get(key, 0), net.get(key, 0)
            if has != should:
                self._wrong_balance(
                    f"{name} moves {has} units of currency {key[1]} of account {key[0]}, and should move {should}"
                )
            self._settled[key] += should
        self._stretch = Stretch()
        self._next = next(self._waiting, None)

    def _net(self, stretch: Stretch, name: str) -> "dict[Name, int]":
        """Return what a stretch moves by settlement: all but deposits and what left, and without custody."""
        net = defaultdict(int, stretch.deltas)
        for _, account, currency, units, external_id in stretch.deposits:
            assert isinstance(account, int)
            assert isinstance(currency, int)
            assert isinstance(units, int)
            net[account, currency] -= units
            known = self.history.deposits.get(external_id) if isinstance(external_id, bytes) else None
            if known != (account, currency, units) or external_id in self._credited:
                self._wrong_balance(
                    f"{name} credits account {account} with {units} units of currency {currency} that no deposit at the"
                    " vault brought"
                )
            elif isinstance(external_id, bytes):
                self._credited.add(external_id)
        for key, units in self._note_paid(stretch):
            net[key] += units
        return {key: units for key, units in net.items() if units and key[0] != CUSTODY_ACCOUNT}

    def _note_paid(self, stretch: Stretch) -> "list[tuple[Name, int]]":
        """Return what a stretch pays out, by account and currency, and add it up."""
        found: list[tuple[Name, int]] = []
        for _, _, account, currency, units, state in stretch.withdrawals:
            if state == "PAID":
                assert isinstance(account, int)
                assert isinstance(currency, int)
                assert isinstance(units, int)
                found.append(((account, currency), units))
                self._paid[account, currency] += units
        return found

    def _wrong_head(self, problem: str) -> None:
        self.problems.append(problem)
        self.is_head_equal = False

    def _wrong_balance(self, problem: str) -> None:
        self.problems.append(problem)
        self._n_balance_problems += 1
