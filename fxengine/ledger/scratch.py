"""A place for a ledger that nobody keeps books in, beside one where somebody does: what a check posts to.

What matters to a check is the disk or the server that a URL names. So for ``sqlite:PATH`` the scratch
ledger is a new file in PATH's folder, and for PostgreSQL a new schema in the same database; both are gone
afterwards, and PATH, or the schema that the URL names, is not even opened. For any other backend nothing
is known of what stands beside what, so the ledger that is named is used itself, if it is empty.
"""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fxengine.errors import LedgerError, LedgerMismatch
from fxengine.ledger.base import open_ledger, shown
from fxengine.venue import Venue


@contextmanager
def scratch_ledger(url: str, venue: Venue) -> Iterator[str]:
    """Give the URL of an empty ledger for ``venue`` where ``url`` is, and clear it away afterwards.

    Raises :class:`LedgerError` where it cannot be made, or where the ledger itself would have to be used
    and is not empty.
    """
    scheme, _, rest = url.partition(":")
    if scheme == "sqlite" and rest:
        path = Path(f"{rest}.check-{secrets.token_hex(4)}")
        try:
            yield f"sqlite:{path}"
        finally:
            for suffix in ("", "-wal", "-shm", "-journal"):
                path.with_name(path.name + suffix).unlink(missing_ok=True)
    elif scheme in ("postgresql", "postgres"):
        from fxengine.ledger.postgres_connection import drop_schema, with_schema

        beside = with_schema(url, f"fxengine_check_{secrets.token_hex(4)}")
        try:
            yield beside
        finally:
            drop_schema(beside)
    else:
        _require_empty(url, venue)
        yield url


def _require_empty(url: str, venue: Venue) -> None:
    advice = "a check posts batches of its own, so give it an empty ledger where nobody keeps books"
    try:
        ledger = open_ledger(url, venue)
    except LedgerMismatch as e:
        raise LedgerError(f"the ledger {shown(url)} is another venue's; {advice}") from e
    try:
        n_batches = ledger.cursor().batch_id
    finally:
        ledger.close()
    if n_batches:
        raise LedgerError(f"the ledger {shown(url)} holds {n_batches} batches; {advice}")
