"""The PostgreSQL ledger as a service: one venue's, migrated whole, lost and found again, silent about secrets."""

import traceback
from collections.abc import Callable, Iterator
from contextlib import closing

import psycopg
import pytest

from fxengine.errors import LedgerError, LedgerMismatch, LedgerUnavailable
from fxengine.ledger import Ledger, open_ledger
from fxengine.ledger import postgres as backend
from fxengine.ledger.base import shown
from fxengine.ledger.check import GUARANTEES, Trial
from fxengine.ledger.check_batches import Books
from fxengine.ledger.postgres_connection import parse, with_schema
from fxengine.ledger.reading import open_reader
from fxengine.venue import Venue
from tests.ledger.foreign_hand import foreign_hand
from tests.postgres_server import OLDER, PostgresServer

Open = Callable[[str], Ledger]
SECRET = "hunter2/@:?&%"
QUOTED = "hunter2%2F%40%3A%3F%26%25"


@pytest.fixture
def own() -> Iterator[PostgresServer]:
    """A server that the test may stop."""
    server = PostgresServer()
    yield server
    server.remove()


def test_a_reopened_ledger_goes_on_where_it_was(postgres_url: str, open_: Open, books: Books) -> None:
    ledger = open_(postgres_url)
    ledger.post(books.batch())
    ledger.close()
    again = open_(postgres_url)
    assert again.cursor() == books.cursor
    again.post(books.batch())
    assert again.balances() == books.balances
    assert again.finality == "commit"


def test_two_venues_cannot_post_to_the_same_books(
    postgres_url: str, open_: Open, venue: Venue, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = open_(postgres_url)
    monkeypatch.setattr(backend, "_LOCK_WAIT", "10ms")
    with pytest.raises(LedgerUnavailable, match=r"another venue is posting to the ledger .*; stop it"):
        open_ledger(postgres_url, venue)
    open_(with_schema(postgres_url, "beside")).close()
    ledger.close()
    open_(postgres_url)


def test_another_venue_is_refused_and_told_what_to_do(postgres_url: str, open_: Open, other_venue: Venue) -> None:
    open_(postgres_url).close()
    says = r"opened for venue 'check-venue' under other rules .*'other-venue' now; .*another schema in the URL"
    with pytest.raises(LedgerMismatch, match=says):
        open_ledger(postgres_url, other_venue)


def test_a_lost_connection_is_unavailable_and_posting_again_succeeds(
    postgres_url: str, open_: Open, books: Books
) -> None:
    ledger = open_(postgres_url)
    ledger.post(books.batch())
    before, batch = books.cursor.batch_id, books.batch()
    with foreign_hand(postgres_url) as hand:
        assert hand.run(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE pid <> pg_backend_pid() AND application_name = 'fxengine'"
        )
    with pytest.raises(LedgerUnavailable, match="does not answer"):
        ledger.post(batch)
    assert ledger.cursor().batch_id == before
    ledger.post(batch)
    ledger.post(batch)
    assert ledger.balances() == books.balances


def test_a_server_that_is_down_is_unavailable_until_it_is_back(own: PostgresServer, venue: Venue, books: Books) -> None:
    with closing(open_ledger(own.url(), venue)) as ledger:
        ledger.post(books.batch())
        batch = books.batch()
        own.stop()
        for _ in range(3):
            with pytest.raises(LedgerUnavailable, match="does not answer"):
                ledger.post(batch)
        with pytest.raises(LedgerUnavailable):
            open_ledger(own.url(), venue)
        own.start()
        ledger.post(batch)
        assert ledger.balances() == books.balances


def test_every_commit_waits_for_the_disk(own: PostgresServer, venue: Venue, monkeypatch: pytest.MonkeyPatch) -> None:
    for less in ("off", "local"):
        monkeypatch.setenv("PGOPTIONS", f"-c synchronous_commit={less}")
        with closing(backend.PostgresLedger(parse(own.url()), venue)) as ledger:
            assert ledger._connected().execute("SHOW synchronous_commit").fetchone() == ("on",)
    own.stop()
    own.settings["fsync"] = "off"
    own.start()
    with pytest.raises(LedgerError, match=r"fsync = off.*Turn fsync on"):
        open_ledger(own.url(), venue)


def test_a_standby_is_waited_for(postgres_url: str, open_: Open, books: Books) -> None:
    ledger = open_(postgres_url)
    assert isinstance(ledger, backend.PostgresLedger)
    ledger._connected().execute("SET default_transaction_read_only = on")  # what a standby answers with
    with pytest.raises(LedgerUnavailable, match="read-only"):
        ledger.post(books.batch())


def test_migrations_run_once_and_whole(
    postgres_url: str, open_: Open, venue: Venue, books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = open_(postgres_url)
    ledger.post(books.batch())
    ledger.close()
    first = backend.MIGRATIONS[0]
    monkeypatch.setattr(backend, "MIGRATIONS", (first, "CREATE TABLE notes (note text)", "CREATE TABLE notes (x int)"))
    with pytest.raises(LedgerError, match="already exists"):
        open_ledger(postgres_url, venue)
    with foreign_hand(postgres_url) as hand:
        assert hand.run("SELECT version FROM migrations") == [(1,)]
        assert hand.run("SELECT to_regclass('notes')") == [(None,)]
    monkeypatch.setattr(backend, "MIGRATIONS", (first, "CREATE TABLE notes (note text)"))
    migrated = open_(postgres_url)
    migrated.post(books.batch())
    migrated.close()
    with foreign_hand(postgres_url) as hand:
        assert hand.run("SELECT version FROM migrations ORDER BY version") == [(1,), (2,)]
    monkeypatch.setattr(backend, "MIGRATIONS", (first,))
    with pytest.raises(LedgerError, match="schema version 2, and this release knows 1; open it with the release"):
        open_ledger(postgres_url, venue)


def test_a_schema_of_another_program_is_refused_and_untouched(postgres_url: str, venue: Venue) -> None:
    with foreign_hand(postgres_url) as hand:
        hand.run(f"CREATE SCHEMA {parse(postgres_url).schema}")
        hand.run("CREATE TABLE photos (name text)")
        with pytest.raises(LedgerError, match=r"holds tables, but no ledger; .*\?schema=NAME"):
            open_ledger(postgres_url, venue)
        assert hand.run("SELECT to_regclass('batches')") == [(None,)]


def test_an_older_server_keeps_every_promise_too(seed: int) -> None:
    server = PostgresServer(OLDER)
    try:
        with closing(Trial(server.url(), seed, kills=2)) as trial:
            assert {guarantee.name: guarantee.broken_by(trial) for guarantee in GUARANTEES} == dict.fromkeys(
                guarantee.name for guarantee in GUARANTEES
            )
        assert server.psql("SHOW server_version").startswith("16.")
    finally:
        server.remove()


def test_nothing_can_be_truncated(postgres_url: str, open_: Open, books: Books) -> None:
    open_(postgres_url).post(books.batch())
    with foreign_hand(postgres_url) as hand:
        for table in ("postings", "balances", "accounts", "withdrawals"):
            with pytest.raises(psycopg.IntegrityError, match="never change"):
                hand.run(f"TRUNCATE {table} CASCADE")


def test_rows_are_found_by_index_however_many_there_are(postgres_url: str, open_: Open, books: Books) -> None:
    ledger = open_(postgres_url)
    assert isinstance(ledger, backend.PostgresLedger)
    db = ledger._connected()

    def whole_table_scans() -> list[tuple[object, ...]]:
        db.execute("SELECT pg_stat_force_next_flush()")
        return db.execute(
            "SELECT relname, seq_scan FROM pg_stat_user_tables WHERE schemaname = current_schema()"
            " AND relname IN ('accounts', 'balances', 'postings', 'trades', 'withdrawals')"
        ).fetchall()

    ledger.post(books.batch())
    before = whole_table_scans()
    for _ in range(10):  # past the sixth, from which on plans are kept
        ledger.post(books.batch())
    assert whole_table_scans() == before


def test_a_reader_needs_no_more_than_select(own: PostgresServer, venue: Venue, books: Books) -> None:
    with closing(open_ledger(own.url(), venue)) as ledger:
        ledger.post(books.batch())
    own.psql("CREATE ROLE accountant LOGIN PASSWORD 'p'")
    url = own.url(user="accountant:p")
    with pytest.raises(LedgerError, match=r"permission denied|cannot be read"):
        open_reader(url)
    own.psql("GRANT USAGE ON SCHEMA fxengine TO accountant")
    own.psql("GRANT SELECT ON ALL TABLES IN SCHEMA fxengine TO accountant")
    with open_reader(url) as reader:
        assert reader.rows("SELECT count(*) FROM batches") == [(1,)]
    with foreign_hand(url) as hand, pytest.raises(psycopg.errors.InsufficientPrivilege):
        hand.run("INSERT INTO accounts VALUES (77, 'client', NULL, NULL)")
    with closing(open_ledger(url, venue)) as ledger, pytest.raises(LedgerError, match="cannot be used: permission"):
        ledger.post(books.batch())


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://settlement:{QUOTED}@/postgres?host=FOLDER",  # a role that is not there
        f"postgresql://settlement@/postgres?host=FOLDER&password={QUOTED}",
        f"postgresql://settlement:{SECRET}@/postgres?host=FOLDER",  # not quoted: cannot be read at all
        f"postgresql://settlement:{QUOTED}@/postgres?host=FOLDER&port={QUOTED}",
        f"postgresql://settlement:x@localhost:{QUOTED}/postgres",
        f"postgresql://settlement:{QUOTED}@/postgres?host=FOLDER&nonsense={QUOTED}",
        f"postgresql://settlement:{QUOTED}@/postgres?host=FOLDER&schema=No-Schema",
    ],
)
def test_a_password_is_in_no_message(postgres: PostgresServer, venue: Venue, url: str) -> None:
    url = url.replace("FOLDER", str(postgres.folder))
    for attempt in (lambda: open_ledger(url, venue), lambda: open_reader(url)):
        with pytest.raises(LedgerError) as failure:
            attempt()
        said = "".join(traceback.format_exception(failure.value))
        assert "hunter2" not in said.replace("\n", "")


def test_a_url_is_shown_without_its_password() -> None:
    for url in (f"postgresql://settlement:{SECRET}@db/books", f"other://db/books?a=1&password={QUOTED}&b=2"):
        assert "hunter2" not in shown(url)
        assert "db/books" in shown(url)


def test_the_password_may_come_from_outside_the_url(
    own: PostgresServer, venue: Venue, books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    own.psql(f"CREATE ROLE settlement LOGIN PASSWORD '{SECRET}'")
    own.psql("GRANT CREATE ON DATABASE postgres TO settlement")
    url = own.url(user="settlement")
    monkeypatch.setenv("PGPASSWORD", "wrong")
    with pytest.raises(LedgerUnavailable, match="password authentication failed"):
        open_ledger(url, venue)
    monkeypatch.setenv("PGPASSWORD", SECRET)
    with closing(open_ledger(url, venue)) as ledger:
        ledger.post(books.batch())
    monkeypatch.delenv("PGPASSWORD")
    service = own.folder / "services.conf"
    service.write_text(f"[books]\nhost={own.folder}\nuser=settlement\ndbname=postgres\npassword={SECRET}\n")
    monkeypatch.setenv("PGSERVICEFILE", str(service))
    with closing(open_ledger("postgresql://?service=books", venue)) as ledger:
        assert ledger.cursor() == books.cursor


@pytest.mark.parametrize(
    ("url", "schema", "conninfo"),
    [
        ("postgresql://db.example/books", "fxengine", "db.example"),
        ("postgresql://db.example/books?schema=venue_1", "venue_1", "db.example"),
        ("postgresql://db.example/books?schema=venue_1&sslmode=verify-full", "venue_1", "sslmode=verify-full"),
        ("postgres://db.example/books?sslmode=verify-full&schema=venue_1", "venue_1", "sslmode=verify-full"),
    ],
)
def test_a_url_names_a_database_and_a_schema(url: str, schema: str, conninfo: str) -> None:
    address = parse(url)
    assert address.schema == schema
    assert conninfo in address.conninfo
    assert "schema" not in address.conninfo
    assert address.shown == f"postgresql://db.example/books?schema={schema}"
    assert parse(with_schema(url, "other")).schema == "other"
