"""From a command's options to a session with the venue they mean."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from fxengine.client import Client
from fxengine.codes import RejectReason
from fxengine.errors import RequestRejected
from fxengine.home import SANDBOX_ISSUER, Home

VenueDir = Annotated[
    Path, typer.Option("--venue", metavar="DIR", envvar="FXENGINE_VENUE", help="The venue's directory.")
]
Account = Annotated[
    str, typer.Option("--as", metavar="ACCOUNT", help="Who acts; the account's token is kept by 'fxengine token'.")
]
Currency = Annotated[str, typer.Argument(metavar="CURRENCY", help="A currency's code, such as HKD.")]
Amount = Annotated[str, typer.Argument(metavar="AMOUNT", help="An exact decimal amount, such as 250000.00.")]


@contextmanager
def session(venue: Path, account: str) -> Iterator[Client]:
    """Log on as an account of which a token is kept, at the venue that is served from a directory."""
    home = Home(venue)
    token = home.token(account)
    with Client.connect(home.endpoints().orders, token) as client:
        yield client


@contextmanager
def operator(venue: Path) -> Iterator[tuple[Client, Home]]:
    """Log on as the operator, with a token signed for this one command."""
    home = Home(venue)
    with Client.connect(home.endpoints().orders, home.operator_token()) as client:
        yield client, home


def account_number(client: Client, home: Home, account: str) -> int:
    """Find an account by its name; open it first where it has a token here and has never logged on."""
    try:
        return client.account_number(SANDBOX_ISSUER, account)
    except RequestRejected as refusal:
        if refusal.reason != RejectReason.UNKNOWN_ACCOUNT:
            raise
    with Client.connect(home.endpoints().orders, home.token(account)) as opened:
        return opened.account
