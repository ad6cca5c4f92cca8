"""From a command's options to a session with the venue they mean."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from fxengine.client import Client, SettlementNotice
from fxengine.codes import RejectReason
from fxengine.errors import LedgerError, RequestRejected, VenueUnreachable
from fxengine.home import OPERATOR, SANDBOX_ISSUER, Home
from fxengine.ledger.base import shown
from fxengine.ledger.reading import Reader, open_reader

VenueDir = Annotated[
    Path, typer.Option("--venue", metavar="DIR", envvar="FXENGINE_VENUE", help="The venue's directory.")
]
Account = Annotated[
    str,
    typer.Option("--as", metavar="ACCOUNT", help="Who acts; the account's token is kept by 'fxengine token issue'."),
]
Currency = Annotated[str, typer.Argument(metavar="CURRENCY", help="A currency's code, such as HKD.")]
Amount = Annotated[str, typer.Argument(metavar="AMOUNT", help="An exact decimal amount, such as 250000.00.")]
Ledger = Annotated[
    str | None,
    typer.Option(
        metavar="URL",
        envvar="FXENGINE_LEDGER",
        help="Where the venue's trades settled. A password belongs into the variable, not onto the command line. "
        "Default: DIR/ledger.sqlite.",
    ),
]
ClientOrderId = Annotated[
    int | None,
    typer.Option(
        metavar="NUMBER",
        min=1,
        max=2**64 - 1,
        help="The id of this command. Send it again with the same id when the answer was lost: it is done once.",
    ),
]


R = TypeVar("R")
ATTEMPTS = 5


def with_own_id(send: Callable[[], R], client_order_id: int | None) -> R:
    """Send a command; where its id was chosen for it and another command took that id first, send it under the next.

    Commands of one account that run at the same moment choose the same id. Only one is done under it.
    """
    for _ in range(ATTEMPTS - 1):
        try:
            return send()
        except RequestRejected as refusal:
            if client_order_id is not None or refusal.reason != RejectReason.CLIENT_ID_REUSED:
                raise
    return send()


def wait_final(client: Client, sequence: int, client_order_id: int) -> SettlementNotice:
    """Wait until a command that was done is FINAL; say that it was done where the ledger takes too long."""
    try:
        return client.wait_final(sequence)
    except VenueUnreachable:
        raise VenueUnreachable(
            f"it was done, as command {sequence}, and the ledger has not called it FINAL yet; do not send it as a new"
            f" command. To ask again: the same command with --client-order-id {client_order_id}"
        ) from None


@contextmanager
def session(venue: Path, account: str) -> Iterator[Client]:
    """Log on as an account of which a token is kept, at the venue that is served from a directory."""
    home = Home(venue)
    with connected(home, account) as client:
        yield client


@contextmanager
def connected(home: Home, account: str) -> Iterator[Client]:
    """Log on with an account's token and, where the venue is served with CURVE, its key."""
    token = home.token(account)
    with Client.connect(home.endpoints().orders, token, curve=home.curve(account)) as client:
        yield client


@contextmanager
def operator(venue: Path) -> Iterator[tuple[Client, Home]]:
    """Log on as the operator, with a token signed for this one command."""
    home = Home(venue)
    curve = home.curve(OPERATOR)
    token = home.operator_token(client_key=curve.own.public if curve else "")
    with Client.connect(home.endpoints().orders, token, curve=curve) as client:
        yield client, home


@contextmanager
def own_books(home: Home, ledger: str | None) -> Iterator[Reader]:
    """Look into the ledger of this venue; another's is refused: what is signed or undone must not rest on it.

    Raises :class:`LedgerError` where it cannot be read, or was opened for a venue with another id or other rules.
    """
    url = home.ledger(ledger)
    with open_reader(url) as reader:
        found = reader.rows("SELECT fingerprint FROM venue")
        if found != [(home.venue.fingerprint,)]:
            raise LedgerError(
                f"ledger: {shown(url)} is not the ledger of the venue in {home.directory}; say"
                " --venue DIR and --ledger URL that belong together"
            )
        yield reader


@contextmanager
def mover(venue: Path, account: str | None) -> Iterator[tuple[Client, Home]]:
    """Log on as whoever moves money in and out: an issuer's account of which a token is kept, or else the operator."""
    if account is None:
        with operator(venue) as found:
            yield found
    else:
        home = Home(venue)
        with connected(home, account) as client:
            yield client, home


def account_number(client: Client, home: Home, account: str) -> int:
    """Find an account by its name; open it first where it has a token here and has never logged on."""
    try:
        return client.account_number(SANDBOX_ISSUER, account)
    except RequestRejected as refusal:
        if refusal.reason != RejectReason.UNKNOWN_ACCOUNT:
            raise
    with connected(home, account) as opened:
        return opened.account
