"""Which PostgreSQL a URL names, and a connection to it that tells nobody the password.

``postgresql://[USER@]HOST[:PORT]/DATABASE[?schema=NAME&...]`` is libpq's own URL, with one parameter more:
the schema that holds the books (``fxengine`` where none is named). What the URL leaves out libpq takes from
where it always does: ``PGPASSWORD``, a password file, a service file. So a URL need not hold a password, and
should not where others can list this machine's processes. One that does is never repeated: what is shown is
made from the parsed parts, and of a URL that cannot be parsed nothing is. The driver comes in here and nowhere
else, so that one place says what to install where it is missing.

Source of the URL's form: PostgreSQL documentation, "Connection URIs".
"""

import re
from contextlib import closing
from typing import Final, NamedTuple
from urllib.parse import quote

from fxengine.errors import LedgerError, LedgerUnavailable, MissingExtraError

try:
    import psycopg
    from psycopg.conninfo import conninfo_to_dict, make_conninfo
    from psycopg.sql import SQL, Identifier
except ImportError as e:
    raise MissingExtraError("postgres", "a ledger in PostgreSQL") from e

__all__ = ["SQL", "Address", "Connection", "Error", "Identifier", "connect", "drop_schema", "parse", "psycopg", "said"]

Connection = psycopg.Connection[tuple[object, ...]]
Error = psycopg.Error

SCHEMA_DEFAULT: Final = "fxengine"
_SCHEMA: Final = re.compile(r"([?&])schema=([^&]*)(&?)")
_SCHEMA_NAME: Final = re.compile(r"[a-z_][a-z0-9_]{0,62}")
_PATIENCE: Final = {
    "connect_timeout": 5,  # seconds, for each address of the host
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,  # milliseconds that sent data may go unacknowledged
}
"""How long a server may be silent; without these, a machine that vanished would be waited for for minutes."""


class Address(NamedTuple):
    """A database and the schema in it. ``shown`` is for messages; ``conninfo`` may hold a password."""

    conninfo: str
    schema: str
    shown: str


def parse(url: str) -> Address:
    """Return what ``url`` (``postgresql:`` or ``postgres:`` included) names. Raises :class:`LedgerError`."""
    found = _SCHEMA.search(url)
    schema = found[2] if found else SCHEMA_DEFAULT
    if not _SCHEMA_NAME.fullmatch(schema) or schema.startswith("pg_"):
        raise LedgerError(
            "the schema in a PostgreSQL ledger's URL is 1 to 63 small letters, digits and underscores, does not start"
            " with a digit or with pg_: postgresql://HOST/DATABASE?schema=NAME"
        )
    bare = _SCHEMA.sub(lambda m: m[1] if m[3] else "", url, count=1)
    try:
        given = conninfo_to_dict(bare)
    except psycopg.Error:
        # Its text would quote the part that it stumbled over, and that may be a piece of the password.
        raise LedgerError(
            "the URL of a PostgreSQL ledger cannot be read; it is postgresql://[USER@]HOST[:PORT]/DATABASE, with"
            " characters such as @ : / # ? % written as %40 %3A %2F %23 %3F %25 inside a part"
        ) from None
    user, host, port = (str(given.get(key) or "") for key in ("user", "host", "port"))
    if port and not port.isdecimal():  # most likely the rest of a password with a : or @ in it
        raise LedgerError("the port in the URL of a PostgreSQL ledger is not a number")
    shown = "postgresql://" + (f"{quote(user)}@" if user else "") + quote(host, safe="") + (f":{port}" if port else "")
    shown += f"/{quote(str(given.get('dbname') or ''))}?schema={schema}"
    return Address(make_conninfo("", **{**_PATIENCE, **given}), schema, shown)


def with_schema(url: str, schema: str) -> str:
    """Return the URL of another schema in the same database."""
    bare = _SCHEMA.sub(lambda m: m[1] if m[3] else "", url, count=1)
    return f"{bare}{'&' if '?' in bare else '?'}schema={schema}"


def connect(address: Address) -> Connection:
    """Open a connection whose unqualified names are those of the address's schema, in no transaction.

    Raises :class:`LedgerUnavailable` where the server does not answer or does not let us in: either may
    change while we wait.
    """
    try:
        db: Connection = psycopg.connect(address.conninfo, autocommit=True, application_name="fxengine")
        try:
            db.execute("SELECT set_config('search_path', %s, false)", (f"{address.schema}, pg_catalog",))
            db.execute("SET TIME ZONE 'UTC'")
        except BaseException:
            db.close()
            raise
    except psycopg.Error as e:
        raise LedgerUnavailable(f"the ledger {address.shown} does not answer: {said(e)}") from None
    return db


def drop_schema(url: str) -> None:
    """Drop the schema that ``url`` names and all that is in it, if it is there."""
    address = parse(url)
    with closing(connect(address)) as db:
        db.execute(SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(Identifier(address.schema)))


def said(error: psycopg.Error) -> str:
    """Return what PostgreSQL said, as one line, without the statement that it was about."""
    return " ".join((error.diag.message_primary or str(error)).split())
