"""A whole venue in one process: engine, settlement, ledger and gateway, started and ended in order.

The order is the point. On the way up everything that must hear of the journal is attached before
it is replayed, and no client is let in before the replay is done and the ledger agrees with it::

    ledger -> engine -> settlement, gateway attached -> replay -> settlement checks -> bind -> serve

On the way down the same, backwards: sessions first, the ledger last.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from fxengine.engine import CoreType, Durability, Engine
from fxengine.gateway.server import Gateway, Stop, require_private
from fxengine.ledger import open_ledger
from fxengine.settlement import Settlement
from fxengine.venue import Venue

LEDGER_NAME = "ledger.sqlite"
"""The default ledger's file in a venue's data directory."""


@dataclass(frozen=True, slots=True)
class Ready:
    """What a venue says of itself once clients may connect."""

    venue_id: str
    order_address: str
    market_data_address: str
    ledger_url: str
    finality: str
    durability: str
    sequence: int
    """Commands in the journal at start-up."""
    n_accounts: int
    n_orders: int
    state_hash: str


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
    core_type: CoreType | None = None,
    on_ready: Callable[[Ready], None] = lambda ready: None,
) -> None:
    """Run a venue until ``stop`` is set; return once everything taken is durable, answered and settled.

    Addresses are ``ipc://PATH`` or ``tcp://127.0.0.1:PORT`` (``*`` for any port); ``on_ready`` is
    called from this thread when clients may connect. The ledger is ``sqlite:`` in ``data_dir``
    unless ``ledger_url`` says otherwise; ``cycle_ns`` is the settlement cycle, the venue's if not given.
    Raises :class:`VenueError` for a bad address, :class:`JournalError` and :class:`LedgerError` where
    these cannot be opened or fail; whatever was acknowledged by then is in the journal.
    """
    for address in (order_address, market_data_address):
        require_private(address)
    url = ledger_url or f"sqlite:{data_dir / LEDGER_NAME}"
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    ledger = open_ledger(url, venue)
    try:
        engine = Engine(venue, data_dir, durability=durability, clock_ns=clock_ns, core_type=core_type)
        settlement = Settlement(ledger, venue, clock_ns=clock_ns, cycle_ns=cycle_ns)
        gateway = Gateway(engine, settlement, venue, stop)
        try:
            engine.attach(settlement.observe)
            engine.attach(gateway.dispatcher.on_released)
            engine.start()
            settlement.start()
            settled = settlement.cursor
            if settled.batch_id:
                gateway.dispatcher.settled_through(settled.batch_id, ledger.finality, settled.last_sequence)
            bound = gateway.bind(order_address, market_data_address)
            core = engine.core
            on_ready(
                Ready(
                    venue_id=venue.id,
                    order_address=bound[0],
                    market_data_address=bound[1],
                    ledger_url=url,
                    finality=ledger.finality,
                    durability=Durability(durability).value,
                    sequence=core.sequence,
                    n_accounts=core.n_accounts,
                    n_orders=core.n_orders,
                    state_hash=core.state_hash(),
                )
            )
            gateway.run()
        finally:
            gateway.close()
            engine.close()
            settlement.close()
    finally:
        ledger.close()
