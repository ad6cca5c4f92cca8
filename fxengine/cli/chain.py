"""Commands about a venue's contracts on a chain: where they stand, and what settling costs."""

from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from fxengine.cli.chain_accounts import commands as accounts
from fxengine.cli.chain_deploy import commands as deploying
from fxengine.cli.chain_keys import commands as keys
from fxengine.cli.chain_options import DeploymentDir, NodeUrl, moment, on_chain
from fxengine.cli.chain_prove import commands as proving
from fxengine.cli.chain_roles import commands as roles
from fxengine.cli.connect import VenueDir
from fxengine.cli.output import Json, answering, console, print_json, print_table
from fxengine.errors import ChainError
from fxengine.money import format_scaled

commands = typer.Typer(
    name="chain",
    no_args_is_help=True,
    help=(
        "Deploy and run a venue's contracts on a chain (fxengine\\[evm]).\n\n"
        "Commands find the deployment in DIR/chain of the venue's directory, or in --dir, and the node at --rpc or in "
        "the variable FXENGINE_RPC. Keys come from the environment or a keystore file, never from the command line: "
        "FXENGINE_OWNER_KEYSTORE with FXENGINE_OWNER_PASSWORD_FILE, or FXENGINE_OWNER_KEY; likewise for OPERATOR, "
        "GUARDIAN, REGISTRAR, and ACCOUNT, a customer's own."
    ),
)
for group in (deploying, accounts, roles, keys, proving):
    commands.add_typer(group)


@commands.callback()
def _group() -> None:
    """Hold the group's help."""


@commands.command()
def status(
    venue: VenueDir = Path(),
    directory: DeploymentDir = None,
    rpc: NodeUrl = None,
    as_json: Json = False,
) -> None:
    """Show where the vault stands: its last batch, its brakes, and each token's liabilities against what it holds.

    Exits with 1 when the vault holds less of a token than it owes.
    """
    with on_chain(as_json) as chain:
        admin = chain.administered(venue, directory, rpc)
        now, deployment = admin.status(), admin.deployment
        lines = [
            {
                "currency": token.currency,
                "tid": token.tid,
                "token": token.token,
                "liabilities": format_scaled(admin.liabilities(token), token.unit_decimals),
                "held": format_scaled(admin.held(token), token.unit_decimals),
                "covered": admin.held(token) >= admin.liabilities(token),
            }
            for token in deployment.tokens
        ]
    covered = all(line["covered"] for line in lines)
    facts = {
        "chain_id": deployment.chain_id,
        "vault": deployment.vault,
        "venue": deployment.venue,
        "finality": deployment.finality,
        "block": now.block_number,
        "block_time": moment(now.block_time),
        "batch": now.batch_id,
        "last_sequence": now.last_sequence,
        "head": now.head.hex(),
        "paused": now.paused,
        "frozen_since": moment(now.frozen_since),
        "operator_seen": moment(now.operator_seen),
        "freezable_from": None if now.frozen_since else moment(now.operator_seen + deployment.silence_s + 1),
        "exit_delay_s": deployment.exit_delay_s,
        "silence_s": deployment.silence_s,
    }
    if as_json:
        print_json(facts | {"tokens": lines, "covered": covered})
    else:
        for name, value in facts.items():
            console.print(f"{name.replace('_', ' '):<14} {escape(str(value)) if value not in (None, '') else 'never'}")
        console.print()
        print_table(
            ["currency", ">owed", ">held", "", "token"],
            [
                [
                    str(line["currency"]),
                    str(line["liabilities"]),
                    str(line["held"]),
                    "" if line["covered"] else "[bold red]LESS THAN OWED[/]",
                    str(line["token"]),
                ]
                for line in lines
            ],
        )
    if not covered:
        raise typer.Exit(1)


@commands.command()
def cost(
    gas_price: Annotated[str, typer.Option(metavar="GWEI", help="The price of gas, such as 0.01 or 1.")],
    eth_usd: Annotated[str, typer.Option(metavar="N", help="What the chain's own coin costs, in US dollars.")] = "3000",
    as_json: Json = False,
) -> None:
    """Show from which size on a trade's settlement costs under 0.1 %, for batches of several sizes.

    The gas is measured: receipts of a real node for random pairs of accounts and currencies, which is the worst case
    for netting. On a rollup the price of publishing the calldata on its first layer comes on top.
    """
    with answering(as_json):
        from fxengine.chain.cost import costs

        found = costs(_price(gas_price), _price(eth_usd))
    if as_json:
        print_json(
            {
                "gas_price_gwei": gas_price,
                "eth_usd": eth_usd,
                "share": "0.001",
                "batches": [
                    {
                        "currencies": line.currencies,
                        "accounts": line.accounts,
                        "trades": line.trades,
                        "gas_per_trade": line.gas_per_trade,
                        "usd_per_trade": f"{line.usd_per_trade:f}",
                        "usd_trade_min": f"{line.usd_trade_min:f}",
                    }
                    for line in found
                ],
            }
        )
        return
    columns = [">currencies", ">accounts", ">trades", ">gas a trade", ">USD a trade", ">under 0.1 % from USD"]
    rows = [
        [
            str(line.currencies),
            str(line.accounts),
            str(line.trades),
            f"{line.gas_per_trade:,}",
            f"{line.usd_per_trade:f}",
            f"{line.usd_trade_min:,f}",
        ]
        for line in found
    ]
    print_table(columns, rows, title=f"A trade's part of its batch at {gas_price} gwei and {eth_usd} USD")
    console.print("On a rollup, what it pays to publish the calldata on its first layer comes on top.")


def _price(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        raise ChainError("BAD_PRICE", f"a price is a number, such as 0.01, not {text!r}") from None
