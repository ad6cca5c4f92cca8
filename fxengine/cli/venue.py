"""Commands of whoever runs a venue: make one, serve it, vouch for accounts, move money in and out."""

import gc
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from fxengine.cli.connect import (
    ClientOrderId,
    VenueDir,
    account_number,
    operator,
    with_own_id,
)
from fxengine.cli.keys import who_may_connect
from fxengine.cli.output import Json, answering, console, print_json
from fxengine.engine import JOURNAL_NAME, SNAPSHOTS_NAME, Durability, Snapshots, take_snapshot
from fxengine.gateway.service import Ready, run_venue
from fxengine.gateway.stop import Stop
from fxengine.home import Endpoints, Home
from fxengine.transport import is_private, nearest

if TYPE_CHECKING:
    from fxengine.custody.serving import Custody

commands = typer.Typer()

SWITCH_INTERVAL_S = 0.0005
ORDERS_DEFAULT = "tcp://127.0.0.1:5710"
MARKET_DATA_DEFAULT = "tcp://127.0.0.1:5711"
Name = Annotated[str, typer.Argument(metavar="ACCOUNT", help="An account's name, such as maker-1.")]
Directory = Annotated[Path, typer.Argument(metavar="DIR", help="The venue's directory.")]


@commands.command()
def init(directory: Directory, as_json: Json = False) -> None:
    """Make a sandbox venue in DIR: its description, and signing keys of its own.

    The venue lists ten stablecoins and 22 books; read DIR/venue.toml, and change what you like before you first serve
    it. DIR/keys holds two private keys: the sandbox issuer's, which vouches for accounts, and the operator's, which can
    credit them. Whoever can read them can do both.
    """
    with answering(as_json):
        home = Home.create(directory)
        venue = home.venue
    if as_json:
        print_json({"venue": venue.id, "directory": str(directory), "currencies": list(venue.currency)})
        return
    console.print(f"Made venue [bold]{venue.id}[/] in {directory}")
    console.print(f"  {len(venue.currencies)} stablecoins: {' '.join(venue.currency)}")
    console.print(f"  {len(venue.instruments)} books, described in {home.venue_file}")
    console.print(f"Next: [bold]fxengine serve {directory}[/]")


@commands.command()
def serve(
    directory: Directory,
    orders: Annotated[
        str,
        typer.Option(
            metavar="ADDRESS",
            help="Where clients send orders: tcp://127.0.0.1:PORT or ipc://PATH for this machine alone, "
            "tcp://HOST:PORT or tcp://*:PORT for others too, with CURVE.",
        ),
    ] = ORDERS_DEFAULT,
    market_data: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Where market data is published.")
    ] = MARKET_DATA_DEFAULT,
    ledger: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            envvar="FXENGINE_LEDGER",
            help="Where trades settle: sqlite:PATH, postgresql://..., evm[:DIR] (a chain; DIR/chain unless named), "
            "or memory:. A password belongs into PGPASSWORD, "
            "a password file or the variable, not onto the command line. Default: DIR/ledger.sqlite.",
        ),
    ] = None,
    durability: Annotated[
        Durability,
        typer.Option(
            help="When a command counts as taken: fsync, once it is on disk; os, once the system has it (lost if the "
            "machine stops); none, at once and never kept (for benchmarks)."
        ),
    ] = Durability.FSYNC,
    curve: Annotated[
        bool,
        typer.Option(
            "--curve", help="Encrypt the lines with CURVE also where only this machine can connect. Elsewhere they are."
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Run the venue in DIR until Ctrl-C or SIGTERM.

    A venue that was killed comes back with everything it had acknowledged: the journal is replayed first, and only
    then are clients let in. On an address that other machines can reach it takes CURVE connections alone: see
    fxengine keys.
    """
    with answering(as_json):
        home = Home(directory)
        home.venue  # noqa: B018 - what is wrong with the venue is said before any key is made
        keys = home.keyring.server() if curve or not (is_private(orders) and is_private(market_data)) else None
        stop = Stop()
        custody = _custody(home, ledger)

        def end(*_: object) -> None:
            stop.set()
            if custody is not None:
                custody.stop()

        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, end)

        def ready(facts: Ready) -> None:
            # What start-up made is here to stay: no later collection needs to look at it again.
            gc.collect()
            gc.freeze()
            server_key = keys.own.public if keys else ""
            endpoints = Endpoints(
                nearest(facts.order_address), nearest(facts.market_data_address), os.getpid(), server_key=server_key
            )
            home.publish(endpoints)
            if custody is not None:
                custody.start(endpoints)
            if as_json:
                print_json({
                    "ready": True, "venue": facts.venue_id, "orders": facts.order_address,
                    "market_data": facts.market_data_address, "server_key": server_key,
                    "ledger": facts.ledger_url, "finality": facts.finality,
                    "durability": facts.durability, "commands": facts.sequence,
                    "from_snapshot": facts.snapshot_sequence, "accounts": facts.n_accounts,
                    "open_orders": facts.n_orders, "state_hash": facts.state_hash,
                    "stale_after_s": facts.stale_after_s,
                })  # fmt: skip
                return
            console.print(f"Venue [bold]{facts.venue_id}[/] is open.")
            console.print(f"  orders       {facts.order_address}")
            console.print(f"  market data  {facts.market_data_address}")
            if keys:
                console.print(f"  public key   {escape(server_key)} (CURVE)")
                console.print(f"  clients      {escape(who_may_connect(keys))}")
            console.print(f"  ledger       {escape(facts.ledger_url)} (final by {facts.finality})")
            console.print(f"  settlement   may stand still for {facts.stale_after_s:g} s; then nothing that adds risk")
            console.print(
                f"  journal      {facts.sequence} commands ({facts.snapshot_sequence} from a snapshot), "
                f"{facts.n_orders} orders open, durability {facts.durability}"
            )
            kept = "nothing is kept" if durability is Durability.NONE else "everything acknowledged is kept"
            console.print(f"Stop it with Ctrl-C; {kept}.")

        # The journal's thread needs the interpreter to acknowledge what it has synced; do not let it wait 5 ms.
        sys.setswitchinterval(SWITCH_INTERVAL_S)
        try:
            run_venue(
                home.venue,
                directory,
                order_address=orders,
                market_data_address=market_data,
                stop=stop,
                ledger_url=ledger,
                durability=durability,
                curve=keys,
                on_ready=ready,
            )
        finally:
            if custody is not None:
                custody.close()
            home.withdraw_endpoints(os.getpid())
            stop.close()
    if not as_json:
        kept = "nothing was kept" if durability is Durability.NONE else "journal sealed, all trades settled"
        console.print(f"Closed: {kept}.")


def _custody(home: Home, ledger: str | None) -> "Custody | None":
    """Return who brings deposits and withdrawals from the vault, where the venue settles in one."""
    scheme, _, rest = home.ledger(ledger).partition(":")
    if scheme != "evm":
        return None
    from fxengine.custody.serving import Custody

    return Custody.of(home, Path(rest.partition("?")[0]))


@commands.command()
def snapshot(
    directory: Annotated[Path, typer.Argument(metavar="DATA_DIR", help="The venue's directory.")], as_json: Json = False
) -> None:
    """Write a snapshot of a venue's state, so that its next start replays only what comes after.

    The venue may be closed, or be served meanwhile: its journal is read and nothing of it is locked or changed. A
    venue that closes in order writes one itself; this is for one that runs for weeks.
    """
    with answering(as_json):
        home = Home(directory)
        snapshots = Snapshots(directory / SNAPSHOTS_NAME, home.venue.fingerprint)
        path, place = take_snapshot(home.venue, directory / JOURNAL_NAME, snapshots)
    if as_json:
        print_json({"snapshot": str(path), "commands": place.sequence, "bytes": path.stat().st_size})
    else:
        console.print(f"Snapshot after command {place.sequence}: {escape(str(path))}")


@commands.command()
def freeze(
    account: Name, client_order_id: ClientOrderId = None, venue: VenueDir = Path(), as_json: Json = False
) -> None:
    """Stop an account at once: its orders leave the books, and it can neither trade, pay nor be paid.

    What was matched still settles, and deposits are taken. See fxengine unfreeze.
    """
    _hold("Frozen", account, venue, client_order_id, as_json)


@commands.command()
def unfreeze(
    account: Name, client_order_id: ClientOrderId = None, venue: VenueDir = Path(), as_json: Json = False
) -> None:
    """Release a frozen account: it may do again what its credential allows."""
    _hold("Released", account, venue, client_order_id, as_json)


def _hold(word: str, account: str, venue: Path, client_order_id: int | None, as_json: bool) -> None:
    with answering(as_json), operator(venue) as (client, home):
        number = account_number(client, home, account)
        hold = client.freeze if word == "Frozen" else client.unfreeze
        done = with_own_id(lambda: hold(number, client_order_id=client_order_id), client_order_id)
    if as_json:
        print_json({
            "account": account, "number": number, "frozen": word == "Frozen",
            "client_order_id": done.client_order_id, "sequence": done.sequence,
        })  # fmt: skip
    else:
        console.print(f"{word} [bold]{escape(account)}[/]   (client order id {done.client_order_id})")
