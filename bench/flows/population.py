"""Who trades: members with their credentials, client ids, open orders and what they said last.

This is what a client knows about itself, learnt from its own commands and events and never from
inside the core, so that a flow can be aimed with either core alongside.
"""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import Enum
from random import Random

from bench.flows.scenarios import Scenario
from fxengine.codes import FIRST_CLIENT_ACCOUNT, Side

REMEMBERED = 48
TRADE_GROUP = 7


class Role(Enum):
    """What a member mostly does."""

    OPERATOR = "operator"
    ISSUER = "issuer"
    """Brings the currencies it may hold in, and takes them out."""
    MAKER = "maker"
    PAYER = "payer"
    GUEST = "guest"
    """Quotes like a maker until its credential ends, which is soon."""


@dataclass(slots=True)
class OpenOrder:
    """One's own order as its events have told it so far."""

    order_id: int
    client_order_id: int
    instrument: int
    side: Side
    price_ticks: int
    leaves_lots: int
    is_quote: bool
    cum_lots: int = 0


class OpenOrders:
    """One member's open orders by order id; a random one in O(1)."""

    def __init__(self) -> None:
        self.open: dict[int, OpenOrder] = {}
        self.quotes: dict[int, OpenOrder] = {}
        self._order_ids: list[int] = []
        self.closed: deque[OpenOrder] = deque(maxlen=REMEMBERED)

    def opened(self, order: OpenOrder) -> None:
        """Note an accepted order or quote."""
        self.open[order.order_id] = order
        self._order_ids.append(order.order_id)
        if order.is_quote:
            self.quotes[order.order_id] = order

    def ended(self, order_id: int) -> None:
        """Note that an order was filled or cancelled."""
        self.closed.append(self.open.pop(order_id))
        self.quotes.pop(order_id, None)

    def pick(self, rng: Random) -> OpenOrder | None:
        """Return a random open order."""
        while self._order_ids:
            at = rng.randrange(len(self._order_ids))
            order_id = self._order_ids[at]
            if order_id in self.open:
                return self.open[order_id]
            self._order_ids[at] = self._order_ids[-1]
            self._order_ids.pop()
        return None


@dataclass
class Member:
    """One account as its owner sees it."""

    number: int
    subject: str
    role: Role
    permitted: frozenset[int]
    issued_at_ns: int
    expires_ns: int
    trade_group: int = 0
    frozen: bool = False
    token_revoked: bool = False
    skipped_ids: list[int] = field(default_factory=list)
    recent: deque[bytes] = field(default_factory=lambda: deque(maxlen=REMEMBERED))
    orders: OpenOrders = field(default_factory=OpenOrders)

    def may_trade(self, now_ns: int) -> bool:
        """Say whether nothing bars the member and its credential will still hold for its next command."""
        return self.expires_ns > now_ns and not (self.frozen or self.token_revoked)


class Population:
    """All members in order of account number."""

    def __init__(self, scenario: Scenario) -> None:
        every = frozenset(scenario.traded)
        few = every - set(scenario.traded[2:-1])
        self.members: list[Member] = []
        self.guests_max = scenario.n_guests
        self._add("operator-1", Role.OPERATOR, every)
        self._add("operator-2", Role.OPERATOR, frozenset())
        for n in range(scenario.n_makers):
            self._add(f"maker-{n + 1}", Role.MAKER, every)
        for n in range(scenario.n_payers):
            self._add(f"payer-{n + 1}", Role.PAYER, few if n == 0 else every)
        for member in (*self.members[2:4], self.members[-1]):
            member.trade_group = TRADE_GROUP
        self._issuer = self._add("issuer-1", Role.ISSUER, few)

    def _add(self, subject: str, role: Role, permitted: frozenset[int], expires_ns: int = 2**62) -> Member:
        number = FIRST_CLIENT_ACCOUNT + len(self.members)
        self.members.append(Member(number, subject, role, permitted, 0, expires_ns))
        return self.members[-1]

    def add_guest(self, scenario: Scenario, now_ns: int) -> Member:
        """Let a newcomer in."""
        every = frozenset(scenario.traded)
        guest = self._add(f"guest-{len(self.guests) + 1}", Role.GUEST, every, now_ns + scenario.life_ns)
        guest.issued_at_ns = now_ns
        return guest

    @property
    def guests(self) -> list[Member]:
        """Those with short credentials."""
        return [member for member in self.members if member.role is Role.GUEST]

    def mover(self, rng: Random, currency: int) -> Member:
        """Return who may bring a currency in and take it out: an operator, or its issuer."""
        issuers = [self._issuer] if currency in self._issuer.permitted else []
        return rng.choice(self.members[:2] + issuers)

    def get(self, number: int) -> Member | None:
        """Return the member with this account number."""
        at = number - FIRST_CLIENT_ACCOUNT
        return self.members[at] if 0 <= at < len(self.members) else None

    def pick(self, rng: Random, wanted: Callable[[Member], bool]) -> Member | None:
        """Return a random member that is wanted."""
        found = [member for member in self.members if wanted(member)]
        return rng.choice(found) if found else None

    def __iter__(self) -> Iterator[Member]:
        return iter(self.members)
