"""Commands about accounts on chain: binding one to an address, paying in, and leaving."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fxengine.cli.chain_options import (
    CurrencyCode,
    DeploymentDir,
    NodeUrl,
    directory_of,
    key_of,
    moment,
    on_chain,
    one_of,
    shown_receipt,
)
from fxengine.cli.connect import Amount, VenueDir
from fxengine.cli.output import Json, console, print_json
from fxengine.errors import ChainError
from fxengine.home import Home
from fxengine.money import format_scaled, parse_scaled

if TYPE_CHECKING:
    from fxengine.chain.admin import Administration
    from fxengine.chain.deployment import Token

commands = typer.Typer()
_DAY_S = 86_400


@commands.command()
def register(
    account: Annotated[
        str, typer.Argument(metavar="ACCOUNT", help="Its number, or its name in the books: 'maker-1', or 'fees'.")
    ],
    address: Annotated[str | None, typer.Argument(metavar="ADDRESS", help="The address of the customer's key.")] = None,
    days: Annotated[int, typer.Option(min=1, max=3660, help="For how many days it may deposit.")] = 365,
    freeze: Annotated[bool, typer.Option("--freeze", help="Block its deposits and its exit instead.")] = False,
    unfreeze: Annotated[bool, typer.Option("--unfreeze", help="Let them go on again instead.")] = False,
    ledger: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Books that have its name. Default: the deployment's, or the venue's."),
    ] = None,
    venue: VenueDir = Path(),
    directory: DeploymentDir = None,
    rpc: NodeUrl = None,
    as_json: Json = False,
) -> None:
    """Bind an account of the venue to an address, as the registrar. Neither is ever bound again.

    Said once more for a bound account, it renews how long that may deposit. A holder who loses a key gets a new account
    at the venue, and the venue moves the balance there.
    """
    with on_chain(as_json) as chain:
        brake = one_of(freeze=freeze, unfreeze=unfreeze)
        if (address is None) != (brake is not None):
            raise ChainError("WHICH_ADDRESS", "say the ADDRESS to bind the account to, or --freeze or --unfreeze")
        admin = chain.administered(venue, directory, rpc)
        number = _number(account, ledger, venue, directory_of(venue, directory))
        key = key_of("REGISTRAR")
        if address is None:
            receipt = admin.set_frozen(key, number, brake == "freeze")
            done = f"Account {number} is {'frozen' if brake == 'freeze' else 'not frozen'}"
        else:
            until = (int(time.time()) // _DAY_S + days) * _DAY_S
            receipt = admin.register(key, number, address, until)
            done = f"Account {number} is bound to {address}"
        bound = admin.binding(number)
    facts = {"account": number, "address": bound.address, "kyc_until": moment(bound.kyc_until), "frozen": bound.frozen}
    shown_receipt(as_json, done, receipt, **facts)


@commands.command()
def deposit(
    currency: CurrencyCode,
    amount: Amount,
    venue: VenueDir = Path(),
    directory: DeploymentDir = None,
    rpc: NodeUrl = None,
    as_json: Json = False,
) -> None:
    """Pay a stablecoin into the vault, with the customer's own key (FXENGINE_ACCOUNT_KEYSTORE or FXENGINE_ACCOUNT_KEY).

    The vault is allowed to take exactly this amount, then takes it. The venue credits it once its block is final.
    """
    with on_chain(as_json) as chain:
        admin = chain.administered(venue, directory, rpc)
        token, key = admin.deployment.token(currency), key_of("ACCOUNT")
        account = admin.account_of(key.address)
        receipt = admin.deposit(key, token, _units(amount, token))
        facts = _position(admin, account, token)
    shown_receipt(as_json, f"Account {account} has paid in {amount} {currency}", receipt, **facts)


@commands.command()
def withdraw(
    currency: CurrencyCode,
    amount: Annotated[
        str | None, typer.Argument(metavar="[AMOUNT]", help="With --request: how much. Default: the whole balance.")
    ] = None,
    request: Annotated[bool, typer.Option("--request", help="Set it apart; the delay begins.")] = False,
    cancel: Annotated[bool, typer.Option("--cancel", help="Put what is set apart back into the balance.")] = False,
    take: Annotated[bool, typer.Option("--take", help="Receive what is set apart, once the delay is over.")] = False,
    to: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="With --take: who receives it. Default: the key's address.")
    ] = None,
    venue: VenueDir = Path(),
    directory: DeploymentDir = None,
    rpc: NodeUrl = None,
    as_json: Json = False,
) -> None:
    """Leave the vault without the venue's help, with the customer's own key; or show what is set apart.

    First --request, then, after the exit delay, --take. What the account's trades still owe is settled from what is set
    apart. It works while the vault is paused and when the operator is gone; only a freeze of the account stops it.
    """
    with on_chain(as_json) as chain:
        doing = one_of(request=request, cancel=cancel, take=take)
        if (amount is not None and doing != "request") or (to is not None and doing != "take"):
            raise ChainError("WHICH_STEP", "AMOUNT goes with --request, and --to with --take")
        admin = chain.administered(venue, directory, rpc)
        token, key = admin.deployment.token(currency), key_of("ACCOUNT")
        account = admin.account_of(key.address)
        receipt = None
        if doing == "request":
            units = admin.balance(account, token) if amount is None else _units(amount, token)
            receipt = admin.request_withdraw(key, token, units)
            done = f"Set apart {format_scaled(units, token.unit_decimals)} {currency}"
        elif doing == "cancel":
            receipt = admin.cancel_withdraw(key, token)
            done = f"Nothing of account {account}'s {currency} is set apart any more"
        elif doing == "take":
            units = admin.request(account, token).units
            receipt = admin.withdraw(key, token, to or key.address)
            done = f"Paid out {format_scaled(units, token.unit_decimals)} {currency} to {to or key.address}"
        facts = _position(admin, account, token)
    if doing is None:
        _show_position(currency, facts, as_json)
    else:
        shown_receipt(as_json, done, receipt, **facts)


@commands.command()
def mint(
    currency: CurrencyCode,
    amount: Amount,
    to: Annotated[str, typer.Option(metavar="ADDRESS", help="Who receives it.")],
    venue: VenueDir = Path(),
    directory: DeploymentDir = None,
    rpc: NodeUrl = None,
    as_json: Json = False,
) -> None:
    """Issue play money: some of a stablecoin that 'deploy --sandbox-tokens' made, as its issuer, the owner."""
    with on_chain(as_json) as chain:
        admin = chain.administered(venue, directory, rpc)
        token = admin.deployment.token(currency)
        receipt = admin.mint(key_of("OWNER"), token, to, _units(amount, token))
    shown_receipt(as_json, f"Issued {amount} {currency} to {to}", receipt, currency=currency, amount=amount, to=to)


def _number(account: str, ledger: str | None, venue: Path, directory: Path) -> int:
    """Return an account's number; a name is looked up in the books."""
    if account.isascii() and account.isdigit() and len(account) <= 10:
        return int(account)
    from fxengine.ledger.holders import find_holder
    from fxengine.ledger.reading import BOOKS_OF_A_CHAIN, open_reader

    on_chain = f"evm:{directory}" if (directory / BOOKS_OF_A_CHAIN).exists() else None
    with open_reader(Home(venue).ledger(ledger or on_chain)) as reader:
        return find_holder(reader, account).account


def _units(amount: str, token: "Token") -> int:
    return parse_scaled(amount, token.unit_decimals)


def _position(admin: "Administration", account: int, token: "Token") -> dict[str, object]:
    request = admin.request(account, token)
    return {
        "account": account,
        "currency": token.currency,
        "balance": format_scaled(admin.balance(account, token), token.unit_decimals),
        "set_apart": format_scaled(request.units, token.unit_decimals),
        "ready_at": moment(request.ready_at),
    }


def _show_position(currency: str, facts: dict[str, object], as_json: bool) -> None:
    if as_json:
        print_json(facts)
        return
    console.print(f"Account {facts['account']} has {facts['balance']} {currency}")
    if facts["ready_at"]:
        console.print(f"and {facts['set_apart']} {currency} set apart, to be taken from {facts['ready_at']}")
