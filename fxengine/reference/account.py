"""Accounts: balances, the credential, and the memory of client order ids.

A client numbers its commands. The account remembers every id it used within one window below the
highest, each with a hash of the command's body and its outcome, so that a repeated command is
answered and never executed twice::

         too old: refused     remembered: answered        next: executed      too high: refused
    ------------------------|---------------------------|--------------------|------------------>
                      highest - window               highest           highest + window
"""

import struct
from collections import defaultdict
from dataclasses import dataclass, field

from sortedcontainers import SortedDict

from fxengine.codes import AccountFlag, CommandKind, OrdStatus, RejectReason, Side
from fxengine.reference.book import Order

_MASK = 2**64 - 1


def _splitmix64(index: int) -> int:
    """Return the index-th output of splitmix64 (Steele, Lea and Flood 2014), made odd."""
    z = (index + 1) * 0x9E3779B97F4A7C15 & _MASK
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 & _MASK
    z = (z ^ z >> 27) * 0x94D049BB133111EB & _MASK
    return int(z ^ z >> 31) | 1


_TIME_WORD = 2
RECORDS_MAX = 255
_WORD_KEYS = [_splitmix64(i) if i != _TIME_WORD else 0 for i in range(8 * RECORDS_MAX)]


def body_hash(command: bytes) -> int:
    """Hash a whole command, its time left out: a sum of its words times fixed odd keys.

    It tells a retry from a mistaken reuse of an id by the same client; it guards against nobody.
    """
    words = struct.unpack(f"<{len(command) // 8}Q", command)
    total: int = sum(word * key for word, key in zip(words, _WORD_KEYS, strict=False)) & _MASK
    return total ^ total >> 32


@dataclass(slots=True)
class Balance:
    """Units of one currency: free to use, and held for open orders."""

    available: int = 0
    held: int = 0


@dataclass(slots=True)
class Outcome:
    """What became of the command with one client id.

    ``sequence`` is the number of the command that used the id first. While an order is open the
    order itself tells; ``done`` (quantity or amount) and ``notional`` are written when it closes.
    ``docs/core.md`` has their meaning per kind.
    """

    kind: CommandKind
    body_hash: int
    sequence: int
    order_id: int = 0
    status: OrdStatus = OrdStatus.NEW
    reason: RejectReason = RejectReason.NONE
    done: int = 0
    notional: int = 0


@dataclass(slots=True)
class Account:
    """One identity's balances, credential and client ids.

    ``dead_man_ns``: when its open orders end unless the timer is set again; 0: it does not run.
    """

    number: int
    window: int = 0
    identity: bytes = bytes(16)
    flags: AccountFlag = AccountFlag.NONE
    level: int = 0
    jurisdiction: bytes = bytes(2)
    issued_at_ns: int = 0
    expires_ns: int = 0
    permitted: tuple[int, ...] = (0, 0, 0, 0)
    token_id: bytes = bytes(16)
    trade_group: int = 0
    frozen: bool = False
    token_revoked: bool = False
    watching: bool = False
    dead_man_ns: int = 0
    stream: int = 0
    client_id_highest: int = 0
    outcomes: SortedDict[int, Outcome] = field(default_factory=SortedDict)
    balances: defaultdict[int, Balance] = field(default_factory=lambda: defaultdict(Balance))
    quotes: defaultdict[int, dict[Side, dict[int, Order]]] = field(
        default_factory=lambda: defaultdict(lambda: {Side.BUY: {}, Side.SELL: {}})
    )

    def permits(self, currency: int) -> bool:
        """Say whether the credential allows holding a currency."""
        return bool(self.permitted[currency >> 6] >> (currency & 63) & 1)

    def outcome(self, client_order_id: int) -> Outcome | None:
        """Return what became of a client id, if it lies in the window and was used."""
        if client_order_id + self.window <= self.client_id_highest:
            return None
        known: Outcome | None = self.outcomes.get(client_order_id)
        return known

    def remember(self, client_order_id: int, outcome: Outcome) -> None:
        """Record a new id, and forget those that fall out of the window. Amortised O(log n)."""
        self.outcomes[client_order_id] = outcome
        self.client_id_highest = max(self.client_id_highest, client_order_id)
        while self.outcomes.peekitem(0)[0] + self.window <= self.client_id_highest:
            self.outcomes.popitem(0)
