"""Commands about keys of a chain's accounts, and a chain of one's own to try them on."""

import signal
import sys
import threading
from getpass import getpass
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from fxengine.cli.chain_options import key_of, on_chain
from fxengine.cli.output import Json, answering, console, print_json
from fxengine.errors import ChainError

commands = typer.Typer()
_ETHER = 10**18
_WATCH_S = 0.5


@commands.command("new-key")
def new_key(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where the keystore goes; it must not exist.")],
    password_file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A file with its password, for its owner alone. Default: asked for."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Make a new key, and keep it in a keystore file that a password opens (Web3 Secret Storage, version 3)."""
    with answering(as_json):
        from fxengine.chain.keys import Key, write_keystore
        from fxengine.private_files import read_private

        if password_file is not None:
            password = read_private(password_file, "password").decode().rstrip("\r\n")
        elif sys.stdin.isatty():
            password = getpass(f"password for {file}: ")
            if getpass("the same again: ") != password:
                raise ChainError("BAD_PASSWORD", "those were two different passwords; nothing was made")
        else:
            raise ChainError("BAD_PASSWORD", "say --password-file FILE, or type the password at a terminal")
        key = Key.new()
        write_keystore(file, key, password)
    if as_json:
        print_json({"address": key.address, "file": str(file)})
    else:
        console.print(f"{key.address}: {escape(str(file))}", soft_wrap=True)


@commands.command()
def address(
    role: Annotated[
        str, typer.Argument(metavar="ROLE", help="owner, operator, guardian, registrar, or account: a customer's own.")
    ],
    as_json: Json = False,
) -> None:
    """Print the address of a role's key, as the environment names it."""
    with answering(as_json):
        found = key_of(role).address
    if as_json:
        print_json({"role": role, "address": found})
    else:
        print(found)


@commands.command()
def node(
    port: Annotated[int, typer.Option(min=0, max=65535, help="Where it listens on this machine; 0: anywhere.")] = 8545,
    block_time: Annotated[
        float, typer.Option(metavar="SECONDS", min=0, help="Between blocks; 0: every transaction makes a block.")
    ] = 1.0,
    fund: Annotated[
        list[str] | None,
        typer.Option(
            metavar="WHO",
            help="Who has 1,000 of its coin: an address, or a role whose key is here; repeat it for each.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Run a chain of your own, for trying things out: anvil, which is installed by npm the first time.

    A block is final when four stand on it. The chain is gone when the command ends, by Ctrl-C or a signal.
    """
    with on_chain(as_json) as chain:
        from fxengine.chain.contract import checked_address
        from fxengine.chain.local_node import LocalNode

        addresses = [checked_address(who if who.startswith("0x") else key_of(who).address) for who in fund or []]
        asked_to_stop = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: asked_to_stop.set())
        with LocalNode(port=port, block_time_s=block_time or None) as running:
            client = chain.node(running.url)
            for one in addresses:
                client.call("anvil_setBalance", one, hex(1_000 * _ETHER))
            facts = {"rpc": running.url, "chain_id": int(client.call("eth_chainId"), 16), "funded": addresses}
            if as_json:
                print_json(facts)
            else:
                print(f"chain {facts['chain_id']} at {running.url}; it ends with Ctrl-C", flush=True)
            while not asked_to_stop.wait(_WATCH_S):
                if running.process.poll() is not None:
                    raise ChainError("NO_NODE", f"anvil ended by itself: {' '.join(running.said)[-600:]}")
