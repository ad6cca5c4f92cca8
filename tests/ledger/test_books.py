"""The books in SQL, SQLite's and PostgreSQL's alike: what stands in them, and that no SQL can make them wrong."""

from collections.abc import Callable, Iterator

import pytest

from fxengine.errors import LedgerError
from fxengine.ledger import AccountName, Cursor, Ledger
from fxengine.ledger.check_batches import Books
from fxengine.ledger.reading import open_reader
from fxengine.ledger.rows import lines
from fxengine.venue import Venue
from tests.ledger.foreign_hand import REFUSED, Hand, dump, foreign_hand

CUSTODY, ALICE, BOB, USD, EUR, JPY = 1, 2, 3, 0, 1, 2
LAST = 96
"""The last command of the five batches that ``posted`` has."""
Open = Callable[[str], Ledger]


@pytest.fixture
def posted(sql_url: str, open_: Open, books: Books) -> str:
    ledger = open_(sql_url)
    for _ in range(5):
        ledger.post(books.batch())
    ledger.close()
    return sql_url


@pytest.fixture
def hand(posted: str) -> Iterator[Hand]:
    with foreign_hand(posted) as hand:
        yield hand


def test_rows_hold_what_the_batches_held(sql_url: str, open_: Open, books: Books, venue: Venue) -> None:
    ledger = open_(sql_url)
    batches = [books.batch() for _ in range(3)]
    for batch in batches:
        ledger.post(batch)
    with open_reader(sql_url) as reader:
        for batch in batches:
            postings = reader.rows("SELECT account, currency, amount_units FROM postings WHERE batch = ?", batch.id)
            assert sorted(postings) == [(a, c, units) for a, c, _, units in batch.deltas.tolist()]
            trades = reader.rows("SELECT * FROM trades WHERE batch = ? ORDER BY line", batch.id)
            assert len(trades) == len(batch.trades) == 8
            for n, (row, trade) in enumerate(zip(trades, batch.trades, strict=True)):
                pair = venue.instruments[trade["instrument"]]
                lots, price = int(trade["quantity_lots"]), int(trade["price_ticks"])
                assert row == (
                    batch.id, n + 1, trade["sequence"], pair.index, trade["number"], trade["maker"], trade["taker"],
                    "SELL", trade["swap"], price, lots, lots * pair.lot_units, pair.notional_units(price, lots),
                    trade["maker_fee_units"], trade["taker_fee_units"],
                )  # fmt: skip
            appended = lines(batch, venue).appended
            for table in ("deposits", "payments", "busts"):
                assert appended[table]
                rows = reader.rows(f"SELECT * FROM {table} WHERE batch = ?", batch.id)
                assert sorted(rows) == sorted(appended[table])
            row = "SELECT batch, last_sequence, head, journal_hash FROM batches WHERE batch = ?"
            assert Cursor._make(reader.rows(row, batch.id)[0]) == batch.cursor
            counts = reader.rows(
                "SELECT postings, trades, transfers, withdrawals, busts, trades_root FROM batches WHERE batch = ?",
                batch.id,
            )
            parts = batch.deltas, batch.trades, batch.transfers, batch.withdrawals, batch.busts
            assert counts == [(*map(len, parts), batch.trades_root)]
        assert reader.rows("SELECT count(*) FROM withdrawals WHERE state = 'HELD'") == [(1,)]
        ended = reader.rows("SELECT DISTINCT state FROM withdrawals ORDER BY state")
        assert ended == [("HELD",), ("PAID",), ("RETURNED",)]


def test_accounts_carry_the_names_that_batches_brought(sql_url: str, open_: Open, books: Books) -> None:
    ledger = open_(sql_url)
    ledger.post(books.close([(CUSTODY, USD, -5), (ALICE, USD, 5)]))
    query = "SELECT account, role, issuer, subject FROM accounts ORDER BY account"
    nameless = [(0, "fees", None, None), (1, "custody", None, None), (ALICE, "client", None, None)]
    with open_reader(sql_url) as reader:
        assert reader.rows(query) == nameless
    ledger.post(books.close([], names=tuple(AccountName(a, "kyc", f"payer-{a}") for a in (ALICE, BOB))))
    named = [*nameless[:2], (ALICE, "client", "kyc", "payer-2"), (BOB, "client", "kyc", "payer-3")]
    with open_reader(sql_url) as reader:
        assert reader.rows(query) == named


def test_an_accountant_reads_statements_in_decimals_and_a_trial_balance(
    sql_url: str, open_: Open, books: Books
) -> None:
    moves = [(CUSTODY, USD, -1_500_007), (ALICE, USD, 1_500_007), (CUSTODY, JPY, -12), (ALICE, JPY, 12)]
    moves += [(CUSTODY, EUR, -5), (BOB, EUR, 5)]
    open_(sql_url).post(books.close(moves, names=(AccountName(ALICE, "kyc", "payer-1"),)))
    with open_reader(sql_url) as reader:
        statement = reader.rows(
            "SELECT time_utc, holder, t.currency, amount FROM statement t JOIN currencies c ON code = t.currency"
            " ORDER BY account, c.currency"
        )
        assert statement == [
            ("2023-11-14 22:13:20", "custody", "USD", "-1.500007"),
            ("2023-11-14 22:13:20", "custody", "EUR", "-0.05"),
            ("2023-11-14 22:13:20", "custody", "JPY", "-12"),
            ("2023-11-14 22:13:20", "payer-1", "USD", "1.500007"),
            ("2023-11-14 22:13:20", "payer-1", "JPY", "12"),
            ("2023-11-14 22:13:20", "client", "EUR", "0.05"),
        ]
        trial = reader.rows("SELECT * FROM trial_balance")
        assert trial == [("USD", 1_500_007, 0, -1_500_007, 0), ("EUR", 5, 0, -5, 0), ("JPY", 12, 0, -12, 0)]
        assert {type(value) for row in trial for value in row} == {str, int}


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE batches SET time_ns = 0 WHERE batch = 1",
        "UPDATE postings SET amount_units = amount_units * 2",
        "UPDATE trades SET price_ticks = 1",
        "UPDATE deposits SET amount_units = 1",
        "UPDATE payments SET amount_units = 1",
        "UPDATE busts SET number = number + 1",
        "UPDATE balances SET amount_units = amount_units + 1 WHERE account > 1",
        "UPDATE balances SET amount_units = amount_units + 1, batch = batch + 1 WHERE account > 1",
        "UPDATE balances SET amount_units = amount_units + 1, batch = 5 WHERE batch < 5",
        "UPDATE balances SET account = 99 WHERE account = 2",
        "UPDATE accounts SET subject = 'someone else' WHERE account = 2",
        "UPDATE currencies SET decimals = 2",
        "UPDATE instruments SET symbol = 'EUR/GBP' WHERE instrument = 0",
        "UPDATE venue SET id = 'other'",
        "UPDATE withdrawals SET state = 'RETURNED' WHERE state = 'PAID'",
        "UPDATE withdrawals SET amount_units = amount_units + 1",
        "UPDATE withdrawals SET state = 'HELD' WHERE state = 'RETURNED'",
        "UPDATE withdrawals SET state = 'PAID', ended_batch = 5, ended_sequence = 96 WHERE state = 'HELD'",
        "UPDATE withdrawals SET state = 'PAID', ended_batch = 6, ended_sequence = 99, amount_units = 6"
        " WHERE state = 'HELD'",
        "UPDATE withdrawals SET state = 'PAID', ended_batch = 6, ended_sequence = withdrawal WHERE state = 'HELD'",
        "INSERT INTO postings SELECT 5, 1, currency, 7 FROM currencies"
        " WHERE currency NOT IN (SELECT currency FROM postings WHERE batch = 5 AND account = 1)"
        " UNION ALL SELECT 5, 99, 0, 7",
        "INSERT INTO deposits VALUES (999, 5, 2, 0, 7, NULL)",
        "INSERT INTO payments VALUES (999, 5, 3, 2, 0, 7)",
        "INSERT INTO withdrawals VALUES (999, 2, 0, 7, 5, 'HELD', NULL, NULL)",
        "INSERT INTO busts SELECT instrument, 1000 + number, 5, 96 FROM trades LIMIT 1",
        "INSERT INTO trades VALUES (5, 99, 9, 0, 999, 2, 3, 'BUY', 0, 1, 1, 1, 1, 0, 0)",
        "INSERT INTO balances VALUES (77, 2, 7, 5)",
        "INSERT INTO batches VALUES (7, 97, 101, 0, 0, 0, 0, 0, 0, zero32, zero32, zero32)",
        "INSERT INTO batches VALUES (6, 96, 101, 0, 0, 0, 0, 0, 0, zero32, zero32, zero32)",
        "INSERT INTO batches VALUES (6, 97, 96, 0, 0, 0, 0, 0, 0, zero32, zero32, zero32)",
        "INSERT INTO batches VALUES (6, 97, 101, 0, 1, 0, 0, 0, 0, zero32, zero32, zero32)",
        *(f"DELETE FROM {table}" for table in ("batches", "postings", "trades", "deposits", "payments", "balances")),
        *(
            f"DELETE FROM {table}"
            for table in ("accounts", "currencies", "instruments", "venue", "withdrawals", "busts")
        ),
    ],
)
def test_sql_that_would_falsify_the_books_is_refused(posted: str, hand: Hand, statement: str) -> None:
    before = dump(posted)
    assert max(row[2] for row in before["batches"]) == LAST
    with pytest.raises(REFUSED):
        hand.run(statement)
    assert dump(posted) == before


def close_by_hand(hand: Hand, postings: str) -> None:
    """Post a sixth batch of two postings without the ledger's code."""
    hand.run("BEGIN")
    hand.run(f"INSERT INTO postings (batch, account, currency, amount_units) VALUES {postings}")
    hand.run("INSERT INTO batches VALUES (6, 97, 101, 0, 2, 0, 0, 0, 0, zero32, zero32, zero32)")
    hand.run("COMMIT")


@pytest.mark.parametrize(
    ("postings", "refusal"),
    [
        ("(6, 1, 0, -7), (6, 2, 0, 8)", "must sum to zero"),
        ("(6, 2, 0, -9000000000000000), (6, 3, 0, 9000000000000000)", "(?i)check|below zero"),
        ("(6, 1, 0, 9000000000000000), (6, 2, 0, -9000000000000000)", "(?i)check|below zero"),
        ("(6, 1, 0, -7), (6, 99, 0, 7)", "FOREIGN KEY|not in accounts"),
        ("(6, 1, 9, -7), (6, 2, 9, 7)", "FOREIGN KEY|does not have"),
    ],
)
def test_a_batch_that_is_wrong_cannot_be_closed_even_by_hand(hand: Hand, postings: str, refusal: str) -> None:
    with pytest.raises(REFUSED, match=refusal):
        close_by_hand(hand, postings)


def test_a_withdrawal_does_not_end_in_a_batch_that_is_closed(hand: Hand) -> None:
    hand.run("BEGIN")
    hand.run("INSERT INTO postings VALUES (6, 1, 0, -7), (6, 2, 0, 7)")
    with pytest.raises(REFUSED, match="ends once"):
        hand.run("UPDATE withdrawals SET state = 'PAID', ended_batch = 5, ended_sequence = 96 WHERE state = 'HELD'")


def test_lines_without_a_batch_are_refused_at_commit(hand: Hand) -> None:
    hand.run("BEGIN")
    hand.run("INSERT INTO postings VALUES (6, 1, 0, -7), (6, 2, 0, 7)")
    with pytest.raises(REFUSED, match=r"(?i)foreign key"):
        hand.run("COMMIT")


def test_a_withdrawal_that_ends_without_a_batch_is_refused_at_commit(hand: Hand) -> None:
    hand.run("BEGIN")
    hand.run("UPDATE withdrawals SET state = 'RETURNED', ended_batch = 6, ended_sequence = 99 WHERE state = 'HELD'")
    with pytest.raises(REFUSED, match=r"(?i)foreign key"):
        hand.run("COMMIT")


def test_a_batch_that_is_right_can_be_closed_by_hand(hand: Hand) -> None:
    query = "SELECT amount_units FROM balances WHERE (account, currency) = (2, 0)"
    before = hand.run(query)[0][0]
    close_by_hand(hand, "(6, 1, 0, -7), (6, 2, 0, 7)")
    assert hand.run(query)[0][0] == before + 7


def test_a_trade_is_in_the_books_once(sql_url: str, open_: Open, books: Books) -> None:
    ledger = open_(sql_url)
    ledger.post(books.batch())
    books.numbers[:] = [0] * len(books.numbers)
    with pytest.raises(LedgerError, match=r"trades are never replaced|duplicate key"):
        ledger.post(books.batch())


def test_a_line_outside_its_batchs_commands_is_refused(sql_url: str, open_: Open, books: Books) -> None:
    start = books.cursor
    batch = books.batch()
    books.cursor = start
    transfers = batch.transfers[batch.transfers["withdrawal"] == 0]
    transfers["sequence"][0] = batch.last_sequence + 1
    moved = books.close([], transfers=transfers, last=batch.last_sequence)
    ledger = open_(sql_url)
    with pytest.raises(LedgerError, match="that it counts"):
        ledger.post(moved)


def test_a_reader_sees_one_moment_while_batches_are_posted(sql_url: str, open_: Open, books: Books) -> None:
    ledger = open_(sql_url)
    ledger.post(books.batch())
    with open_reader(sql_url) as reader:
        sums = "SELECT (SELECT max(batch) FROM batches), sum(amount_units) FROM balances WHERE account <> 1"
        before = reader.rows(sums)
        ledger.post(books.batch())
        assert reader.rows(sums) == before
    with open_reader(sql_url) as reader:
        assert reader.rows(sums) != before
        assert reader.rows("SELECT '?', 7 % ? FROM venue WHERE id = ?", 4, "check-venue") == [("?", 3)]
        assert reader.damage() == []


def test_a_reader_cannot_write_and_says_what_it_cannot_read(posted: str) -> None:
    for sql in ("DELETE FROM balances", "SELECT nothing FROM nowhere"):
        with open_reader(posted) as reader, pytest.raises(LedgerError, match="cannot be read"):
            reader.rows(sql)
