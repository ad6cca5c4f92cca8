"""Commands about CURVE keys, which encrypt the lines and prove who is at their ends, and signing keys."""

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from fxengine.cli.connect import VenueDir
from fxengine.cli.output import Json, answering, console, print_json, print_table
from fxengine.errors import FxEngineError
from fxengine.home import SANDBOX_ISSUER, Home
from fxengine.transport import ServerCurve, checked_public_key, load_public

commands = typer.Typer(
    name="keys",
    no_args_is_help=True,
    help=(
        "Make and show keys: CURVE keys for encrypted lines, and signing keys.\n\n"
        "A venue on an address that other machines can reach is served with CURVE: clients know its public key, it "
        "knows theirs, and a KYC token is good with the key it names alone. Secret keys stay in files that you alone "
        "can read; public keys may be shown to anybody."
    ),
)

Account = Annotated[str, typer.Argument(metavar="ACCOUNT", help="An account's name, such as payer-1.")]


@commands.command()
def server(venue: VenueDir = Path(), as_json: Json = False) -> None:
    """Show the venue's public key, which its clients need; make the pair if there is none yet."""
    with answering(as_json):
        own = _home(venue).keyring.server().own
    if as_json:
        print_json({"public_key": own.public})
    else:
        console.print(f"The venue's public key, for its clients: [bold]{escape(own.public)}[/]")


@commands.command()
def client(account: Account, venue: VenueDir = Path(), as_json: Json = False) -> None:
    """Make a key pair for an account whose commands are run here.

    The account's next token names it: issue one. A client on another machine makes a pair there, and gives you its
    public key for 'fxengine token issue --client-key'.
    """
    with answering(as_json):
        keyring = _home(venue).keyring
        pair = keyring.create(account)
        may_connect = not keyring.is_listing
    if as_json:
        print_json({"account": account, "public_key": pair.public, "may_connect": may_connect})
        return
    console.print(f"Made a key for [bold]{account}[/], public key {escape(pair.public)}")
    if not may_connect:
        console.print(f"Only listed keys may connect. Allow it: [bold]fxengine keys allow {account}[/]")
    console.print(f"Next, a token that names it: [bold]fxengine token issue {account} --level payer[/]")


@commands.command()
def allow(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The account's name, or another name for the key.")],
    given: Annotated[
        str | None,
        typer.Option(
            "--public-key",
            metavar="KEY|FILE",
            help="A client's public key: 40 characters, or a file with them. Default: the account's key made here.",
        ),
    ] = None,
    venue: VenueDir = Path(),
    as_json: Json = False,
) -> None:
    """Let a key connect, and from the first such one on no other.

    Without any, every client key may connect and the token decides. A venue that is being served follows at once.
    """
    with answering(as_json):
        keyring = _home(venue).keyring
        own = keyring.account(name) if given is None else None
        if given is None and own is None:
            raise FxEngineError(f"{name} has no key here; say --public-key, or make one: fxengine keys client {name}")
        key = own.public if own else public_key(given or "")
        path = keyring.allow(name, key)
    if as_json:
        print_json({"name": name, "public_key": key, "file": str(path)})
    else:
        console.print(f"[bold]{name}[/] may connect; keys that are not in {path.parent} may not.")


@commands.command()
def disallow(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The name it was allowed under.")],
    venue: VenueDir = Path(),
    as_json: Json = False,
) -> None:
    """Let a key connect no longer; a session that has it is ended within about a second."""
    with answering(as_json):
        path = _home(venue).keyring.disallow(name)
    if as_json:
        print_json({"name": name, "file": str(path)})
    else:
        console.print(f"[bold]{name}[/] may not connect any more.")


@commands.command()
def issuer(
    kid: Annotated[str, typer.Argument(metavar="KID", help="The new key's id, such as sandbox-2.")],
    name: Annotated[
        str, typer.Option("--issuer", metavar="NAME", help="Whose key it is: an issuer's iss in venue.toml.")
    ] = SANDBOX_ISSUER,
    venue: VenueDir = Path(),
    as_json: Json = False,
) -> None:
    """Make a signing key for an issuer: another for the sandbox issuer unless you name one, such as a currency's.

    To replace a key, list the new one in venue.toml after the old one and serve the venue again: tokens of both keys
    are good, and new ones are signed with the last. Take the old key out once its tokens have run out.
    """
    with answering(as_json):
        key = _home(venue).new_signing_key(kid, name)
    if as_json:
        print_json({"issuer": name, "kid": kid, "public_key": key.public_text})
    else:
        made = f"Made signing key [bold]{escape(kid)}[/]. Add it to the keys of issuer {escape(name)} in venue.toml:"
        console.print(made)
        console.print(f'  {kid} = "{key.public_text}"', markup=False)


@commands.command()
def show(venue: VenueDir = Path(), as_json: Json = False) -> None:
    """Show the public keys that are known here, and who may connect."""
    with answering(as_json):
        keyring = _home(venue).keyring
        own = keyring.server().own if keyring.server_file.exists() else None
        accounts, clients = dict(keyring.account_keys()), dict(keyring.client_keys())
        only_listed = keyring.is_listing
    if as_json:
        print_json({
            "server": own.public if own else None, "accounts": accounts, "clients": clients,
            "only_listed_may_connect": only_listed,
        })  # fmt: skip
        return
    rows = [["venue", escape(own.public), ""]] if own else []
    rows += [
        [f"account {name}", escape(key), "" if not only_listed or key in clients.values() else "may not connect"]
        for name, key in accounts.items()
    ]
    rows += [[f"client {name}", escape(key), "may connect"] for name, key in clients.items()]
    if rows:
        print_table(["who", "public key", ""], rows)
    else:
        console.print("No CURVE keys yet. 'fxengine serve --curve' makes the venue's.")
    if only_listed:
        console.print("Only the keys of clients may connect.")


def public_key(given: str) -> str:
    """Return the public key that was typed, or that stands in the file that was named."""
    path = Path(given)
    return load_public(path) if path.is_file() else checked_public_key(given)


def who_may_connect(curve: ServerCurve) -> str:
    """Say in words whom a venue with CURVE lets in."""
    listing = curve.allowed is not None and curve.allowed.is_dir()
    return f"only those with a key in {curve.allowed}" if listing else "any key may connect, the token decides"


def _home(venue: Path) -> Home:
    """Return the venue's directory; refuse one that is not, or keys would be strewn about."""
    home = Home(venue)
    if not home.venue_file.exists():
        raise FxEngineError(f"{venue} holds no venue; make one: fxengine init DIR, or say --venue DIR")
    return home
