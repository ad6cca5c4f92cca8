"""Seeded workloads as COMMAND arrays: the same bytes for the benchmarks and for the tests.

No book is kept while they are made; numpy draws everything at once. Each order gets a time of entry and a
lifetime, a cancel stands where the lifetime ends, and sorting by time makes the flow. The mean
lifetime in commands is therefore the depth of the book::

    order 1  enter |------------------------------| cancel
    order 2       enter |---- amend ----| cancel
    order 3                 enter |--- ...              sorted by time: 1 2 3 amend-2 cancel-2 cancel-1

A cancel or an amend may find its order traded: the core refuses it, as it must with real clients.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from bench.opening import BASE, FIRST_TRADER, N_CURRENCIES, QUOTE, UNITS_MAX, Integers, instruments, opening
from bench.quoting import mass_quotes
from bench.yardstick import START_NS, STEP_NS
from fxengine.codes import CommandKind, OrdType, Side, TimeInForce
from fxengine.records import ALL_INSTRUMENTS, AMEND, CANCEL, COMMAND, MASS_CANCEL, Records

MID_TICKS: Final = 32_768
LOTS_STEP: Final = 1_000
LOTS_STEPS: Final = 50
LIFETIME: Final = 1.15
"""Mean lifetime in depths of the book: a little more than one, since some orders trade before it ends."""
HOT_SHARE: Final = 0.9
BURST: Final = 200
"""Commands of a burst; nine tenths of its orders take, and the price runs one way."""
TAKE_TICKS: Final = 3
BURST_TICKS: Final = 40
"""How far through the middle an order takes, in calm and in a burst."""
STORM: Final = 16
"""Orders that one account enters and then takes away together."""

Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Workload:
    """A flow with all that a core needs to run it.

    ``starts`` holds the record where each command starts and, last, where they all end; the first
    ``n_prefill`` commands build the books.
    """

    name: str
    instruments: Records
    opening: Records
    commands: Records
    starts: Integers
    n_prefill: int
    n_currencies: int = N_CURRENCIES

    @property
    def timed_starts(self) -> Integers:
        """Where each command after the prefill starts."""
        return self.starts[self.n_prefill :]


@dataclass(frozen=True)
class Shape:
    """What a flow of single orders looks like. ``live`` is the depth of all books together."""

    live: int = 30_000
    spread_ticks: int = 150
    n_accounts: int = 100
    n_instruments: int = 1
    hot_share: float = 0.0
    bursts: bool = False


def steady(seed: int, n: int, *, live: int = 30_000, n_accounts: int = 100) -> Workload:
    """Enter, cancel, amend and take in a book of 30,000 orders."""
    return flow("steady", seed, n, Shape(live=live, n_accounts=n_accounts))


def deep(seed: int, n: int, *, live: int = 1_000_000, n_accounts: int = 100) -> Workload:
    """The same in a book of a million orders, on more levels."""
    return flow("deep", seed, n, Shape(live=live, spread_ticks=600, n_accounts=n_accounts))


def burst(seed: int, n: int, *, live: int = 30_000) -> Workload:
    """Calm, then a run on one side that takes whatever is there, and calm again."""
    return flow("burst", seed, n, Shape(live=live, bursts=True))


def hot(seed: int, n: int, *, live: int = 30_000) -> Workload:
    """A thousand instruments, of which one has nine tenths of the flow."""
    return flow("hot", seed, n, Shape(live=live, n_instruments=1_000, hot_share=HOT_SHARE))


def flow(name: str, seed: int, n: int, shape: Shape) -> Workload:
    """Make ``n`` commands of single orders after the ``shape.live`` that build the books. O(n log n)."""
    rng = np.random.default_rng(seed)
    n_orders = n + shape.live
    entered = np.concatenate([np.full(shape.live, -1.0), rng.uniform(0, n, n)])
    entered.sort()
    amended = entered + rng.exponential(10 * shape.live, n_orders)
    ended = entered + rng.exponential(LIFETIME * shape.live, n_orders)
    about = np.concatenate([np.arange(n_orders)] * 3)
    what = np.repeat([CommandKind.NEW_ORDER, CommandKind.AMEND, CommandKind.CANCEL], n_orders)
    when = np.concatenate([entered, np.where(amended < ended, amended, np.inf), ended])
    order = np.argsort(when, kind="stable")[:n_orders]  # the prefill comes first: it is before time 0
    about, what = about[order], what[order]

    side = rng.integers(Side.BUY, Side.SELL + 1, n_orders)
    sign = np.where(side == Side.BUY, -1, 1)
    row_of_entry = np.zeros(n_orders, np.int64)
    row_of_entry[about[what == CommandKind.NEW_ORDER]] = np.flatnonzero(what == CommandKind.NEW_ORDER)
    in_burst = (row_of_entry // BURST % 5 == 4) & (row_of_entry >= shape.live) & shape.bursts
    side[in_burst] = np.where(row_of_entry[in_burst] // BURST % 2, Side.BUY, Side.SELL)
    sign[in_burst] = np.where(side[in_burst] == Side.BUY, -1, 1)
    takes = (rng.random(n_orders) < np.where(in_burst, 0.9, 0.1)) & (row_of_entry >= shape.live)
    steps = rng.choice([-1, 0, 1], n_orders, p=[0.01, 0.98, 0.01])
    walk = np.cumsum(steps * (np.arange(n_orders) >= shape.live))
    instrument = rng.integers(0, shape.n_instruments, n_orders) * (rng.random(n_orders) >= shape.hot_share)
    account = FIRST_TRADER + rng.integers(0, shape.n_accounts, n_orders)
    through = np.where(in_burst, BURST_TICKS, TAKE_TICKS)

    def price(row: Integers, of: Integers, takes_now: Flags) -> Integers:
        away = 1 + rng.exponential(shape.spread_ticks, len(of)).astype(np.int64)
        ticks = MID_TICKS + walk[row] + sign[of] * np.where(takes_now, -through[of], away)
        clipped: Integers = np.clip(ticks, 1, 2 * MID_TICKS)
        return clipped

    used = _dense_ids(account[about], what != CommandKind.CANCEL)
    entry_id = np.zeros(n_orders, np.int64)
    entry_id[about[what == CommandKind.NEW_ORDER]] = used[what == CommandKind.NEW_ORDER]

    commands = np.zeros(n_orders, COMMAND)
    commands["kind"], commands["n_records"] = what, 1
    commands["account"], commands["client_order_id"] = account[about], used
    commands["time_ns"] = START_NS + STEP_NS * np.arange(n_orders)
    enter, amend, cancel = (
        np.flatnonzero(what == k) for k in (CommandKind.NEW_ORDER, CommandKind.AMEND, CommandKind.CANCEL)
    )
    commands["instrument"][enter] = instrument[about[enter]]
    commands["side"][enter], commands["ord_type"][enter] = side[about[enter]], OrdType.LIMIT
    immediate = takes & (rng.random(n_orders) < 0.6)
    commands["time_in_force"][enter] = np.where(immediate[about[enter]], TimeInForce.IOC, TimeInForce.GTC)
    commands["price_ticks"][enter] = price(enter, about[enter], takes[about[enter]])
    commands["quantity_lots"][enter] = _lots(rng, len(enter))
    amends, cancels = commands.view(AMEND), commands.view(CANCEL)
    amends["orig_client_order_id"][amend] = entry_id[about[amend]]
    amends["price_ticks"][amend] = price(amend, about[amend], np.zeros(len(amend), np.bool_))
    amends["quantity_lots"][amend], amends["expected_cum_lots"][amend] = _lots(rng, len(amend)), -1
    cancels["client_order_id"][cancel], cancels["orig_client_order_id"][cancel] = 0, entry_id[about[cancel]]
    return _workload(name, shape.n_instruments, shape.n_accounts, commands, shape.live)


def maker(seed: int, n: int, *, n_makers: int = 20, taker_share: float = 0.05) -> Workload:
    """Makers that each restate a ladder of 20 levels with 4 changed, and now and then a taker."""
    rng = np.random.default_rng(seed)
    takes = rng.random(n) < taker_share
    takes[:n_makers] = False
    quoting = np.flatnonzero(~takes)
    quotes = mass_quotes(rng, len(quoting), n_makers, MID_TICKS)
    n_records = np.where(takes, 1, quotes.shape[1])
    starts = np.concatenate([[0], np.cumsum(n_records)])
    commands = np.zeros(int(starts[-1]), COMMAND)
    places = starts[:-1][quoting][:, None] + np.arange(quotes.shape[1])
    commands[places] = quotes
    commands["account"][starts[:-1][quoting]] = FIRST_TRADER + np.arange(len(quoting)) % n_makers
    orders = starts[:-1][takes]
    commands["kind"][orders], commands["n_records"][orders] = CommandKind.NEW_ORDER, 1
    commands["account"][orders] = FIRST_TRADER + n_makers
    side = rng.integers(Side.BUY, Side.SELL + 1, len(orders))
    commands["side"][orders], commands["ord_type"][orders] = side, OrdType.LIMIT
    commands["time_in_force"][orders] = TimeInForce.IOC
    commands["price_ticks"][orders] = MID_TICKS + np.where(side == Side.BUY, 3, -3)
    commands["quantity_lots"][orders] = LOTS_STEP
    heads = starts[:-1]
    commands["client_order_id"][heads] = _dense_ids(commands["account"][heads], np.full(n, True))
    commands["time_ns"][heads] = START_NS + STEP_NS * np.arange(n)
    return _workload("maker", 1, n_makers + 1, commands, n_makers, starts)


def storm(seed: int, n: int, *, live: int = 30_000, n_accounts: int = 100) -> Workload:
    """Accounts that enter orders far from each other's and take them away at once: one by one, or all."""
    rng = np.random.default_rng(seed)
    round_length = 2 * STORM
    n_rounds = max(n // round_length, 1)
    at_once = np.repeat(rng.random(n_rounds) < 0.5, round_length).reshape(n_rounds, round_length)
    step = np.arange(round_length)
    kind = np.where(step < STORM, CommandKind.NEW_ORDER, CommandKind.CANCEL) + np.zeros((n_rounds, 1), np.int64)
    kind[at_once & (step == STORM)] = CommandKind.MASS_CANCEL
    kept = ~(at_once & (step > STORM))
    shuffled = rng.permuted(np.broadcast_to(np.arange(STORM), (n_rounds, STORM)), axis=1)
    about = np.concatenate([np.broadcast_to(np.arange(STORM), (n_rounds, STORM)), shuffled], axis=1)
    stormers = np.repeat(rng.integers(n_accounts // 2, n_accounts, n_rounds), round_length).reshape(kind.shape)
    round_of = np.repeat(np.arange(n_rounds), round_length).reshape(kind.shape)

    what = np.concatenate([np.full(live, CommandKind.NEW_ORDER), kind[kept]])
    account = FIRST_TRADER + np.concatenate([rng.integers(0, n_accounts // 2, live), stormers[kept]])
    ids = _dense_ids(account, what != CommandKind.CANCEL)
    commands = np.zeros(len(what), COMMAND)
    commands["kind"], commands["n_records"], commands["account"], commands["client_order_id"] = what, 1, account, ids
    commands["time_ns"] = START_NS + STEP_NS * np.arange(len(what))
    enter = np.flatnonzero(what == CommandKind.NEW_ORDER)
    side = rng.integers(Side.BUY, Side.SELL + 1, len(enter))
    away = 1 + rng.exponential(150, len(enter)).astype(np.int64)
    commands["side"][enter], commands["ord_type"][enter] = side, OrdType.LIMIT
    commands["time_in_force"][enter] = TimeInForce.GTC
    commands["price_ticks"][enter] = MID_TICKS + np.where(side == Side.BUY, -away, away)
    commands["quantity_lots"][enter] = _lots(rng, len(enter))
    id_of = np.zeros(kind.shape, np.int64)
    id_of[kept] = ids[live:]
    cancel = np.flatnonzero(what == CommandKind.CANCEL)
    cancelled = kept & (kind == CommandKind.CANCEL)
    commands.view(CANCEL)["orig_client_order_id"][cancel] = id_of[round_of[cancelled], about[cancelled]]
    commands.view(MASS_CANCEL)["instrument"][np.flatnonzero(what == CommandKind.MASS_CANCEL)] = ALL_INSTRUMENTS
    return _workload("storm", 1, n_accounts, commands, live)


WORKLOADS: Final[dict[str, Callable[..., Workload]]] = {
    "steady": steady, "deep": deep, "burst": burst, "maker": maker, "storm": storm, "hot": hot,
}  # fmt: skip


def _lots(rng: np.random.Generator, n: int) -> Integers:
    return LOTS_STEP * rng.integers(1, LOTS_STEPS + 1, n)


def _dense_ids(account: Integers, uses_id: Flags) -> Integers:
    """Number the commands of each account that use an id, from 1; 0 for the others."""
    order = np.argsort(account, kind="stable")
    counted = np.cumsum(uses_id[order])
    sorted_account = account[order]
    first = np.searchsorted(sorted_account, sorted_account)
    before = np.concatenate([[0], counted])[first]
    ids = np.zeros(len(account), np.int64)
    ids[order] = np.where(uses_id[order], counted - before, 0)
    return ids


def _workload(
    name: str, n_instruments: int, n_accounts: int, commands: Records, n_prefill: int, starts: Integers | None = None
) -> Workload:
    amounts = np.zeros((n_accounts, N_CURRENCIES), np.int64)
    amounts[:, (BASE, QUOTE)] = UNITS_MAX // n_accounts
    if starts is None:
        starts = np.arange(len(commands) + 1)
    return Workload(name, instruments(n_instruments), opening(amounts), commands, starts, n_prefill)
