"""A vault and a venue in memory, with just the doors that a relay uses; both keep their own accounts."""

import itertools
from collections import defaultdict
from collections.abc import Iterable

from fxengine.client.reports import Balance, CommandDone, MoneyMovement, Withdrawal
from fxengine.codes import ControlMode, RejectReason
from fxengine.custody.movements import Kind, Moment, Movement
from fxengine.errors import ChainUnavailable, RequestRejected
from fxengine.venue import Venue

Name = tuple[int, int]


class VaultModel:
    """A vault whose every action is a block of its own; a block is final two blocks later."""

    def __init__(self) -> None:
        self.blocks: list[Movement | None] = [None]
        self.balance: defaultdict[Name, int] = defaultdict(int)
        self.requested: defaultdict[Name, int] = defaultdict(int)
        self.exited: defaultdict[Name, int] = defaultdict(int)
        self.past: list[dict[Name, int]] = [{}]
        """What was requested after each block."""
        self.is_seen = True
        self.final_lag = 2
        self._numbers = itertools.count(1)

    def act(self, kind: Kind | None, name: Name = (0, 0), units: int = 0) -> None:
        """Make a block, with what a holder did in it."""
        if kind is Kind.DEPOSIT:
            self.balance[name] += units
        elif kind is Kind.REQUEST:
            self.balance[name] -= units
            self.requested[name] += units
        elif kind is Kind.CANCEL:
            self.balance[name] += self.requested.pop(name)
        elif kind is Kind.EXIT:
            units = self.requested.pop(name)
            self.exited[name] += units
        movement = None
        if kind is not None:
            movement = Movement(f"1:0x{next(self._numbers):x}:0", kind, *name, units, len(self.blocks))
        self.blocks.append(movement)
        self.past.append(dict(self.requested))

    def settle(self, name: Name, units: int) -> None:
        """Apply a batch's delta: from the balance first, then from what is requested."""
        left = self.balance[name] + units
        if left < 0:
            assert self.requested[name] + left >= 0, "a batch that the vault refuses"
            self.requested[name] += left
            left = 0
        self.balance[name] = left
        self.act(None)

    def again(self, movement: Movement) -> None:
        """Put a movement that was undone into a block once more: the same transaction."""
        self.act(movement.kind, (movement.account, movement.tid), movement.units)
        self.blocks[-1] = movement._replace(block=len(self.blocks) - 1)

    def undo(self, n_blocks: int) -> None:
        """Take the newest blocks back, deposits and exits in them and all; others take their place."""
        for movement in self.blocks[-n_blocks:]:
            if movement is not None:
                name = movement.account, movement.tid
                if movement.kind is Kind.DEPOSIT:
                    self.balance[name] -= movement.units
                else:
                    assert movement.kind is Kind.EXIT
                    self.exited[name] -= movement.units
                    self.requested[name] = movement.units
        del self.blocks[-n_blocks:], self.past[-n_blocks:]
        for _ in range(n_blocks + 1):
            self.act(None)
        self._reorganised = len(self.blocks)

    _reorganised = 0

    # -- as VaultLogs

    def moment(self) -> Moment:
        if not self.is_seen:
            raise ChainUnavailable("NODE_UNREACHABLE", "the node does not answer")
        latest = len(self.blocks) - 1
        final = max(0, latest - self.final_lag)
        return Moment(latest, self._hash(latest), final, self._hash(final))

    def hash_of(self, block: int) -> str | None:
        return self._hash(block) if block < len(self.blocks) else None

    def movements(self, first: int, last: int) -> list[Movement]:
        return [movement for movement in self.blocks[max(first, 0) : last + 1] if movement is not None]

    def pending(self, names: Iterable[Name], block_hash: str) -> dict[Name, int]:
        past = self.past[int(block_hash.partition("-")[0])]
        newest = int(block_hash.partition("-")[0]) == len(self.blocks) - 1
        return {name: (self.requested if newest else past).get(name, 0) for name in names}

    def _hash(self, block: int) -> str:
        # An undone block has another hash when it comes again.
        return f"{block}-{'b' if block < self._reorganised else 'a'}"


class VenueModel:
    """The venue's balances, as a session of the vault's issuer and one of an operator see them."""

    def __init__(self, venue: Venue) -> None:
        self.currencies = venue.currencies
        self.free: defaultdict[Name, int] = defaultdict(int)
        self.in_orders: defaultdict[Name, int] = defaultdict(int)
        self.open: dict[int, tuple[Name, int]] = {}
        self.references: set[str] = set()
        self.redeem_only: set[str] = set()
        self.cancel_only = False
        self.is_final = True
        self.final_to = 1 << 63
        """The newest withdrawal that is FINAL, where ``is_final``."""
        self.max_withdrawals = 1024
        self.grabbing: Name | None = None
        """Whose money is traded away the moment that it is free."""
        self.paid: defaultdict[Name, int] = defaultdict(int)
        self.cancels = 0
        self._numbers = itertools.count(1)

    def total(self, name: Name) -> int:
        return self.free[name] + self.in_orders[name] + sum(units for who, units in self.open.values() if who == name)

    def deposit(self, account: int, code: str, amount: str, *, reference: str) -> None:
        if reference in self.references:
            raise RequestRejected(RejectReason.DEPOSIT_KNOWN, RejectReason.DEPOSIT_KNOWN.text)
        self.references.add(reference)
        name = self._name(account, code)
        self.free[name] += self._units(name, amount)

    def withdraw(self, code: str, amount: str, *, account: int) -> MoneyMovement:
        name = self._name(account, code)
        units = self._units(name, amount)
        if units > self.free[name]:
            raise RequestRejected(RejectReason.INSUFFICIENT_FUNDS, RejectReason.INSUFFICIENT_FUNDS.text)
        if sum(who[0] == account for who, _ in self.open.values()) >= self.max_withdrawals:
            raise RequestRejected(RejectReason.TOO_MANY_WITHDRAWALS, RejectReason.TOO_MANY_WITHDRAWALS.text)
        number = next(self._numbers)
        self.free[name] -= units
        self.open[number] = (name, units)
        return _Held(number)  # type: ignore[return-value]

    def withdrawal_paid(self, number: int) -> None:
        if number not in self.open:
            raise RequestRejected(RejectReason.UNKNOWN_WITHDRAWAL, RejectReason.UNKNOWN_WITHDRAWAL.text)
        if not self.is_final or number > self.final_to:
            raise RequestRejected(RejectReason.NOT_FINAL, RejectReason.NOT_FINAL.text)
        name, units = self.open.pop(number)
        self.paid[name] += units

    def withdrawal_returned(self, number: int) -> None:
        name, units = self.open.pop(number)
        self.free[name] += units
        if name == self.grabbing:
            self.free[name] = 0

    def open_withdrawals(self) -> list[Withdrawal]:
        return [
            Withdrawal(number, name[0], self.currencies[name[1]], units, self.is_final)
            for number, (name, units) in sorted(self.open.items())
        ]

    def balances(self, account: int) -> dict[str, Balance]:
        found = {}
        for currency in self.currencies:
            name = account, currency.index
            held = self.total(name) - self.free[name]
            if self.total(name):
                found[currency.code] = Balance(currency, self.free[name], held)
        return found

    def mass_cancel(self, *, account: int) -> None:
        self.cancels += 1
        for name in list(self.in_orders):
            if name[0] == account:
                self.free[name] += self.in_orders.pop(name)

    def control_currency(self, code: str, mode: ControlMode) -> CommandDone | None:
        assert mode is ControlMode.REDEEM_ONLY
        self.redeem_only.add(code)
        return None

    def control_venue(self, mode: ControlMode) -> None:
        self.cancel_only = mode is ControlMode.CANCEL_ONLY

    def _name(self, account: int, code: str) -> Name:
        return account, next(c.index for c in self.currencies if c.code == code)

    def _units(self, name: Name, amount: str) -> int:
        return self.currencies[name[1]].units(amount)


class _Held:
    def __init__(self, number: int) -> None:
        self.withdrawal = number
