"""Whose account is meant: by its number, or by the name that its KYC issuer knows it under."""

from typing import NamedTuple

from fxengine.codes import CUSTODY_ACCOUNT, FEES_ACCOUNT
from fxengine.errors import LedgerError
from fxengine.ledger.reading import Reader

_OWN = {"fees": FEES_ACCOUNT, "custody": CUSTODY_ACCOUNT}
_COLUMNS = "SELECT account, role, coalesce(issuer, ''), coalesce(subject, '') FROM accounts"


class Holder(NamedTuple):
    """An account in the books, and who stands behind it; empty texts for the venue's own accounts."""

    account: int
    role: str  # client, fees or custody
    issuer: str
    subject: str

    @property
    def name(self) -> str:
        """What to call it: its subject, or else its role."""
        return self.subject or self.role


def find_holder(reader: Reader, who: str, issuer: str | None = None) -> Holder:
    """Find an account by its number, its role (``fees``, ``custody``) or its subject. O(log accounts).

    With an issuer ``who`` is always a subject. Raises :class:`LedgerError` where nobody is meant, or several.
    """
    if issuer is not None:
        rows = reader.rows(f"{_COLUMNS} WHERE issuer = ? AND subject = ?", issuer, who)
    elif who.isascii() and who.isdigit() and len(who) <= 10:
        rows = reader.rows(f"{_COLUMNS} WHERE account = ?", int(who))
    elif who in _OWN:
        rows = reader.rows(f"{_COLUMNS} WHERE account = ?", _OWN[who])
    else:
        rows = reader.rows(f"{_COLUMNS} WHERE subject = ? ORDER BY account", who)
    found = [Holder(int(str(account)), str(role), str(by), str(subject)) for account, role, by, subject in rows]
    if not found:
        raise LedgerError(f"ledger: it has no account {who!r}; an account opens at its first logon")
    if len(found) > 1:
        issuers = ", ".join(holder.issuer for holder in found)
        raise LedgerError(f"ledger: several accounts are called {who!r}; say --issuer, one of {issuers}, or a number")
    return found[0]
