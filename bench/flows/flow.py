"""The flow: what is commanded next, given who there is and how the books stand.

Each step draws an intent by weight and lets it aim; an intent that finds nothing to aim at (no open
order to cancel, no offer to cross) says None and another is drawn. All randomness is one
``random.Random``, all knowledge is the core's public interface and its events, so a flow is its
scenario, its seed, and nothing else.

The weights are set so that in every scenario each kind of command is at least 1 % and trades at
least 10 % of commands, and refusals at most 30 %; ``tests/differential`` holds them to it.
"""

import struct
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random

import numpy as np

from bench.flows import administration, commands, makers, mistakes, standing, trading
from bench.flows.feed import Core, CoreType, Feed
from bench.flows.population import Member, OpenOrder, Population, Role
from bench.flows.scenarios import Scenario
from fxengine.codes import CUSTODY_ACCOUNT, AccountFlag, CommandKind, EventFlag, EventKind, RevokeAction, Side
from fxengine.money import INT64_MAX
from fxengine.records import COMMAND, EVENT, EVENT_BYTES, Records, struct_of

Intent = Callable[["Flow"], bytes | None]

WEIGHTS: dict[Intent, int] = {
    trading.quote: 330,
    trading.cross: 0,  # the scenario's
    trading.post_only: 40,
    trading.far_order: 25,
    trading.fill_or_kill: 40,
    trading.cancel: 70,
    trading.market: 45,
    trading.stop: 50,
    trading.amend: 90,
    makers.mass_quote: 60,
    makers.mass_cancel: 22,
    trading.swap: 110,
    trading.retry: 40,
    administration.deposit: 30,
    administration.withdraw: 40,
    administration.end_withdrawal: 34,
    administration.pay_out_fees: 26,
    administration.settle: 24,
    administration.let_time_pass: 20,
    administration.welcome_guest: 15,
    administration.renew: 15,
    standing.guard: 26,
    standing.revoke: 18,
    standing.fresh_token: 30,
    standing.control: 14,
    administration.bust: 26,
    standing.reopen: 90,
    mistakes.next_mistake: 120,
}
START_NS = 1_000_000
TRADES_KEPT = 100
_FILL = struct_of(EVENT)
_EVENT_PART = struct.Struct("<BBxxHxxI12xQQqqqq")
"""kind, side, instrument, account, order_id, client_order_id, price_ticks, quantity_lots, leaves_lots, cum_lots."""
_FLAGS = {Role.OPERATOR: AccountFlag.OPERATOR, Role.ISSUER: AccountFlag.ISSUER}
_CLIENT_ID = slice(8, 16)
_ACCOUNT = slice(4, 8)


class Flow:
    """An endless iterator of commands; tell it each command's events before asking for the next."""

    def __init__(self, scenario: Scenario, seed: int, core: Core) -> None:
        self.scenario = scenario
        self.core = core
        self.rng = Random(f"{scenario.name}/{seed}")
        self.population = Population(scenario)
        self.mid_ticks = [pair.mid_ticks for pair in scenario.pairs]
        self.now_ns = START_NS
        self.mistakes: list[mistakes.Mistake] = []
        self.trades: deque[commands.Trade] = deque(maxlen=TRADES_KEPT)
        """The latest trades, of swaps too."""
        self.references: list[str] = []
        """External references of deposits that were tried."""
        weights = WEIGHTS | {trading.cross: scenario.crossing}
        self._intents, self._weights = list(weights), list(weights.values())
        self._commands = self._opening()
        self._last_kind = 0

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        command = next(self._commands)
        self._last_kind = command[0]
        return command

    def observe(self, events: bytes) -> None:
        """Learn what became of the last command."""
        for at in range(0, len(events), EVENT_BYTES):
            kind, side, instrument, number, *order = _EVENT_PART.unpack_from(events, at)
            if kind == EventKind.FILL:
                self._note_fill(events[at : at + EVENT_BYTES])
            member = self.population.get(number)
            order_id, client_order_id, price, quantity, leaves, cum = order
            if member is None:
                continue
            if kind == EventKind.REVOKED and side != RevokeAction.TOKEN:
                member.frozen = side == RevokeAction.FREEZE
            elif kind in (EventKind.REVOKED, EventKind.CREDENTIALED):
                member.token_revoked = kind == EventKind.REVOKED
            if not order_id:
                continue
            orders = member.orders
            if kind == EventKind.ACCEPTED:
                is_quote = self._last_kind == CommandKind.MASS_QUOTE
                orders.opened(OpenOrder(order_id, client_order_id, instrument, Side(side), price, leaves, is_quote))
            elif kind == EventKind.CANCELED or (kind == EventKind.FILL and not leaves):
                orders.ended(order_id)
            elif kind == EventKind.REDUCED:
                orders.open[order_id].leaves_lots -= quantity
            elif kind in (EventKind.FILL, EventKind.REPLACED):
                known = orders.open[order_id]
                known.leaves_lots, known.cum_lots = leaves, cum
                if kind == EventKind.REPLACED:
                    known.price_ticks = price

    def _note_fill(self, event: bytes) -> None:
        """Keep what a trade was: its maker's fill comes first, then its taker's."""
        _, side, _, instrument, _, flags, account, other, _, _, _, price, lots, _, _, fee, _, number = _FILL.unpack(
            event
        )
        if flags & EventFlag.MAKER:
            self.trades.append(commands.Trade(instrument, number, price, lots, account, other, side, fee))
        else:
            self.trades[-1] = self.trades[-1]._replace(taker_fee_units=fee)

    def _opening(self) -> Iterator[bytes]:
        """Open the accounts and fund them, then go on for ever."""
        for member in self.population:
            yield self.credential(member, flags=_FLAGS.get(member.role, AccountFlag.NONE))
        for member in list(self.population):
            for currency in sorted(member.permitted) if member.role is not Role.OPERATOR else ():
                yield administration.fund(self, member, currency)
        while True:
            (intent,) = self.rng.choices(self._intents, self._weights)
            command = intent(self)
            if command is not None:
                self._remember(command)
                yield command

    def _remember(self, command: bytes) -> None:
        """Keep what a client might send again."""
        member = self.population.get(int.from_bytes(command[_ACCOUNT], "little"))
        client_order_id = int.from_bytes(command[_CLIENT_ID], "little")
        if member and command[0] in set(CommandKind) and 0 < client_order_id <= self.next_id(member):
            member.recent.append(command)

    # -- what intents share

    def stamp(self) -> int:
        """Return the next command's time: mostly a little later, sometimes the same or earlier."""
        throw = self.rng.random()
        if throw < 0.02:
            return self.now_ns - self.rng.randrange(5_000)
        if throw > 0.05:
            self.now_ns += self.rng.randrange(2_000)
        return self.now_ns

    def next_id(self, member: Member) -> int:
        """Return the id after the highest that the account has used."""
        return self.core.client_id_highest(member.number) + 1

    def take_id(self, member: Member) -> int:
        """Return an unused id: the next, the one after, the last of the window, or one that was skipped before."""
        throw = self.rng.random()
        fresh = self.next_id(member)
        if throw < 0.04 and member.skipped_ids:
            skipped = member.skipped_ids.pop()
            if skipped + self.scenario.window > fresh - 1:
                return skipped
        if throw > 0.998:
            return fresh + self.scenario.window - 1
        if throw > 0.97:
            member.skipped_ids.append(fresh)
            return fresh + 1
        return fresh

    def trader(self, *roles: Role) -> Member | None:
        """Return a random member of these roles whose credential holds."""
        return self.population.pick(self.rng, lambda member: member.role in roles and member.may_trade(self.now_ns))

    def available(self, member: Member, currency: int) -> int:
        """Return what a member is free to use."""
        return self.core.balance(member.number, currency)[0]

    def room(self, currency: int) -> int:
        """Return how much of a currency could still be deposited."""
        return INT64_MAX + self.core.balance(CUSTODY_ACCOUNT, currency)[0]

    def credential(
        self, member: Member, *, flags: int = AccountFlag.NONE, window: int | None = None, expires_ns: int | None = None
    ) -> bytes:
        """Write a member's credential as it now stands, but for what is given."""
        return commands.credential(
            member.number, member.subject, permitted=member.permitted, issued_at_ns=member.issued_at_ns,
            expires_ns=member.expires_ns if expires_ns is None else expires_ns,
            window=self.scenario.window if window is None else window, flags=flags,
            trade_group=member.trade_group, time_ns=self.stamp(),
        )  # fmt: skip


@dataclass(frozen=True)
class Recording:
    """Generated commands in one array; command i stands in records ``[starts[i], starts[i + 1])``."""

    commands: Records
    starts: list[int]


def record(scenario: Scenario, seed: int, n_commands: int, core_type: CoreType) -> Recording:
    """Generate a flow once, for applying many times.

    The core alongside may be either; the compiled one is faster and makes the same flow.
    """
    feed = Feed(scenario.core(core_type))
    flow = Flow(scenario, seed, feed.core)
    generated, starts = bytearray(), [0]
    for _, command in zip(range(n_commands), flow, strict=False):
        flow.observe(feed.apply(command))
        generated += command
        starts.append(len(generated) // COMMAND.itemsize)
    return Recording(np.frombuffer(bytes(generated), COMMAND).copy(), starts)
