"""The ledger behind ``evm:DIRECTORY``: books here, settlement in a vault on a chain.

``DIRECTORY`` holds the deployment file, the books and the lease. What differs from start to start stands in the
URL (``evm:DIRECTORY?max_fee_gwei=50``) and what is secret in the environment: the node's address in FXENGINE_RPC,
the operator's key in FXENGINE_OPERATOR_KEYSTORE or FXENGINE_OPERATOR_KEY.
"""

import os
import sys
from getpass import getpass
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl

from fxengine.errors import ChainError, LedgerError, LedgerMismatch, MissingExtraError
from fxengine.ledger.batch import Cursor
from fxengine.venue import Venue

try:
    from fxengine.chain.calldata import Interface
    from fxengine.chain.deployment import Deployment
    from fxengine.chain.keys import Role, load_key
    from fxengine.chain.rpc import ENVIRONMENT, RPC_DEFAULT, Rpc
    from fxengine.contracts import VAULT, load
    from fxengine.ledger.evm.fees import GWEI
    from fxengine.ledger.evm.ledger import EvmLedger, Settings
    from fxengine.ledger.evm.vault import Vault
except MissingExtraError as e:
    raise MissingExtraError("evm", "a ledger on a chain") from e

__all__ = ["EvmLedger", "open_evm"]

_URL: Final = "evm:DIRECTORY[?max_fee_gwei=N][&resend=final]"


def open_evm(rest: str, venue: Venue) -> EvmLedger:
    """Open ``evm:DIRECTORY``: the deployment that ``fxengine chain deploy`` made there, as its operator.

    The node need not answer yet; where it does, it must be on the right chain and know the vault's history.
    Raises :class:`LedgerError` for what is no deployment, for a missing key, and where another process posts;
    :class:`LedgerMismatch` for another venue's.
    """
    directory, settings = _parsed(rest)
    try:
        site = Deployment.load(directory)
    except ChainError as e:
        raise LedgerError(str(e)) from None
    if site.genesis_head != Cursor.genesis(venue).head:
        raise LedgerMismatch(
            f"the vault of {directory} was deployed for another venue, or for other rules (currencies, instruments,"
            f" fees or bounds) than those of venue {venue.id!r} now; restore the venue file it was deployed with, or"
            " deploy another vault into a new directory"
        )
    try:
        key = load_key(Role.OPERATOR, ask=getpass if sys.stdin.isatty() else None)
        rpc = Rpc(os.environ.get(ENVIRONMENT) or RPC_DEFAULT)
        interface = Interface(load(VAULT).abi)
        vault = Vault(rpc, interface, site.vault, key.address, chain_id=site.chain_id, finality=site.finality)
    except ChainError as e:
        raise LedgerError(str(e)) from None
    finality = f"{site.finality} on chain {site.chain_id}"
    return EvmLedger(
        directory,
        venue,
        vault,
        key,
        settings,
        finality=finality,
        silence_s=site.silence_s,
        exit_delay_s=site.exit_delay_s,
    )


def _parsed(rest: str) -> tuple[Path, Settings]:
    path, _, query = rest.partition("?")
    given = parse_qsl(query, keep_blank_values=True)
    max_fee, resend_final = Settings().max_fee, False
    for name, value in given:
        if name == "max_fee_gwei" and value.isascii() and value.isdecimal() and 0 < int(value) < 10**9:
            max_fee = int(value) * GWEI
        elif (name, value) == ("resend", "final"):
            resend_final = True
        else:
            raise LedgerError(f"a chain ledger's URL is {_URL}; {name!r} is not as it must be")
    if not path:
        raise LedgerError(f"the URL of a chain ledger names its directory: {_URL}")
    return Path(path), Settings(max_fee, resend_final)
