"""Commands that put a venue's contracts on a chain, and its currencies into the vault."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from fxengine.cli.chain_options import CurrencyCode, DeploymentDir, NodeUrl, directory_of, key_of, on_chain
from fxengine.cli.connect import VenueDir
from fxengine.cli.output import Json, console, print_json
from fxengine.errors import ChainError
from fxengine.home import Home
from fxengine.venue import Currency, Venue

if TYPE_CHECKING:
    from fxengine.chain.deployment import Deployment

commands = typer.Typer()


@commands.command()
def deploy(
    data_dir: Annotated[
        Path, typer.Argument(metavar="DATA_DIR", envvar="FXENGINE_VENUE", help="The venue's directory.")
    ] = Path(),
    directory: DeploymentDir = None,
    rpc: NodeUrl = None,
    operator: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="Who settles. Default: the address of the operator's key.")
    ] = None,
    guardian: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="Who may pause. Default: that of the guardian's key.")
    ] = None,
    registrar: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="Who binds and freezes accounts. Default: that of the registrar's key."),
    ] = None,
    token: Annotated[
        list[str] | None,
        typer.Option(
            metavar="CODE=ADDRESS", help="A currency's stablecoin; repeat it for each. The others can be listed later."
        ),
    ] = None,
    sandbox_tokens: Annotated[
        bool, typer.Option("--sandbox-tokens", help="Deploy a stablecoin of play money for each currency without one.")
    ] = False,
    finality: Annotated[
        str, typer.Option(metavar="POLICY", help="When a block counts as final: finalized, safe or depth:N.")
    ] = "finalized",
    exit_delay: Annotated[
        int, typer.Option("--exit-delay-s", min=1, help="Seconds from a withdrawal's request until it may be taken.")
    ] = 86_400,
    silence: Annotated[
        int, typer.Option("--silence-s", min=1, help="Seconds of the operator's silence until anyone may freeze.")
    ] = 7 * 86_400,
    as_json: Json = False,
) -> None:
    """Deploy the venue's vault, and list its currencies' tokens there.

    It signs as the owner (FXENGINE_OWNER_KEYSTORE or FXENGINE_OWNER_KEY), who needs some of the chain's coin for gas.
    What was done is kept in DIR/deployment.json. Run it again at any time: what is done is not done twice, and what was
    interrupted goes on. The vault's terms cannot be changed later; its roles can ('fxengine chain roles').
    """
    with on_chain(as_json) as chain:
        from fxengine.chain.deploying import Deployer, Terms, begin
        from fxengine.custody.enlisting import enlist

        venue = Home(data_dir).venue
        tokens = _tokens(token or [], venue)
        client, key = chain.node(rpc), key_of("OWNER")
        terms = Terms(
            operator or _address_of("OPERATOR"),
            guardian or _address_of("GUARDIAN"),
            registrar or _address_of("REGISTRAR"),
            exit_delay_s=exit_delay,
            silence_s=silence,
            finality=finality,
        )
        deployment = begin(directory_of(data_dir, directory), venue, client, key.address, terms)

        def told(name: str, outcome: str) -> None:
            if not as_json:
                console.print(f"  {name:<14} {escape(outcome)}", soft_wrap=True)

        deployer = Deployer(deployment, client, key, told=told)
        deployer.vault()
        missing: list[str] = []
        for currency in venue.currencies:
            known = {listed.currency: listed.token for listed in deployment.tokens}
            address = tokens.get(currency.code) or known.get(currency.code)
            if address is None and sandbox_tokens and not missing:
                address = deployer.sandbox_token(currency)
            if address is None or missing:  # the vault numbers them as they come, so none is listed past a gap
                missing.append(currency.code)
                continue
            deployer.list_token(currency, address)
        if enlist(Home(data_dir), (listed.currency for listed in deployment.tokens)):
            told("venue.toml", "lists the vault as the issuer of what it holds; serve the venue again")
    _show(deployment, missing, as_json)


@commands.command("list-token")
def list_token(
    currency: CurrencyCode,
    address: Annotated[
        str | None, typer.Argument(metavar="ADDRESS", help="The stablecoin's contract: an ERC-20 with decimals.")
    ] = None,
    sandbox: Annotated[bool, typer.Option("--sandbox", help="Deploy one of play money instead.")] = False,
    venue: VenueDir = Path(),
    directory: DeploymentDir = None,
    rpc: NodeUrl = None,
    as_json: Json = False,
) -> None:
    """List the next currency's stablecoin in the vault, as the owner. It is for good.

    Currencies are listed in the venue's order. The token must neither charge for transfers nor change balances by
    itself: deposits of one that does are refused.
    """
    with on_chain(as_json) as chain:
        from fxengine.chain.deploying import Deployer
        from fxengine.chain.deployment import Deployment
        from fxengine.custody.enlisting import enlist

        if (address is None) != sandbox:
            raise ChainError("WHICH_TOKEN", "say the token's ADDRESS, or --sandbox for one of play money")
        deployment = Deployment.load(directory_of(venue, directory))
        deployer = Deployer(deployment, chain.node(rpc), key_of("OWNER"))
        deployer.vault()
        wanted = _currency(Home(venue).venue, currency)
        line = deployer.list_token(wanted, address or deployer.sandbox_token(wanted))
        enlist(Home(venue), (listed.currency for listed in deployment.tokens))
    if as_json:
        print_json({"currency": line.currency, "tid": line.tid, "token": line.token, "decimals": line.decimals})
    else:
        console.print(f"{line.currency} is number {line.tid}: {line.token}", soft_wrap=True)


def _show(deployment: "Deployment", missing: list[str], as_json: bool) -> None:
    if as_json:
        print_json(
            {
                "file": str(deployment.path),
                "chain_id": deployment.chain_id,
                "vault": deployment.vault,
                "block": deployment.deployed_block,
                "tokens": {token.currency: token.token for token in deployment.tokens},
                "missing": missing,
            }
        )
        return
    console.print(
        f"Deployed on chain {deployment.chain_id}; {escape(str(deployment.path))} says where.", soft_wrap=True
    )
    if missing:
        console.print(f"Not listed yet: {', '.join(missing)}. Next: fxengine chain list-token {missing[0]} ADDRESS")


def _tokens(given: list[str], venue: Venue) -> dict[str, str]:
    from fxengine.chain.contract import checked_address

    found = {}
    for text in given:
        code, equals, address = text.partition("=")
        if not equals:
            raise ChainError("WHICH_TOKEN", f"a token is named CODE=ADDRESS, not {text!r}")
        found[_currency(venue, code).code] = checked_address(address)
    return found


def _currency(venue: Venue, code: str) -> Currency:
    found = venue.currency.get(code)
    if found is None:
        raise ChainError("NO_SUCH_CURRENCY", f"the venue has no currency {code!r}; it has {', '.join(venue.currency)}")
    return found


def _address_of(role: str) -> str:
    """Return the address of a role's key where it is at hand."""
    if not any(os.environ.get(f"FXENGINE_{role}_{form}") for form in ("KEY", "KEYSTORE")):
        raise ChainError("ROLE_MISSING", f"say who the {role.lower()} is: --{role.lower()} ADDRESS")
    return key_of(role).address
