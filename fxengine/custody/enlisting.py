"""The vault as the issuer of what it holds: its place in the venue file, its key, and its tokens.

From when the venue file lists it, its word alone brings these currencies in and takes them out; so what the books
owe is in the vault, whatever an operator's key is used for.
"""

import time
from collections.abc import Iterable
from typing import Final

from fxengine.errors import FxEngineError
from fxengine.home import Home
from fxengine.sandbox import load_key
from fxengine.whole_files import write_whole

VAULT_ISSUER: Final = "vault"
VAULT_KID: Final = "vault-1"
DESK: Final = "vault-desk"
"""The account that speaks for the vault."""
LEVEL: Final = "issuer"
TOKEN_S: Final = 86_400
_BLOCK: Final = """
# The vault on the chain: these currencies come in and leave at its word alone (docs/onchain.md).

[[issuers]]
iss = "{name}"
keys = {{ {kid} = "{key}" }}
levels = ["{level}"]
jurisdictions = ["{jurisdiction}"]
issues = [{currencies}]
"""


def enlist(home: Home, currencies: Iterable[str]) -> bool:
    """List the vault as the issuer of these currencies in the venue file; say whether the file was changed.

    A key is made for it where there is none. Raises :class:`FxEngineError` where it cannot be listed: the file has no
    level ``issuer``, lists the vault otherwise already, or has another issuer for one of them.
    """
    wanted = sorted(set(currencies))
    venue = home.venue
    listed = venue.issuers.get(VAULT_ISSUER)
    if listed is not None:
        if listed.issues == set(wanted):
            return False
        return _widen(home, sorted(listed.issues), wanted)
    if LEVEL not in venue.levels:
        raise FxEngineError(f"{home.venue_file} has no level {LEVEL!r} for the vault's account: add levels.{LEVEL}")
    for issuer in venue.issuers.values():
        if theirs := issuer.issues & set(wanted):
            raise FxEngineError(f"{home.venue_file} lists {issuer.name} as the issuer of {min(theirs)} already")
    key_file = home.keys / f"{VAULT_KID}.pem"
    key = (
        load_key(home.keys, VAULT_ISSUER, VAULT_KID)
        if key_file.exists()
        else home.new_signing_key(VAULT_KID, VAULT_ISSUER)
    )
    block = _BLOCK.format(
        name=VAULT_ISSUER, kid=VAULT_KID, key=key.public_text, level=LEVEL,
        jurisdiction=min(min(issuer.jurisdictions) for issuer in venue.issuers.values() if issuer.jurisdictions),
        currencies=_quoted(wanted),
    )  # fmt: skip
    write_whole(home.venue_file, home.venue_file.read_text(encoding="utf-8").rstrip("\n") + f"\n{block}")
    return True


def _widen(home: Home, before: list[str], wanted: list[str]) -> bool:
    """List the vault for more currencies than before, where its line stands as it was written here."""
    text = home.venue_file.read_text(encoding="utf-8")
    line = f"issues = [{_quoted(before)}]"
    if not set(before) < set(wanted) or text.count(line) != 1:
        raise FxEngineError(
            f"{home.venue_file} lists the vault as the issuer of {', '.join(before) or 'nothing'}, and it holds"
            f" {', '.join(wanted)}: change that issuer's line issues, then try again"
        )
    write_whole(home.venue_file, text.replace(line, f"issues = [{_quoted(wanted)}]"))
    return True


def _quoted(codes: Iterable[str]) -> str:
    return ", ".join(f'"{code}"' for code in codes)


def check_enlisted(home: Home, currencies: Iterable[str]) -> None:
    """Raise :class:`FxEngineError` where the venue file does not list the vault as the issuer of just these."""
    listed = home.venue.issuers.get(VAULT_ISSUER)
    if listed is None or listed.issues != set(currencies):
        raise FxEngineError(
            f"{home.venue_file} does not list the vault as the issuer of the {len(set(currencies))} currencies"
            " that it holds: run fxengine chain deploy again, which adds it"
        )


def desk_token(home: Home, *, client_key: str = "") -> str:
    """Sign a token for the vault's account, good for a day."""
    issuer = home.venue.issuers[VAULT_ISSUER]
    return load_key(home.keys, VAULT_ISSUER, VAULT_KID).token(
        DESK,
        venue_id=home.venue.id,
        level=LEVEL,
        jurisdiction=min(issuer.jurisdictions),
        currencies=sorted(issuer.issues),
        issued_at_ns=time.time_ns(),
        lifetime_s=TOKEN_S,
        client_key=client_key,
    )
