r"""Who is behind an account number: (issuer, subject) of the KYC token that opened it.

The core knows numbers only. The names stand in the journal beside them, in the text records of
each CREDENTIAL command, so the directory is rebuilt by replay like everything else::

    CREDENTIAL  account 7, identity = blake2b-128 of the text below
    DETAIL      permitted currencies, token id
    text        "https://kyc.example\0payer-1\0\0\0 ..."

A number is given by the sequencer, at the place in the order of commands where the identity first
logs on: the next one, from FIRST_CLIENT_ACCOUNT up. If the core refuses that CREDENTIAL no account
has opened, and the number goes to the next identity whose CREDENTIAL is accepted. Therefore the
directory learns from CREDENTIALED events, never from commands alone.
"""

from collections.abc import Iterable
from hashlib import blake2b
from typing import Final

import numpy as np

from fxengine.codes import FIRST_CLIENT_ACCOUNT, AccountFlag, CommandKind, EventKind
from fxengine.records import COMMAND, CREDENTIAL, CREDENTIAL_DETAIL, CURRENCIES_MAX, RECORD_BYTES, Records

NAME_BYTES_MAX: Final = 255
"""The longest issuer, and the longest subject, in bytes of UTF-8."""
_TEXT_FROM: Final = 2  # records before the text: the head and its detail


class Directory:
    """(issuer, subject) to account number and back. Every look-up is O(1)."""

    def __init__(self) -> None:
        self._holders: list[tuple[str, str]] = []
        self._accounts: dict[bytes, int] = {}

    def __len__(self) -> int:
        return len(self._holders)

    def account(self, issuer: str, subject: str) -> int | None:
        """Return the number of an identity's account; None while it has none, or never can."""
        try:
            return self._accounts.get(identity(issuer, subject))
        except ValueError:
            return None

    def holder(self, account: int) -> tuple[str, str]:
        """Return (issuer, subject) of an account; KeyError where it is no client's."""
        place = account - FIRST_CLIENT_ACCOUNT
        if not 0 <= place < len(self._holders):
            raise KeyError(account)
        return self._holders[place]

    @property
    def holders(self) -> tuple[tuple[str, str], ...]:
        """Every (issuer, subject), in order of account, from FIRST_CLIENT_ACCOUNT up. O(accounts)."""
        return tuple(self._holders)

    def load(self, holders: Iterable[tuple[str, str]]) -> None:
        """Take on all (issuer, subject) of a snapshot, in order of account. ValueError where one cannot be."""
        loaded = list(holders)
        accounts = {identity(*holder): FIRST_CLIENT_ACCOUNT + place for place, holder in enumerate(loaded)}
        if len(accounts) != len(loaded):
            raise ValueError("an identity has two accounts")
        self._holders, self._accounts = loaded, accounts

    def number_for(self, credential: Records) -> int:
        r"""Return the number that a CREDENTIAL command must carry: its identity's, or the next one.

        ``credential``: the command's ``(n,) COMMAND`` records. Raises ValueError where its text is
        not "issuer\0subject" or does not hash to its identity.
        """
        key, _, _ = _parse(credential)
        return self._accounts.get(key, FIRST_CLIENT_ACCOUNT + len(self._holders))

    def follow(self, credential: Records, events: Records) -> None:
        """Learn what an applied CREDENTIAL command led to, from its own ``(m,) EVENT`` records."""
        if not (events["kind"] == EventKind.CREDENTIALED).any():
            return
        key, issuer, subject = _parse(credential)
        account = int(credential["account"][0])
        if key not in self._accounts:
            assert account == FIRST_CLIENT_ACCOUNT + len(self._holders), account
            self._accounts[key] = account
            self._holders.append((issuer, subject))
        assert self._accounts[key] == account, account


def identity(issuer: str, subject: str) -> bytes:
    r"""Return the 16 bytes by which the core knows an identity: blake2b-128 of "issuer\0subject".

    Raises ValueError for a name that is empty, too long or holds a zero character. Source: RFC 7693.
    """
    return blake2b(_text(issuer, subject), digest_size=16).digest()


def credential_command(
    issuer: str,
    subject: str,
    *,
    token_id: str,
    permitted: Iterable[int],
    level: int,
    jurisdiction: str,
    window: int,
    issued_at_ns: int,
    expires_ns: int,
    flags: AccountFlag = AccountFlag.NONE,
    account: int = 0,
) -> Records:
    """Build the CREDENTIAL command for a verified KYC token: ``(n,) COMMAND`` records.

    ``token_id`` is the token's ``jti``; ``permitted`` are indices of currencies; ``level`` and
    ``window`` are those of the venue file's level; ``jurisdiction`` is ISO 3166-1 alpha-2. The
    engine fills in ``account``; give it only for a core that is fed directly.
    Raises ValueError for names or currencies that no record can carry.
    """
    text = _text(issuer, subject)
    n_records = _records_for(text)
    raw = bytearray(n_records * RECORD_BYTES)
    raw[_TEXT_FROM * RECORD_BYTES : _TEXT_FROM * RECORD_BYTES + len(text)] = text
    records = np.frombuffer(raw, COMMAND)
    head = records[:1].view(CREDENTIAL)
    head["kind"], head["n_records"], head["account"] = CommandKind.CREDENTIAL, n_records, account
    head["flags"], head["level"], head["jurisdiction"] = flags, level, jurisdiction.encode("ascii")
    head["window"], head["issued_at_ns"], head["expires_ns"] = window, issued_at_ns, expires_ns
    head["identity"] = np.void(blake2b(text, digest_size=16).digest())
    detail = records[1:2].view(CREDENTIAL_DETAIL)
    detail["token_id"] = np.void(blake2b(token_id.encode(), digest_size=16).digest())
    mask = 0
    for currency in permitted:
        if not 0 <= currency < CURRENCIES_MAX:
            raise ValueError(f"currency {currency} is not between 0 and {CURRENCIES_MAX - 1}")
        mask |= 1 << currency
    detail["permitted"] = np.frombuffer(mask.to_bytes(CURRENCIES_MAX // 8, "little"), "<u8")
    return records


def _text(issuer: str, subject: str) -> bytes:
    parts = []
    for name, text in (("issuer", issuer), ("subject", subject)):
        part = text.encode()
        if not 1 <= len(part) <= NAME_BYTES_MAX or b"\0" in part:
            raise ValueError(f"{name} must be 1 to {NAME_BYTES_MAX} bytes of UTF-8 without zero characters")
        parts.append(part)
    return b"\0".join(parts)


def _records_for(text: bytes) -> int:
    return _TEXT_FROM - (-len(text) // RECORD_BYTES)


def named_in(credential: Records) -> tuple[str, str] | None:
    """Return (issuer, subject) of a CREDENTIAL command's ``(n,) COMMAND`` records.

    None where its text is not that of its identity: then it proves nothing. O(1).
    """
    try:
        _, issuer, subject = _parse(credential)
    except ValueError:
        return None
    return issuer, subject


def _parse(credential: Records) -> tuple[bytes, str, str]:
    """Return identity, issuer and subject of a CREDENTIAL command; ValueError where they do not agree."""
    text = credential[_TEXT_FROM:].tobytes().rstrip(b"\0")
    issuer, _, subject = text.decode().partition("\0")
    key = identity(issuer, subject)
    is_whole = len(credential) == _records_for(text)
    if not is_whole or credential[:1].view(CREDENTIAL)["identity"].tobytes() != key:
        raise ValueError("a CREDENTIAL's identity is not the hash of its text; build it with credential_command()")
    return key, issuer, subject
