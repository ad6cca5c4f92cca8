"""Commands about who may do what on chain, and about the brakes."""

from pathlib import Path
from typing import Annotated

import typer

from fxengine.cli.chain_options import DeploymentDir, NodeUrl, key_of, moment, on_chain, one_of, shown_receipt
from fxengine.cli.connect import VenueDir
from fxengine.cli.output import Json, print_json, print_table
from fxengine.errors import ChainError

commands = typer.Typer()


@commands.command()
def roles(
    offer: Annotated[
        str | None, typer.Option(metavar="ROLE=ADDRESS", help="Offer a role to an address, as the owner.")
    ] = None,
    accept: Annotated[
        str | None,
        typer.Option(metavar="ROLE", help="Take a role that was offered, with the key of that role here."),
    ] = None,
    venue: VenueDir = Path(),
    directory: DeploymentDir = None,
    rpc: NodeUrl = None,
    as_json: Json = False,
) -> None:
    """Show who has the vault's roles, or pass one on in two steps: the owner offers it, the new one accepts.

    ROLE is owner, operator, guardian or registrar. Until it is accepted, the old holder keeps it.
    """
    with on_chain(as_json) as chain:
        doing = one_of(offer=offer is not None, accept=accept is not None)
        admin = chain.administered(venue, directory, rpc)
        receipt = None
        if offer is not None:
            role, equals, address = offer.partition("=")
            if not equals:
                raise ChainError("WHICH_ROLE", f"a role is offered by ROLE=ADDRESS, not {offer!r}")
            receipt = admin.offer_role(key_of("OWNER"), role, address)
            done = f"The role of {role} is offered to {address}"
        elif accept is not None:
            if accept not in (known := admin.roles()):
                raise ChainError("NO_SUCH_ROLE", f"{accept!r} is no role; there are {', '.join(known)}")
            receipt = admin.accept_role(key_of(accept.upper()), accept)
            done = f"The role of {accept} is taken"
        found = admin.roles()
    lines = {role: {"address": has, "offered_to": offered} for role, (has, offered) in found.items()}
    if doing:
        shown_receipt(as_json, done, receipt, roles=lines)
    elif as_json:
        print_json({"roles": lines})
    else:
        rows = [[role, has, offered or ""] for role, (has, offered) in found.items()]
        print_table(["role", "address", "offered to"], rows)


@commands.command()
def pause(
    off: Annotated[bool, typer.Option("--off", help="Let settlement and deposits go on again.")] = False,
    venue: VenueDir = Path(),
    directory: DeploymentDir = None,
    rpc: NodeUrl = None,
    as_json: Json = False,
) -> None:
    """Stop settlement and deposits in the vault, as the guardian. Exits go on, and a long pause ends in a freeze."""
    with on_chain(as_json) as chain:
        receipt = chain.administered(venue, directory, rpc).set_paused(key_of("GUARDIAN"), not off)
    shown_receipt(as_json, f"The vault is {'not ' if off else ''}paused", receipt, paused=not off)


@commands.command()
def heartbeat(
    venue: VenueDir = Path(),
    directory: DeploymentDir = None,
    rpc: NodeUrl = None,
    as_json: Json = False,
) -> None:
    """Say that the operator of a quiet venue is there, as the operator. A batch says so too.

    Without either for longer than the vault's silence anybody may end it: 'fxengine chain status' shows from when on.
    Send it while no batch is on its way: it takes the operator's next nonce.
    """
    with on_chain(as_json) as chain:
        admin = chain.administered(venue, directory, rpc)
        receipt = admin.heartbeat(key_of("OPERATOR"))
        seen = moment(admin.status().operator_seen)
    shown_receipt(as_json, f"The operator was seen at {seen}", receipt, operator_seen=seen)


@commands.command()
def freeze(
    venue: VenueDir = Path(),
    directory: DeploymentDir = None,
    rpc: NodeUrl = None,
    as_json: Json = False,
) -> None:
    """End the vault when its operator has been silent too long: exits without delay, nothing else, for good.

    Anybody may, with any key that can pay for gas (FXENGINE_ACCOUNT_KEYSTORE or FXENGINE_ACCOUNT_KEY).
    """
    with on_chain(as_json) as chain:
        receipt = chain.administered(venue, directory, rpc).freeze(key_of("ACCOUNT"))
    shown_receipt(as_json, "The vault is frozen: exits only, without delay", receipt, frozen=True)
