"""A statement is what the books say: opening and postings make the closing balance, lines make each posting."""

import sqlite3
from collections import defaultdict

import numpy as np
import pytest

from fxengine.codes import CUSTODY_ACCOUNT, FEES_ACCOUNT, EventKind, Side
from fxengine.errors import FxEngineError, LedgerError
from fxengine.ledger import TRADE, TRANSFER
from fxengine.ledger.holders import Holder, find_holder
from fxengine.ledger.reading import Reader, Row, open_reader
from fxengine.statements.period import BatchRange, Period, batches_of, period, utc_text
from fxengine.statements.statement import Statement
from tests.unit.statements.conftest import ALICE, BOB, USD, Kept

ALL = Period(None, None)
ACCOUNTS = (FEES_ACCOUNT, CUSTODY_ACCOUNT, 2, 3, 4, 5, 6)


def times(kept: Kept) -> list[int]:
    return [batch.time_ns for batch in kept.batches]


@pytest.mark.parametrize("account", ACCOUNTS)
def test_every_posting_of_every_account_is_there_with_lines_that_add_up(
    kept: Kept, reader: Reader, account: int
) -> None:
    found = Statement(reader, find_holder(reader, str(account)), ALL)
    shown = {(p.batch, p.currency): p.amount_units for p in found.postings() if p.amount_units}
    posted = {
        (batch.id, currency): units
        for batch in kept.batches
        for who, currency, _, units in batch.deltas.tolist()
        if who == account
    }
    assert shown == posted
    assert all(p.lines for p in found.postings())
    balances = {c: u for (who, c), u in kept.books.balances.items() if who == account}
    assert (set(found.opening.values()), found.closing) == ({0}, balances)


@pytest.mark.parametrize(("first", "last"), [(1, 9), (2, 2), (3, 7), (7, 8), (9, 9), (9, 3)])
def test_a_part_of_the_time_opens_with_what_was_there_and_closes_with_what_is_then(
    kept: Kept, reader: Reader, first: int, last: int
) -> None:
    wanted = Period(times(kept)[first - 1], times(kept)[last - 1] + 1)
    assert batches_of(reader, wanted) == BatchRange(first, last)
    for account in ACCOUNTS:
        had: dict[int, int] = defaultdict(int)
        ends: dict[int, int] = defaultdict(int)
        for batch in kept.batches:
            for who, currency, _, units in batch.deltas.tolist():
                if who == account:
                    had[currency] += units if batch.id < first else 0
                    ends[currency] += units if batch.id <= max(last, first - 1) else 0
        found = Statement(reader, find_holder(reader, str(account)), wanted)
        assert (found.opening, found.closing) == (dict(had), dict(ends))
        running = dict(found.opening)
        for posting in found.postings():
            assert first <= posting.batch <= last
            running[posting.currency] = running.get(posting.currency, 0) + posting.amount_units
            assert posting.balance_units == running[posting.currency]
        assert running == found.closing


def test_a_period_outside_all_batches_moves_nothing(kept: Kept, reader: Reader) -> None:
    alice = find_holder(reader, str(ALICE))
    before = Statement(reader, alice, Period(None, times(kept)[0]))
    after = Statement(reader, alice, Period(times(kept)[-1] + 1, None))
    assert [*before.postings(), *after.postings()] == []
    assert set(before.closing.values()) == {0}
    assert after.opening == after.closing == Statement(reader, alice, ALL).closing


def test_money_that_came_went_and_was_paid_is_told_apart(reader: Reader) -> None:
    def moved(account: int) -> list[tuple[str, int, int | None]]:
        found = Statement(reader, find_holder(reader, str(account)), ALL)
        (posting,) = [p for p in found.postings() if p.batch == 7]
        return [(line.kind, line.amount_units, line.counterparty) for line in posting.lines]

    assert moved(ALICE) == [("deposit", 700, None), ("payment", -50, BOB)]
    assert moved(CUSTODY_ACCOUNT) == [("deposit", -700, None), ("withdrawal", 20, None), ("withdrawal", 30, None)]


def test_money_that_came_and_left_in_one_batch_is_shown_although_it_cancels_out(reader: Reader) -> None:
    """Bob is paid 50 and takes 20 and 30 out: no posting, but his statement must not be silent about it."""
    found = Statement(reader, find_holder(reader, str(BOB)), ALL)
    (posting,) = [p for p in found.postings() if p.batch == 7]
    lines = [(line.kind, line.amount_units) for line in posting.lines]
    assert (posting.amount_units, lines) == (0, [("payment", 50), ("withdrawal", -20), ("withdrawal", -30)])


@pytest.mark.parametrize(("kind", "to"), [(EventKind.WITHDRAWN, CUSTODY_ACCOUNT), (EventKind.RECEIVED, BOB)])
def test_a_gain_from_trades_that_left_in_the_same_batch_is_shown(in_file: Kept, kind: EventKind, to: int) -> None:
    """Alice buys 5 of Bob at 4 and sells him 4 at 5; the one that she has more she takes out, or pays to him."""
    books, pair = in_file.books, in_file.venue.instruments[0]
    first, base, gain = books.cursor.last_sequence + 1, pair.base.index, pair.lot_units
    trades = [
        (first + n, books.numbers[0] + 1 + n, 0, side, 0, ALICE, BOB, b"", price, lots, 0, 0)
        for n, (side, price, lots) in enumerate([(Side.BUY, 4, 5), (Side.SELL, 5, 4)])
    ]
    left = (first + 2, ALICE, to, base, kind, b"", gain, 0, b"", b"")
    moves = [(BOB, base, -gain), (to, base, gain)]  # nothing, where it is Bob's again
    in_file.post(books.close(moves, np.array(trades, TRADE), np.array([left], TRANSFER), last=first + 2))
    for account, last in ((ALICE, "withdrawal" if to == CUSTODY_ACCOUNT else "payment"), (BOB, "payment")):
        with open_reader(in_file.url) as reader:
            found = Statement(reader, find_holder(reader, str(account)), ALL)
            shown = {p.currency: [line.kind for line in p.lines] for p in found.postings() if p.batch == 10}
        ends = [last] if account == ALICE or to == BOB else []
        assert shown == {base: ["trade", "trade", *ends], pair.quote.index: ["trade", "trade"]}


def test_a_statement_goes_on_page_after_page(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = [list(Statement(reader, find_holder(reader, str(account)), ALL).postings()) for account in ACCOUNTS]
    monkeypatch.setattr("fxengine.statements.statement._PAGE_BATCHES", 2)
    paged = [list(Statement(reader, find_holder(reader, str(account)), ALL).postings()) for account in ACCOUNTS]
    assert paged == whole


def test_a_bust_is_the_trade_with_all_signs_turned(kept: Kept, reader: Reader) -> None:
    busts = [(batch.id, bust) for batch in kept.batches for bust in batch.busts]
    trades = {(int(t["instrument"]), int(t["number"])): t for batch in kept.batches for t in batch.trades}
    assert len(busts) == 8
    for batch_id, bust in busts:
        trade = trades[int(bust["instrument"]), int(bust["number"])]
        symbol = kept.venue.instruments[bust["instrument"]].symbol
        for account in {int(trade["maker"]), int(trade["taker"]), FEES_ACCOUNT}:
            found = Statement(reader, find_holder(reader, str(account)), ALL)
            lines = [line for p in found.postings() for line in p.lines]
            its_own = [line for line in lines if (line.instrument, line.number) == (symbol, trade["number"])]
            made = sorted((line.currency, line.amount_units) for line in its_own if line.kind != "bust")
            undone = sorted((line.currency, -line.amount_units) for line in its_own if line.kind == "bust")
            assert made == undone != []
            assert {line.batch for line in its_own if line.kind == "bust"} == {batch_id}


def test_fees_and_rebates_are_lines_of_their_own(kept: Kept, reader: Reader) -> None:
    kinds: dict[str, int] = defaultdict(int)
    for account in ACCOUNTS:
        for posting in Statement(reader, find_holder(reader, str(account)), ALL).postings():
            for line in posting.lines:
                kinds[line.kind] += 1
                assert line.kind != "fee" or (line.amount_units > 0) == (account == FEES_ACCOUNT)
                assert line.kind != "rebate" or (line.amount_units < 0) == (account == FEES_ACCOUNT)
    assert set(kinds) == {"trade", "fee", "rebate", "deposit", "withdrawal", "payment", "bust"}


# -- books that do not agree with themselves


def falsify(in_file: Kept, table: str, statement: str) -> None:
    in_file.ledger.close()
    with sqlite3.connect(in_file.url.removeprefix("sqlite:")) as db:
        for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = ?", (table,)):
            db.execute(f"DROP TRIGGER {name}")
        assert db.execute(statement).rowcount == 1
    db.close()


@pytest.mark.parametrize(
    ("table", "statement"),
    [
        (
            "balances",
            f"UPDATE balances SET amount_units = amount_units + 1 WHERE account = {ALICE} AND currency = {USD}",
        ),
        (
            "postings",
            "UPDATE postings SET amount_units = amount_units + 1 WHERE (batch, account, currency) ="
            f" (7, {ALICE}, {USD})",
        ),
        ("postings", f"DELETE FROM postings WHERE (batch, account, currency) = (7, {ALICE}, {USD})"),
        ("deposits", "UPDATE deposits SET amount_units = 701 WHERE amount_units = 700"),
        ("payments", "DELETE FROM payments WHERE amount_units = 50"),
    ],
)
def test_a_statement_that_does_not_add_up_is_refused(in_file: Kept, table: str, statement: str) -> None:
    falsify(in_file, table, statement)
    with open_reader(in_file.url) as reader, pytest.raises(LedgerError, match="fxengine verify"):
        list(Statement(reader, find_holder(reader, str(ALICE)), ALL).postings())


# -- cost


class Plans:
    """A reader that also asks how each query will be done."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self.steps: set[str] = set()

    def rows(self, sql: str, *values: object) -> list[Row]:
        self.steps |= {str(row[3]) for row in self._reader.rows(f"EXPLAIN QUERY PLAN {sql}", *values)}
        return self._reader.rows(sql, *values)

    def damage(self) -> list[str]:
        return self._reader.damage()

    def __enter__(self) -> "Plans":
        return self

    def __exit__(self, *_: object) -> None: ...


@pytest.mark.parametrize("account", [*map(str, ACCOUNTS), "fees", "custody", "payer-2"])
def test_no_query_of_a_statement_reads_a_whole_large_table(in_file: Kept, account: str) -> None:
    wanted = Period(times(in_file)[2], times(in_file)[6])
    with open_reader(in_file.url) as reader:
        plans = Plans(reader)
        assert list(Statement(plans, find_holder(plans, account), wanted).postings())
    whole = {step for step in plans.steps if step.startswith("SCAN")}
    assert {step.split()[1] for step in whole} <= {"currencies", "instruments"}, whole
    assert any("postings_of_account" in step for step in plans.steps)


def test_a_busy_account_takes_few_queries_and_a_rare_one_reads_only_its_batches(in_file: Kept) -> None:
    with open_reader(in_file.url) as reader:
        looks = list(Statement(reader, find_holder(reader, "fees"), ALL)._looks())
    assert looks == [[1, 2, 3, 4, 5, 6, 8, 9]]  # batch 7 has no trade, so no fee
    for _ in range(40):
        in_file.post(in_file.books.close([(CUSTODY_ACCOUNT, USD, -1), (BOB, USD, 1)]))
    in_file.post(in_file.books.close([(CUSTODY_ACCOUNT, USD, -1), (ALICE, USD, 1)]))
    with open_reader(in_file.url) as later:
        assert list(Statement(later, find_holder(later, str(ALICE)), ALL)._looks())[-1] == [50]


# -- who and when


def test_an_account_is_found_by_number_role_or_name(reader: Reader) -> None:
    assert find_holder(reader, "2") == Holder(2, "client", "https://kyc.example", "payer-2")
    assert find_holder(reader, "payer-3").account == 3
    assert find_holder(reader, "payer-3", "https://kyc.example").account == 3
    assert (find_holder(reader, "fees").account, find_holder(reader, "custody").account) == (0, 1)
    for who, issuer in (("nobody", None), ("99", None), ("payer-2", "other"), ("9" * 30, None), ("", None)):
        with pytest.raises(LedgerError, match="no account"):
            find_holder(reader, who, issuer)


def test_a_name_that_two_issuers_know_must_be_told_apart(in_file: Kept) -> None:
    from fxengine.ledger import AccountName

    in_file.post(
        in_file.books.close([(CUSTODY_ACCOUNT, USD, -1), (9, USD, 1)], names=(AccountName(9, "other", "payer-2"),))
    )
    with open_reader(in_file.url) as reader:
        with pytest.raises(LedgerError, match="--issuer"):
            find_holder(reader, "payer-2")
        assert find_holder(reader, "payer-2", "other").account == 9


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        ("2026-10-30", "2026-10-30", (1793318400, 1793404800)),
        ("20261030", "2026-W44-5", (1793318400, 1793404800)),
        ("2026-10-30T09:00:00Z", "2026-10-30T10:00:00+01:00", None),
        ("2026-10-30T09:00:00Z", "2026-10-30T11:00:00+01:00", (1793350800, 1793354400)),
        ("2026-10-30T09:00:00", None, (1793350800, None)),
        (None, "1970-01-01", (None, 86_400)),
        ("2026-10-31", "2026-10-30", None),
        ("yesterday", None, None),
        ("2026-13-01", None, None),
        ("9999-12-31", "9999-12-31", None),
    ],
)
def test_a_period_is_read_or_refused_in_words(
    start: str | None, end: str | None, expected: tuple[int | None, int | None] | None
) -> None:
    if expected is None:
        with pytest.raises(FxEngineError, match=r"period|is not a date"):
            period(start, end)
        return
    found = period(start, end)
    assert tuple(None if ns is None else ns // 10**9 for ns in found) == expected


def test_a_time_is_written_to_the_nanosecond() -> None:
    assert utc_text(1_793_318_400_123_456_789) == "2026-10-30T00:00:00.123456789Z"
