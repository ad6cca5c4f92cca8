"""Print what a ledger takes, beside the same rows written raw, and how soon a trade is FINAL.

    python -m bench.ledger --json
    python -m bench.ledger --batches 20 --seconds 3             a glance
    python -m bench.ledger --postings 10000000                  statement pages in books of that size
    python -m bench.ledger --postgres postgresql://...          a server of yours; else one is started

Each batch holds 1,000 trades and is durable before the next is posted. Ledger and baseline take turns
in the same run, so that both meet the same neighbours on the machine; the median of the turns counts. The
baseline is the same rows in tables without a rule, an index beyond the key or a balance, by
``executemany`` and COPY; and ``fdatasync`` tells what the disk alone would allow.
"""

import argparse
import json
import os
import shutil
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final

from bench.ledger_final import matched_to_final
from bench.ledger_load import Load, make_venue
from bench.machine import commit, machine
from fxengine.ledger import Batch, open_ledger
from fxengine.ledger.postgres_connection import connect, drop_schema, parse, with_schema
from fxengine.ledger.reading import open_reader
from fxengine.ledger.rows import COLUMNS, lines
from fxengine.venue import Venue

TRADES: Final = 1_000
TURNS: Final = 5
PAGE: Final = 50
Figures = dict[str, Any]


def per_second(post: Callable[[Batch], object], batches: list[Batch]) -> float:
    """Return how many trades a second were posted."""
    began = time.perf_counter()
    for batch in batches:
        post(batch)
    return TRADES * len(batches) / (time.perf_counter() - began)


@contextmanager
def raw_sqlite(path: Path, venue: Venue) -> Iterator[Callable[[Batch], object]]:
    """Write a batch's postings and trades to plain tables, synced as the ledger is."""
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        db.execute(
            "CREATE TABLE postings (batch, account, currency, amount_units, PRIMARY KEY (batch, account, currency))"
        )
        db.execute(f"CREATE TABLE trades ({', '.join(COLUMNS['trades'])}, PRIMARY KEY (batch, line))")

        def write(batch: Batch) -> None:
            rows = lines(batch, venue).appended
            db.execute("BEGIN IMMEDIATE")
            for table in ("postings", "trades"):
                db.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * len(COLUMNS[table]))})", rows[table])
            db.execute("COMMIT")

        yield write


@contextmanager
def raw_postgres(url: str, venue: Venue) -> Iterator[Callable[[Batch], object]]:
    """COPY a batch's postings and trades to plain tables, committed as the ledger's are."""
    address = parse(url)
    with closing(connect(address)) as db:
        db.execute(f"CREATE SCHEMA {address.schema}")
        for table, key in (("postings", "batch, account, currency"), ("trades", "batch, line")):
            columns = [f"{name} {'text' if name == 'maker_side' else 'bigint'}" for name in COLUMNS[table]]
            db.execute(f"CREATE TABLE {table} ({', '.join(columns)}, PRIMARY KEY ({key}))")

        def write(batch: Batch) -> None:
            rows = lines(batch, venue).appended
            with db.transaction(), db.cursor() as cursor:
                for table in ("postings", "trades"):
                    with cursor.copy(f"COPY {table} FROM STDIN") as copy:
                        for row in rows[table]:
                            copy.write_row(row)

        yield write
    drop_schema(url)


def rates(venue: Venue, url: str, raw: Callable[[Batch], object], n_batches: int, seed: int) -> Figures:
    """Post to a ledger and to its baseline in turns; leave the ledger as it then is."""
    found: dict[str, list[float]] = {"ledger": [], "raw": []}
    load = Load(venue, seed, trades=TRADES)
    with closing(open_ledger(url, venue)) as ledger:
        ledger.post(load.opening())
        for _ in range(TURNS):
            batches = list(load.batches(n_batches // TURNS))
            found["ledger"].append(per_second(ledger.post, batches))
            found["raw"].append(per_second(raw, batches))
            tell(f"{url.partition(':')[0]}: {found['ledger'][-1]:,.0f} trades/s, raw {found['raw'][-1]:,.0f}")
    return {f"{name}_trades_per_s": round(statistics.median(each)) for name, each in found.items()}


def fdatasyncs(folder: Path, seconds: float = 0.5) -> int:
    """Return how many times a second the disk can be told to keep 64 KiB."""
    with (folder / "probe").open("wb") as file:
        n, began = 0, time.perf_counter()
        while time.perf_counter() - began < seconds:
            file.write(bytes(65_536))
            file.flush()
            os.fdatasync(file.fileno())
            n += 1
        return round(n / (time.perf_counter() - began))


def pages(venue: Venue, url: str, postings: int, seed: int) -> Figures:
    """Fill books with postings; time one payer's page of its statement, and all its balances, in microseconds."""
    load = Load(venue, seed, trades=TRADES)
    took: Figures = {}
    with closing(open_ledger(url, venue)) as ledger:
        ledger.post(load.opening())
        done, marks = 0, [postings // 10, postings]
        while marks:
            for batch in load.batches(1):
                ledger.post(batch)
                done += len(batch.deltas)
            if done >= marks[0]:
                tidy(url)
                took[f"at_{done}_postings"] = one_account(url)
                tell(f"{url.partition(':')[0]}: {done:,} postings {took[f'at_{done}_postings']}")
                marks.pop(0)
    return took


def tidy(url: str) -> None:
    """Do what autovacuum does of itself within minutes of so many new rows; nothing for SQLite."""
    if not url.startswith("sqlite:"):
        with closing(connect(parse(url))) as db:
            db.execute("VACUUM ANALYZE postings")
            db.execute("VACUUM ANALYZE batches")


def one_account(url: str) -> Figures:
    """Time what one of the payers asks for: the median of many payers."""
    statement = "SELECT time_utc, batch, currency, amount FROM statement WHERE account = ? ORDER BY batch DESC LIMIT ?"
    balances = "SELECT currency, amount_units FROM balances WHERE account = ?"
    page_us, balances_us = [], []
    with open_reader(url) as reader:
        for account in range(1_000, 9_000, 80):
            at = [time.perf_counter_ns()]
            reader.rows(statement, account, PAGE)
            at.append(time.perf_counter_ns())
            reader.rows(balances, account)
            at.append(time.perf_counter_ns())
            page_us.append((at[1] - at[0]) // 1_000)
            balances_us.append((at[2] - at[1]) // 1_000)
    return {"statement_page_us": statistics.median(page_us), "balances_us": statistics.median(balances_us)}


def size(url: str) -> int:
    """Return the bytes that a ledger takes."""
    if url.startswith("sqlite:"):
        return Path(url.removeprefix("sqlite:")).stat().st_size
    with closing(connect(parse(url))) as db:
        row = db.execute(
            "SELECT sum(pg_total_relation_size(oid)) FROM pg_class"
            " WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace"
        ).fetchone()
    assert row is not None
    return int(str(row[0]))


def measure(name: str, base: str, folder: Path, arguments: argparse.Namespace) -> Figures:
    """Take every figure of one backend; ``base`` is a URL whose books may be made and dropped."""
    venue, n = make_venue(), 0

    def fresh() -> str:
        nonlocal n
        n += 1
        return (
            f"sqlite:{folder / f'ledger-{n}.sqlite'}" if name == "sqlite" else with_schema(base, f"fxengine_bench_{n}")
        )

    url, beside = fresh(), fresh()
    raw = raw_sqlite(Path(beside.removeprefix("sqlite:")), venue) if name == "sqlite" else raw_postgres(beside, venue)
    with raw as write:
        empty = with_opening(url, venue, arguments.seed)
        figures: Figures = rates(venue, url, write, arguments.batches, arguments.seed)
    n_trades = arguments.batches // TURNS * TURNS * TRADES
    figures["bytes_per_million_trades"] = (size(url) - empty) * 1_000_000 // n_trades
    books = fresh()
    figures["one_account"] = pages(venue, books, arguments.postings, arguments.seed)
    final = fresh()
    figures["matched_to_final"] = matched_to_final(final, folder / f"{name}-venue", arguments.rate, arguments.seconds)
    tell(f"{name}: matched to FINAL {figures['matched_to_final']}")
    if name == "postgresql":
        for each in (url, books, final):
            drop_schema(each)
    return figures


def with_opening(url: str, venue: Venue, seed: int) -> int:
    """Open the ledger, fund everybody, and return what that takes."""
    with closing(open_ledger(url, venue)) as ledger:
        ledger.post(Load(venue, seed, trades=TRADES).opening())
    return size(url)


@contextmanager
def server(url: str | None) -> Iterator[str]:
    """Give the URL of a PostgreSQL: the one named, or one that is started for this run alone."""
    if url is not None:
        yield url
        return
    from tests.postgres_server import PostgresServer

    own = PostgresServer()
    try:
        yield own.url()
    finally:
        own.remove()


def tell(line: str) -> None:
    """Say on standard error what is going on."""
    print(line, file=sys.stderr, flush=True)


def main() -> None:
    """Measure, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batches", type=int, default=200, help="batches of 1,000 trades to post to each ledger")
    parser.add_argument(
        "--postings", type=int, default=1_000_000, help="size of the books that statements are read from"
    )
    parser.add_argument("--rate", type=int, default=10_000, help="trades a second to settle")
    parser.add_argument("--seconds", type=float, default=10.0, help="for how long")
    parser.add_argument("--postgres", metavar="URL", help="a PostgreSQL to measure")
    parser.add_argument("--only", choices=("sqlite", "postgresql"), help="one backend alone")
    parser.add_argument("--seed", type=int, default=20261030)
    parser.add_argument("--dir", type=Path, help="where to write; a temporary folder if not given")
    parser.add_argument("--json", action="store_true", help="one line of JSON")
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="fxbench-", dir=arguments.dir))
    try:
        figures: Figures = {
            "machine": machine(),
            "commit": commit(),
            "seed": arguments.seed,
            "trades_per_batch": TRADES,
        }
        figures["fdatasync_64k_per_s"] = fdatasyncs(folder)
        if arguments.only != "postgresql":
            figures["sqlite"] = measure("sqlite", "", folder, arguments)
        if arguments.only != "sqlite":
            with server(arguments.postgres) as url:
                figures["postgresql"] = measure("postgresql", url, folder, arguments)
    finally:
        shutil.rmtree(folder)
    print(json.dumps(figures) if arguments.json else json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
