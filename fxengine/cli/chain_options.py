"""What the commands about a chain share: their options, how they find things, and how they answer."""

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime
from getpass import getpass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fxengine.cli.output import answering, console, print_json
from fxengine.errors import ChainError

if TYPE_CHECKING:
    from fxengine.chain.admin import Administration
    from fxengine.chain.keys import Key
    from fxengine.chain.rpc import Rpc

DeploymentDir = Annotated[
    Path | None,
    typer.Option(
        "--dir", metavar="DIR", help="Where deployment.json stands. Default: 'chain' in the venue's directory."
    ),
]
NodeUrl = Annotated[
    str | None,
    typer.Option(
        "--rpc",
        metavar="URL",
        help="A node's JSON-RPC address. One with a key in it belongs into the variable FXENGINE_RPC instead. "
        "Default: http://127.0.0.1:8545.",
    ),
]
CurrencyCode = Annotated[str, typer.Argument(metavar="CURRENCY", help="A listed currency's code, such as HKD.")]


def directory_of(venue: Path, directory: Path | None) -> Path:
    """Return where the deployment stands."""
    return directory if directory is not None else venue / "chain"


class OnChain:
    """What a command has open; :func:`on_chain` closes it."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack

    def node(self, url: str | None) -> "Rpc":
        """Return the node that is meant."""
        from fxengine.chain.rpc import ENVIRONMENT, RPC_DEFAULT, Rpc

        return self._stack.enter_context(closing(Rpc(url or os.environ.get(ENVIRONMENT) or RPC_DEFAULT)))

    def administered(self, venue: Path, directory: Path | None, url: str | None) -> "Administration":
        """Return the deployment that is meant, through the node that is meant."""
        from fxengine.chain.admin import Administration
        from fxengine.chain.deployment import Deployment

        return Administration(Deployment.load(directory_of(venue, directory)), self.node(url))


@contextmanager
def on_chain(as_json: bool) -> Iterator[OnChain]:
    """Answer as every command does, and close what was opened."""
    with answering(as_json), ExitStack() as stack:
        yield OnChain(stack)


def key_of(role: str) -> "Key":
    """Return a role's key; at a terminal a keystore's password is asked for."""
    from fxengine.chain.keys import Role, load_key

    if role.upper() not in Role.__members__:
        raise ChainError("NO_SUCH_ROLE", f"{role!r} is nobody's key; there are {', '.join(r.lower() for r in Role)}")
    return load_key(role.upper(), ask=getpass if sys.stdin.isatty() else None)


def moment(seconds: int) -> str | None:
    """Write a block's time; None for never."""
    if not seconds:
        return None
    try:
        return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")
    except (OverflowError, ValueError, OSError):  # beyond the calendar: a binding without an end
        return "for ever"


def shown_receipt(as_json: bool, done: str, receipt: Mapping[str, Any] | None, **facts: object) -> None:
    """Answer for a transaction that was included, or for one that was not needed."""
    found: dict[str, object] = {
        "done": receipt is not None,
        **facts,
        "transaction": receipt["transactionHash"] if receipt else None,
        "block": int(receipt["blockNumber"], 16) if receipt else None,
    }
    if as_json:
        print_json(found)
    elif receipt:
        console.print(f"{done} [dim](block {found['block']}, {found['transaction']})[/]", soft_wrap=True)
    else:
        console.print(f"{done} [dim](it was so already)[/]")


def one_of(**given: bool) -> str | None:
    """Return the one option that was given, or None. Raises :class:`ChainError` where several were."""
    names = [name for name, is_given in given.items() if is_given]
    if len(names) > 1:
        raise ChainError("ONE_AT_A_TIME", f"say only one of {', '.join(f'--{name}' for name in given)}")
    return names[0] if names else None
