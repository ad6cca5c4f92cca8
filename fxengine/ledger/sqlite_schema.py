"""The SQLite ledger's tables: books that an accountant can read, and that cannot be wrong.

What is written is a journal of double entry: a batch, its postings (which sum to zero in every
currency), and beside them the trades and transfers they are the net of. Balances are not written
by anybody: a trigger adds a batch's postings to them when the batch row is inserted.

The batch row comes last, and closes the batch::

    postings, trades, transfers of batch 7     only while there is no batch >= 7
    batches row 7                              only if 7 is next, its commands follow batch 6's, the
                                               counts are right and the postings sum to zero
      `-> balances += postings of batch 7      no client below zero, custody never above
    COMMIT                                     postings without their batch row: refused (deferred key)

Rows that are posted are never changed or deleted, but for a withdrawal, which is held first and ends once,
as paid or as returned; a balance changes by exactly its account's posting in the newest batch. Sums over
one batch cannot overflow 64 bits: what the accounts of a currency gain together is at most the currency's
total, which the venue keeps within 64 bits.

A bust need not name a trade that is here: it is in the journal by an operator's word, and books that refused
it would take nothing after it, for ever. ``fxengine verify`` names one that says another trade, or none.

Amounts are whole units; the views ``statement`` and ``trial_balance`` show decimals and names.
"""

from typing import Final

APPLICATION_ID: Final = 0x46584C47
"""Marks the file as a ledger of this project (``PRAGMA application_id``): FXLG."""

SCHEMA_VERSION: Final = 2
"""Kept in ``PRAGMA user_version``; another one is refused."""

_TABLES: Final = """
CREATE TABLE venue (
  only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
  id TEXT NOT NULL,
  name TEXT NOT NULL,
  fingerprint BLOB NOT NULL CHECK (length(fingerprint) = 32),
  genesis_head BLOB NOT NULL CHECK (length(genesis_head) = 32)
) STRICT;

CREATE TABLE currencies (
  currency INTEGER PRIMARY KEY,
  code TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  decimals INTEGER NOT NULL CHECK (decimals BETWEEN 0 AND 8)
) STRICT;

CREATE TABLE instruments (
  instrument INTEGER PRIMARY KEY,
  symbol TEXT NOT NULL UNIQUE,
  base INTEGER NOT NULL REFERENCES currencies,
  quote INTEGER NOT NULL REFERENCES currencies CHECK (quote <> base)
) STRICT;

CREATE TABLE accounts (
  account INTEGER PRIMARY KEY CHECK (account >= 0),
  role TEXT NOT NULL CHECK (role = CASE account WHEN 0 THEN 'fees' WHEN 1 THEN 'custody' ELSE 'client' END),
  issuer TEXT,
  subject TEXT,
  UNIQUE (subject, issuer),
  CHECK ((issuer IS NULL) = (subject IS NULL))
) STRICT;

CREATE TABLE batches (
  batch INTEGER PRIMARY KEY,
  first_sequence INTEGER NOT NULL,
  last_sequence INTEGER NOT NULL CHECK (last_sequence >= first_sequence),
  time_ns INTEGER NOT NULL,
  postings INTEGER NOT NULL,
  trades INTEGER NOT NULL,
  transfers INTEGER NOT NULL,
  withdrawals INTEGER NOT NULL,
  busts INTEGER NOT NULL,
  journal_hash BLOB NOT NULL CHECK (length(journal_hash) = 32),
  trades_root BLOB NOT NULL CHECK (length(trades_root) = 32),
  head BLOB NOT NULL CHECK (length(head) = 32)
) STRICT;

CREATE TABLE postings (
  batch INTEGER NOT NULL REFERENCES batches DEFERRABLE INITIALLY DEFERRED,
  account INTEGER NOT NULL REFERENCES accounts,
  currency INTEGER NOT NULL REFERENCES currencies,
  amount_units INTEGER NOT NULL CHECK (amount_units <> 0),
  PRIMARY KEY (batch, account, currency)
) STRICT, WITHOUT ROWID;
CREATE INDEX postings_of_account ON postings (account, batch);

CREATE TABLE trades (
  batch INTEGER NOT NULL REFERENCES batches DEFERRABLE INITIALLY DEFERRED,
  line INTEGER NOT NULL,
  sequence INTEGER NOT NULL,
  instrument INTEGER NOT NULL REFERENCES instruments,
  number INTEGER NOT NULL,
  maker INTEGER NOT NULL REFERENCES accounts,
  taker INTEGER NOT NULL REFERENCES accounts,
  maker_side TEXT NOT NULL CHECK (maker_side IN ('BUY', 'SELL')),
  swap INTEGER NOT NULL CHECK (swap IN (0, 1)),
  price_ticks INTEGER NOT NULL CHECK (price_ticks > 0),
  quantity_lots INTEGER NOT NULL CHECK (quantity_lots > 0),
  base_units INTEGER NOT NULL CHECK (base_units > 0),
  quote_units INTEGER NOT NULL CHECK (quote_units > 0),
  maker_fee_units INTEGER NOT NULL,
  taker_fee_units INTEGER NOT NULL CHECK (taker_fee_units >= 0),
  PRIMARY KEY (batch, line),
  UNIQUE (instrument, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE deposits (
  sequence INTEGER PRIMARY KEY,
  batch INTEGER NOT NULL REFERENCES batches DEFERRABLE INITIALLY DEFERRED,
  account INTEGER NOT NULL REFERENCES accounts,
  currency INTEGER NOT NULL REFERENCES currencies,
  amount_units INTEGER NOT NULL CHECK (amount_units > 0),
  external_id BLOB UNIQUE CHECK (length(external_id) = 16)
) STRICT;
CREATE INDEX deposits_of_batch ON deposits (batch);
CREATE INDEX deposits_of_account ON deposits (account, batch);

CREATE TABLE payments (
  sequence INTEGER PRIMARY KEY,
  batch INTEGER NOT NULL REFERENCES batches DEFERRABLE INITIALLY DEFERRED,
  payer INTEGER NOT NULL REFERENCES accounts,
  payee INTEGER NOT NULL REFERENCES accounts CHECK (payee <> payer),
  currency INTEGER NOT NULL REFERENCES currencies,
  amount_units INTEGER NOT NULL CHECK (amount_units > 0)
) STRICT;
CREATE INDEX payments_of_batch ON payments (batch);
CREATE INDEX payments_of_payer ON payments (payer, batch);
CREATE INDEX payments_of_payee ON payments (payee, batch);

CREATE TABLE withdrawals (
  withdrawal INTEGER PRIMARY KEY,
  account INTEGER NOT NULL REFERENCES accounts,
  currency INTEGER NOT NULL REFERENCES currencies,
  amount_units INTEGER NOT NULL CHECK (amount_units > 0),
  held_batch INTEGER NOT NULL REFERENCES batches DEFERRABLE INITIALLY DEFERRED,
  state TEXT NOT NULL CHECK (state IN ('HELD', 'PAID', 'RETURNED')),
  ended_batch INTEGER REFERENCES batches DEFERRABLE INITIALLY DEFERRED CHECK (ended_batch >= held_batch),
  ended_sequence INTEGER CHECK (ended_sequence > withdrawal OR (ended_sequence = withdrawal AND state = 'PAID')),
  CHECK ((state = 'HELD') = (ended_batch IS NULL) AND (state = 'HELD') = (ended_sequence IS NULL))
) STRICT;
CREATE INDEX withdrawals_of_held_batch ON withdrawals (held_batch);
CREATE INDEX withdrawals_of_ended_batch ON withdrawals (ended_batch);
CREATE INDEX withdrawals_of_account ON withdrawals (account, ended_batch);

CREATE TABLE busts (
  instrument INTEGER NOT NULL,
  number INTEGER NOT NULL,
  batch INTEGER NOT NULL REFERENCES batches DEFERRABLE INITIALLY DEFERRED,
  sequence INTEGER NOT NULL,
  PRIMARY KEY (instrument, number)
) STRICT, WITHOUT ROWID;
CREATE INDEX busts_of_batch ON busts (batch);

CREATE TABLE balances (
  account INTEGER NOT NULL REFERENCES accounts,
  currency INTEGER NOT NULL REFERENCES currencies,
  amount_units INTEGER NOT NULL CHECK (CASE account WHEN 1 THEN amount_units <= 0 ELSE amount_units >= 0 END),
  batch INTEGER NOT NULL REFERENCES batches,
  PRIMARY KEY (account, currency)
) STRICT, WITHOUT ROWID;
"""

_BATCH_RULES: Final = """
CREATE TRIGGER batch_closes BEFORE INSERT ON batches BEGIN
  SELECT RAISE(ABORT, 'a batch must follow the last one')
   WHERE NEW.batch <> 1 + coalesce((SELECT max(batch) FROM batches), 0)
      OR NEW.first_sequence <> 1 + coalesce((SELECT last_sequence FROM batches ORDER BY batch DESC LIMIT 1), 0);
  SELECT RAISE(ABORT, 'the postings of a batch must sum to zero in every currency')
   WHERE EXISTS (SELECT 1 FROM postings WHERE batch = NEW.batch GROUP BY currency HAVING sum(amount_units) <> 0);
  SELECT RAISE(ABORT, 'a batch must have the postings, trades, transfers, withdrawals and busts that it counts')
   WHERE NEW.postings <> (SELECT count(*) FROM postings WHERE batch = NEW.batch)
      OR NEW.trades <> (SELECT count(*) FROM trades WHERE batch = NEW.batch
                                        AND sequence BETWEEN NEW.first_sequence AND NEW.last_sequence)
      OR NEW.transfers <> (SELECT count(*) FROM deposits WHERE batch = NEW.batch
                                        AND sequence BETWEEN NEW.first_sequence AND NEW.last_sequence)
                        + (SELECT count(*) FROM payments WHERE batch = NEW.batch
                                        AND sequence BETWEEN NEW.first_sequence AND NEW.last_sequence)
                        + (SELECT count(*) FROM withdrawals WHERE ended_batch = NEW.batch AND state = 'PAID'
                                        AND ended_sequence BETWEEN NEW.first_sequence AND NEW.last_sequence)
      OR NEW.withdrawals <> (SELECT count(*) FROM withdrawals WHERE held_batch = NEW.batch
                                        AND ended_sequence IS NOT withdrawal
                                        AND withdrawal BETWEEN NEW.first_sequence AND NEW.last_sequence)
                          + (SELECT count(*) FROM withdrawals WHERE ended_batch = NEW.batch
                                        AND ended_sequence > withdrawal
                                        AND ended_sequence BETWEEN NEW.first_sequence AND NEW.last_sequence)
      OR NEW.busts <> (SELECT count(*) FROM busts WHERE batch = NEW.batch
                                        AND sequence BETWEEN NEW.first_sequence AND NEW.last_sequence);
END;

CREATE TRIGGER withdrawal_begins BEFORE INSERT ON withdrawals
  WHEN NEW.held_batch <= (SELECT max(batch) FROM batches) OR NEW.ended_batch <> NEW.held_batch
    OR NEW.ended_sequence <> NEW.withdrawal
BEGIN SELECT RAISE(ABORT, 'a posted batch takes no more withdrawals'); END;

CREATE TRIGGER withdrawal_ends_once BEFORE UPDATE ON withdrawals
  WHEN OLD.state <> 'HELD' OR NEW.ended_sequence IS NULL OR NEW.ended_sequence <= NEW.withdrawal
    OR NEW.ended_batch <= (SELECT max(batch) FROM batches)
    OR (NEW.withdrawal, NEW.account, NEW.currency, NEW.amount_units, NEW.held_batch)
       <> (OLD.withdrawal, OLD.account, OLD.currency, OLD.amount_units, OLD.held_batch)
BEGIN SELECT RAISE(ABORT, 'a withdrawal ends once, and posted withdrawals never change otherwise'); END;

CREATE TRIGGER batch_moves_balances AFTER INSERT ON batches BEGIN
  UPDATE balances SET amount_units = balances.amount_units + p.amount_units, batch = p.batch
    FROM postings p
   WHERE p.batch = NEW.batch AND p.account = balances.account AND p.currency = balances.currency;
  INSERT INTO balances (account, currency, amount_units, batch)
  SELECT p.account, p.currency, p.amount_units, p.batch FROM postings p
   WHERE p.batch = NEW.batch
     AND NOT EXISTS (SELECT 1 FROM balances b WHERE b.account = p.account AND b.currency = p.currency);
END;

CREATE TRIGGER balance_opens BEFORE INSERT ON balances
  WHEN NEW.amount_units IS NOT (SELECT amount_units FROM postings
        WHERE batch = NEW.batch AND account = NEW.account AND currency = NEW.currency)
    OR NEW.batch IS NOT (SELECT max(batch) FROM batches)
BEGIN SELECT RAISE(ABORT, 'a balance opens with its first posting'); END;

CREATE TRIGGER balance_moves BEFORE UPDATE ON balances
  WHEN NEW.account <> OLD.account OR NEW.currency <> OLD.currency OR NEW.batch <= OLD.batch
    OR NEW.batch IS NOT (SELECT max(batch) FROM batches)
    OR NEW.amount_units IS NOT OLD.amount_units + (SELECT amount_units FROM postings
        WHERE batch = NEW.batch AND account = NEW.account AND currency = NEW.currency)
BEGIN SELECT RAISE(ABORT, 'a balance changes by its posting in the newest batch alone'); END;

CREATE TRIGGER account_keeps_its_name BEFORE UPDATE ON accounts
  WHEN NEW.account <> OLD.account OR OLD.issuer IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'an account keeps its number and its name'); END;
"""

_VIEWS: Final = """
CREATE VIEW amounts_shown AS
  SELECT p.batch, p.account, p.currency, p.amount_units, c.code,
         CASE WHEN p.amount_units < 0 THEN '-' ELSE '' END
         || CASE c.decimals WHEN 0 THEN CAST(abs(p.amount_units) AS TEXT) ELSE
              printf('%d.%0*d', abs(p.amount_units) / s.one, c.decimals, abs(p.amount_units) % s.one) END AS amount
    FROM postings p JOIN currencies c USING (currency)
    JOIN (SELECT currency, CAST('1' || substr('00000000', 1, decimals) AS INTEGER) AS one FROM currencies) s
   USING (currency);

CREATE VIEW statement AS
  SELECT a.batch, datetime(b.time_ns / 1000000000, 'unixepoch') AS time_utc, a.account,
         coalesce(n.subject, n.role) AS holder, n.issuer, a.code AS currency, a.amount
    FROM amounts_shown a JOIN batches b USING (batch) JOIN accounts n USING (account);

CREATE VIEW trial_balance AS
  SELECT c.code AS currency,
         coalesce(sum(b.amount_units) FILTER (WHERE n.role = 'client'), 0) AS clients_units,
         coalesce(sum(b.amount_units) FILTER (WHERE n.role = 'fees'), 0) AS fees_units,
         coalesce(sum(b.amount_units) FILTER (WHERE n.role = 'custody'), 0) AS custody_units,
         coalesce(sum(b.amount_units), 0) AS difference_units
    FROM currencies c LEFT JOIN balances b USING (currency) LEFT JOIN accounts n USING (account)
   GROUP BY c.currency ORDER BY c.currency;
"""

_APPENDED: Final = ("postings", "trades", "deposits", "payments", "busts")
_SAME_KEY: Final = {
    "venue": "only_row = NEW.only_row",
    "currencies": "currency = NEW.currency",
    "instruments": "instrument = NEW.instrument",
    "accounts": "account = NEW.account",
    "balances": "account = NEW.account AND currency = NEW.currency",
    "trades": "instrument = NEW.instrument AND number = NEW.number",
    "deposits": "external_id = NEW.external_id",
    "withdrawals": "withdrawal = NEW.withdrawal",
    "busts": "instrument = NEW.instrument AND number = NEW.number",
}
"""Tables in which INSERT OR REPLACE would otherwise change a row: no delete trigger hears of that."""
_FOREVER: Final = (*_APPENDED, "batches", "venue", "currencies", "instruments")


def schema() -> str:
    """Return the statements that make an empty ledger, to be run in one transaction."""
    rules = [_TABLES, _BATCH_RULES]
    for table in _APPENDED:
        rules.append(
            f"CREATE TRIGGER {table}_join_an_open_batch BEFORE INSERT ON {table}\n"
            f"  WHEN NEW.batch <= (SELECT max(batch) FROM batches)\n"
            f"BEGIN SELECT RAISE(ABORT, 'a posted batch takes no more {table}'); END;\n"
        )
    for table in _FOREVER:
        rules.append(
            f"CREATE TRIGGER {table}_never_change BEFORE UPDATE ON {table}\n"
            f"BEGIN SELECT RAISE(ABORT, 'posted {table} never change'); END;\n"
        )
    for table in (*_FOREVER, "accounts", "balances", "withdrawals"):
        rules.append(
            f"CREATE TRIGGER {table}_never_vanish BEFORE DELETE ON {table}\n"
            f"BEGIN SELECT RAISE(ABORT, '{table} are never deleted'); END;\n"
        )
    for table, same_key in _SAME_KEY.items():
        rules.append(
            f"CREATE TRIGGER {table}_are_never_replaced BEFORE INSERT ON {table}\n"
            f"  WHEN EXISTS (SELECT 1 FROM {table} WHERE {same_key})\n"
            f"BEGIN SELECT RAISE(ABORT, '{table} are never replaced'); END;\n"
        )
    return "".join([*rules, _VIEWS])
