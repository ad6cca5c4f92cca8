"""A whole venue in one process: engine, settlement, ledger and gateway, started and ended in order.

The order is the point. On the way up everything that must hear of the journal is attached before
it is replayed, and no client is let in before the replay is done and the ledger agrees with it::

    ledger -> engine -> settlement, gateway attached -> snapshot, replay -> settlement checks
           -> whoever was connected is not any more -> bind -> serve

On the way down the same, backwards: sessions first, the ledger last.
"""

import resource
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from fxengine.codes import CUSTODY_ACCOUNT
from fxengine.engine import ANYWHERE, CoreType, Durability, Engine, MatchingCore
from fxengine.engine.frames import FRAME_RECORDS_MAX
from fxengine.errors import LedgerError
from fxengine.gateway.server import Gateway
from fxengine.gateway.stop import Stop
from fxengine.ledger import open_ledger
from fxengine.ledger.base import ledger_of, shown
from fxengine.reserves import Attestations, ReserveWatch
from fxengine.reserves.attestations import FOLDER_NAME
from fxengine.settlement import DRAIN_NS, Settlement
from fxengine.transport import ServerCurve, require_private_or_curve
from fxengine.venue import Venue

OPEN_FILES = 16_384
"""Sessions, market data subscribers, and connections that come and go, with room to spare."""
_MEMORY = "memory:"


@dataclass(frozen=True, slots=True)
class Ready:
    """What a venue says of itself once clients may connect."""

    venue_id: str
    order_address: str
    market_data_address: str
    ledger_url: str
    """Without a password that may be in it."""
    finality: str
    durability: str
    sequence: int
    """Commands in the journal at start-up."""
    snapshot_sequence: int
    """How many of them a snapshot spared the start; the others were replayed."""
    n_accounts: int
    n_orders: int
    state_hash: str
    stale_after_s: float
    """How long settlement may stand still before the venue takes nothing that adds risk."""


def run_venue(
    venue: Venue,
    data_dir: Path,
    *,
    order_address: str,
    market_data_address: str,
    stop: Stop,
    ledger_url: str | None = None,
    durability: Durability | str = Durability.FSYNC,
    clock_ns: Callable[[], int] = time.time_ns,
    cycle_ns: int | None = None,
    drain_ns: int = DRAIN_NS,
    core_type: CoreType | None = None,
    curve: ServerCurve | None = None,
    on_ready: Callable[[Ready], None] = lambda ready: None,
) -> None:
    """Run a venue until ``stop`` is set; return once everything taken is durable, answered and settled.

    Addresses are ``ipc://PATH`` or ``tcp://HOST:PORT`` (``*`` for any port), with ``curve`` unless only
    this machine can reach both; ``on_ready`` is called from this thread when clients may connect. The
    ledger is ``sqlite:`` in ``data_dir`` unless ``ledger_url`` says otherwise; with durability ``none`` it
    is ``memory:`` and nothing else, because a ledger that outlives its journal could never be opened
    again. ``cycle_ns`` is the settlement cycle, the venue's if not given; ``drain_ns`` how long the end waits for
    batches that are not FINAL.
    Raises :class:`VenueError` for a bad address and for bounds on settlement that the ledger cannot keep,
    :class:`JournalError` and :class:`LedgerError` where these cannot be opened or fail, also when settlement had
    stopped with an alarm by the end; whatever was acknowledged by then is in the journal.
    """
    for address in (order_address, market_data_address):
        require_private_or_curve(address, curve=curve is not None)
    durability = Durability(durability)
    url = _ledger_url(ledger_url, data_dir, durability)
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    raise_open_files_limit()
    ledger = open_ledger(url, venue)
    try:
        engine = Engine(
            venue,
            data_dir,
            durability=durability,
            clock_ns=clock_ns,
            core_type=core_type,
            frame_commands_max=ledger.frame_commands_max or FRAME_RECORDS_MAX,
        )
        # With fsync, what is released is on the disk already, and waiting for more would slow matching.
        sync = engine.sync if durability is Durability.OS else lambda: None
        settlement = Settlement(ledger, venue, clock_ns=clock_ns, cycle_ns=cycle_ns, sync=sync, drain_ns=drain_ns)
        reserves = ReserveWatch(venue, Attestations(data_dir / FOLDER_NAME, venue), partial(_owed_units, engine.core))
        gateway = Gateway(engine, settlement, venue, stop, curve, reserves)
        try:
            # What the ledger has settled need not be heard again, and books can be read off the core.
            engine.attach(settlement.observe, may_begin_after=settlement.cursor.last_sequence, begin=settlement.begin)
            engine.attach(gateway.dispatcher.on_released, may_begin_after=ANYWHERE, begin=gateway.dispatcher.begin)
            engine.start()
            settlement.start()
            final_batch, final_sequence = settlement.final
            if final_batch:
                gateway.dispatcher.settled_through(final_batch, ledger.finality, final_sequence)
            gateway.dispatcher.open()
            bound = gateway.bind(order_address, market_data_address)
            core = engine.core
            on_ready(
                Ready(
                    venue_id=venue.id,
                    order_address=bound[0],
                    market_data_address=bound[1],
                    ledger_url=shown(url),
                    finality=ledger.finality,
                    durability=durability.value,
                    sequence=core.sequence,
                    snapshot_sequence=engine.snapshot_sequence,
                    n_accounts=core.n_accounts,
                    n_orders=core.n_orders,
                    state_hash=core.state_hash(),
                    stale_after_s=settlement.stale_ns / 1_000_000_000,
                )
            )
            gateway.run()
        finally:
            gateway.close()
            engine.close()
            settlement.close()
        if settlement.alarm:
            raise LedgerError(f"{settlement.alarm}. Nothing is lost: the next start settles the rest from the journal")
    finally:
        ledger.close()


def _owed_units(core: MatchingCore, currency: int) -> int:
    """Return what the venue owes of a currency to all who have any: custody is its mirror."""
    return -sum(core.balance(CUSTODY_ACCOUNT, currency))


def raise_open_files_limit() -> None:
    """Let this process have as many open files as the system allows it: each connection is one.

    Where the system allows fewer than there may be sessions, later connections wait to be accepted.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _ledger_url(given: str | None, data_dir: Path, durability: Durability) -> str:
    """Return the ledger to open; :class:`LedgerError` for one that would outlive its journal."""
    if durability is not Durability.NONE:
        return ledger_of(data_dir, given)
    if given is not None and not given.startswith(_MEMORY):
        raise LedgerError(
            f"durability 'none' keeps no journal, and the ledger {shown(given)} would outlive what it settled: no later"
            f" start could go on from it. Use the ledger {_MEMORY}, or durability 'fsync' or 'os'"
        )
    return given or _MEMORY
