"""Commands about KYC tokens: the sandbox issuer vouches for an account, looks at a token, takes one back."""

import base64
import binascii
import json
import time
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from typer.core import TyperGroup

from fxengine.cli.connect import ClientOrderId, VenueDir, operator, with_own_id
from fxengine.cli.keys import public_key
from fxengine.cli.output import Json, answering, console, print_json, print_table
from fxengine.errors import AmountError, FxEngineError
from fxengine.gateway.kyc import Credential, TokenVerifier
from fxengine.gateway.scope import Action, parse_scope
from fxengine.home import Home
from fxengine.venue import Venue

_FILE_BYTES_MAX = 16_384
_ONLY_WITH_KEY = " Only on a connection with the CURVE key that it names (cnf)."
_YEAR_9999_S = 253_370_764_800


class _IssueUnlessSaid(TyperGroup):
    """``fxengine token ACCOUNT`` is short for ``fxengine token issue ACCOUNT``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 - typer has moved its type
        """Put the verb in where it was left out."""
        if args and args[0] not in self.commands and args[0] != "--help":
            args = ["issue", *args]
        return super().parse_args(ctx, args)


commands = typer.Typer(
    name="token",
    cls=_IssueUnlessSaid,
    no_args_is_help=True,
    help=(
        "Issue, inspect and revoke KYC tokens, by which accounts log on.\n\n"
        "'fxengine token ACCOUNT' is short for 'fxengine token issue ACCOUNT'. A token is a secret: whoever holds it "
        "can act as its account, within its scope, on a connection with the key it names."
    ),
)

Account = Annotated[str, typer.Argument(metavar="ACCOUNT", help="An account's name, such as maker-1.")]


@commands.command()
def issue(
    account: Account,
    level: Annotated[str, typer.Option(help="KYC level, one of the venue file's.")] = "payer",
    jurisdiction: Annotated[str, typer.Option(help="Where its owner resides: ISO 3166-1, two letters.")] = "HK",
    currency: Annotated[
        list[str] | None, typer.Option(metavar="CODE", help="A currency it may hold; repeat it. Default: all.")
    ] = None,
    days: Annotated[int, typer.Option(min=1, max=366, help="How long the token is valid.")] = 30,
    client_key: Annotated[
        str | None,
        typer.Option(
            metavar="KEY|FILE",
            help="The public CURVE key it is good with, 40 characters or a file with them. Default: the account's key "
            "made here, if any.",
        ),
    ] = None,
    action: Annotated[
        list[Action] | None, typer.Option(help="All that its bearer may do; repeat it. Default: everything.")
    ] = None,
    instrument: Annotated[
        list[str] | None,
        typer.Option(metavar="INSTRUMENT", help="A book it may be used in, such as EUR/USD; repeat it. Default: all."),
    ] = None,
    max_size: Annotated[
        list[str] | None,
        typer.Option(metavar="CODE=AMOUNT", help="Largest order in a currency, such as EUR=1000000; repeat it."),
    ] = None,
    issuer: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Who vouches, one of the venue file's issuers. Default: the sandbox issuer."),
    ] = None,
    show: Annotated[bool, typer.Option("--show", help="Print the token itself, for another program.")] = False,
    venue: VenueDir = Path(),
    as_json: Json = False,
) -> None:
    """Let an issuer whose key is kept here vouch for an account: make its KYC token.

    The token is kept in the venue's tokens/ directory, readable by you alone, where --as ACCOUNT finds it. It replaces
    the one before it, which stays good until it runs out or is revoked.
    """
    with answering(as_json):
        home = Home(venue)
        path = home.issue_token(
            account,
            level=level,
            jurisdiction=jurisdiction,
            currencies=currency or [],
            lifetime_s=days * 86_400,
            client_key=public_key(client_key) if client_key else "",
            scope=_scope(home.venue, action, instrument, max_size),
            issuer_name=issuer,
        )
        text = home.token(account)
        key = _parts(text)[1].get("cnf", {}).get("curve")
    if as_json:
        said = {"account": account, "level": level, "file": str(path), "client_key": key}
        print_json(said | ({"token": text} if show else {}))
    elif show:
        print(text)
    else:
        console.print(f"Vouched for [bold]{account}[/] as {level} for {days} days: {path}")
        if key:
            console.print(f"It is good on connections with the CURVE key {escape(key)} alone.")


@commands.command()
def inspect(
    token: Annotated[
        str, typer.Argument(metavar="ACCOUNT|FILE", help="An account whose token is kept here, or a token's file.")
    ],
    venue: VenueDir = Path(),
    as_json: Json = False,
) -> None:
    """Show what a token says, and whether this venue would take it now. The token itself is not shown.

    Whether it was revoked only the running venue knows: it says so at logon.
    """
    with answering(as_json):
        home = Home(venue)
        text = _text(home, token)
        header, claims = _parts(text)
        bound = claims.get("cnf")
        key = bound.get("curve") if isinstance(bound, dict) else None
        verdict = TokenVerifier(home.venue).verify(text, time.time_ns(), key if isinstance(key, str) else None)
        good = isinstance(verdict, Credential)
    refusal = None if isinstance(verdict, Credential) else {"code": int(verdict), "text": verdict.text}
    if as_json:
        print_json({"good": good, "refusal": refusal, "header": header, "claims": claims})
        return
    rows = [("kid", header.get("kid")), *claims.items()]
    print_table(["claim", "value"], [[escape(_in_words("", name)), escape(_in_words(name, v))] for name, v in rows])
    if refusal:
        console.print(f"[bold red]Refused here[/] [dim]{refusal['code']}[/]  {escape(str(refusal['text']))}")
    else:
        console.print("[green]This venue takes it[/], unless it was revoked." + (_ONLY_WITH_KEY if key else ""))


@commands.command()
def revoke(
    account: Annotated[
        str | None, typer.Argument(metavar="[ACCOUNT]", help="An account whose token is kept here ...")
    ] = None,
    token_id: Annotated[
        str | None, typer.Option(metavar="JTI", help="... or the id of any token: its claim jti.")
    ] = None,
    client_order_id: ClientOrderId = None,
    venue: VenueDir = Path(),
    as_json: Json = False,
) -> None:
    """Take a token back, for good: whoever logged on with it loses its open orders at once.

    The account itself stays; it can log on with a new token. To stop an account altogether: fxengine freeze.
    """
    with answering(as_json):
        if (account is None) == (token_id is None):
            raise FxEngineError("say which token: an account whose token is kept here, or --token-id JTI")
        jti = token_id or str(_parts(Home(venue).token(account or ""))[1].get("jti"))
        with operator(venue) as (client, _):
            done = with_own_id(lambda: client.revoke_token(jti, client_order_id=client_order_id), client_order_id)
    if as_json:
        print_json({"token_id": jti, "client_order_id": done.client_order_id, "sequence": done.sequence})
    else:
        console.print(f"Revoked token {escape(jti)}   (client order id {done.client_order_id})")


def _scope(
    venue: Venue, actions: list[Action] | None, instruments: list[str] | None, sizes: list[str] | None
) -> dict[str, object]:
    """Build the claim ``scope``; refuse names that the venue does not list, which would allow or bound nothing."""
    scope: dict[str, object] = {}
    if actions:
        scope["actions"] = [action.value for action in actions]
    for symbol in instruments or ():
        if symbol not in venue.instrument:
            raise FxEngineError(f"{symbol} is not listed here; listed are {', '.join(venue.instrument)}")
    if instruments:
        scope["instruments"] = instruments
    bounds = {}
    for size in sizes or ():
        code, _, amount = size.partition("=")
        if code not in venue.currency:
            raise FxEngineError(f"--max-size {size!r} does not begin with a currency listed here, as in EUR=1000000")
        if venue.currency[code].units(amount) <= 0:
            raise AmountError(f"--max-size {size!r} allows nothing")
        bounds[code] = amount
    if bounds:
        scope["size"] = bounds
    parse_scope(scope, venue)
    return scope


def _text(home: Home, token: str) -> str:
    """Return a token kept here for an account, or one in a file."""
    path = Path(token)
    if not path.is_file():
        return home.token(token)
    with path.open("rb") as file:
        return file.read(_FILE_BYTES_MAX).decode("ascii", "replace").strip()


def _parts(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return a token's header and claims as they stand, unverified."""
    try:
        header, claims = (json.loads(base64.urlsafe_b64decode(part + "==")) for part in token.split(".")[:2])
    except (ValueError, binascii.Error):
        header = claims = None
    if not isinstance(header, dict) or not isinstance(claims, dict):
        raise FxEngineError(
            "this is not a KYC token: a JWT has three parts, and the first two are JSON objects in base64url"
        )
    return header, claims


def _in_words(name: str, value: object) -> str:
    """Write a claim for a terminal; what could steer the terminal is written as JSON."""
    if name in {"iat", "nbf", "exp"} and type(value) is int and 0 < value < _YEAR_9999_S:
        return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(value))
    return value if isinstance(value, str) and value.isprintable() else json.dumps(value)
