"""The PostgreSQL ledger's tables: the same books as the SQLite ones, with the same rules, checked a set at a time.

Tables, columns and the order of writing are those of :mod:`fxengine.ledger.sqlite_schema`: lines first, while
their batch is open; the row in ``batches`` last, which closes it; balances are moved by that row's trigger and
by nobody else. What differs is how the rules are kept, because a trigger for every row would cost more than
the row:

* lines are checked by one statement-level trigger per statement (a COPY is one), against the transition table;
* whether their accounts, currencies and instruments exist is checked for the whole batch when it is closed;
  a foreign key would ask row by row. Nothing these lines refer to can be deleted;
* a batch that has lines has a row in ``open_batches``, whose deferred foreign key to ``batches`` refuses a
  COMMIT without the closing row. Closing takes the row away, so the table is empty between transactions.

Every rule raises SQLSTATE 23000 (integrity constraint violation) with a sentence. Whoever owns the tables can
take the rules away, as a database's owner always can: docs/settlement.md says which roles to make.

``MIGRATIONS`` are applied in order, each once, and are never edited after a release.
"""

from typing import Final

_TABLES: Final = """
CREATE TABLE venue (
  only_row smallint PRIMARY KEY CHECK (only_row = 1),
  id text NOT NULL,
  name text NOT NULL,
  fingerprint bytea NOT NULL CHECK (length(fingerprint) = 32),
  genesis_head bytea NOT NULL CHECK (length(genesis_head) = 32)
);

CREATE TABLE currencies (
  currency integer PRIMARY KEY,
  code text NOT NULL UNIQUE,
  name text NOT NULL,
  decimals integer NOT NULL CHECK (decimals BETWEEN 0 AND 8)
);

CREATE TABLE instruments (
  instrument integer PRIMARY KEY,
  symbol text NOT NULL UNIQUE,
  base integer NOT NULL REFERENCES currencies,
  quote integer NOT NULL REFERENCES currencies CHECK (quote <> base)
);

CREATE TABLE accounts (
  account bigint PRIMARY KEY CHECK (account >= 0),
  role text NOT NULL CHECK (role = CASE account WHEN 0 THEN 'fees' WHEN 1 THEN 'custody' ELSE 'client' END),
  issuer text,
  subject text,
  UNIQUE (issuer, subject),
  CHECK ((issuer IS NULL) = (subject IS NULL))
);

CREATE TABLE batches (
  batch bigint PRIMARY KEY,
  first_sequence bigint NOT NULL,
  last_sequence bigint NOT NULL CHECK (last_sequence >= first_sequence),
  time_ns bigint NOT NULL,
  postings bigint NOT NULL,
  trades bigint NOT NULL,
  transfers bigint NOT NULL,
  withdrawals bigint NOT NULL,
  busts bigint NOT NULL,
  journal_hash bytea NOT NULL CHECK (length(journal_hash) = 32),
  trades_root bytea NOT NULL CHECK (length(trades_root) = 32),
  head bytea NOT NULL CHECK (length(head) = 32)
);

CREATE TABLE open_batches (
  batch bigint PRIMARY KEY REFERENCES batches DEFERRABLE INITIALLY DEFERRED
);

CREATE TABLE postings (
  batch bigint NOT NULL,
  account bigint NOT NULL,
  currency integer NOT NULL,
  amount_units bigint NOT NULL CHECK (amount_units <> 0),
  PRIMARY KEY (batch, account, currency)
);
CREATE INDEX postings_of_account ON postings (account, batch);

CREATE TABLE trades (
  batch bigint NOT NULL,
  line integer NOT NULL,
  sequence bigint NOT NULL,
  instrument integer NOT NULL,
  number bigint NOT NULL,
  maker bigint NOT NULL,
  taker bigint NOT NULL,
  maker_side text NOT NULL CHECK (maker_side IN ('BUY', 'SELL')),
  swap smallint NOT NULL CHECK (swap IN (0, 1)),
  price_ticks bigint NOT NULL CHECK (price_ticks > 0),
  quantity_lots bigint NOT NULL CHECK (quantity_lots > 0),
  base_units bigint NOT NULL CHECK (base_units > 0),
  quote_units bigint NOT NULL CHECK (quote_units > 0),
  maker_fee_units bigint NOT NULL,
  taker_fee_units bigint NOT NULL CHECK (taker_fee_units >= 0),
  PRIMARY KEY (batch, line),
  UNIQUE (instrument, number)
);

CREATE TABLE deposits (
  sequence bigint PRIMARY KEY,
  batch bigint NOT NULL,
  account bigint NOT NULL REFERENCES accounts,
  currency integer NOT NULL REFERENCES currencies,
  amount_units bigint NOT NULL CHECK (amount_units > 0),
  external_id bytea UNIQUE CHECK (length(external_id) = 16)
);
CREATE INDEX deposits_of_batch ON deposits (batch);
CREATE INDEX deposits_of_account ON deposits (account, batch);

CREATE TABLE payments (
  sequence bigint PRIMARY KEY,
  batch bigint NOT NULL,
  payer bigint NOT NULL REFERENCES accounts,
  payee bigint NOT NULL REFERENCES accounts CHECK (payee <> payer),
  currency integer NOT NULL REFERENCES currencies,
  amount_units bigint NOT NULL CHECK (amount_units > 0)
);
CREATE INDEX payments_of_batch ON payments (batch);
CREATE INDEX payments_of_payer ON payments (payer, batch);
CREATE INDEX payments_of_payee ON payments (payee, batch);

CREATE TABLE withdrawals (
  withdrawal bigint PRIMARY KEY,
  account bigint NOT NULL REFERENCES accounts,
  currency integer NOT NULL REFERENCES currencies,
  amount_units bigint NOT NULL CHECK (amount_units > 0),
  held_batch bigint NOT NULL,
  state text NOT NULL CHECK (state IN ('HELD', 'PAID', 'RETURNED')),
  ended_batch bigint CHECK (ended_batch >= held_batch),
  ended_sequence bigint CHECK (ended_sequence > withdrawal OR (ended_sequence = withdrawal AND state = 'PAID')),
  CHECK ((state = 'HELD') = (ended_batch IS NULL) AND (state = 'HELD') = (ended_sequence IS NULL))
);
CREATE INDEX withdrawals_of_held_batch ON withdrawals (held_batch);
CREATE INDEX withdrawals_of_ended_batch ON withdrawals (ended_batch);
CREATE INDEX withdrawals_of_account ON withdrawals (account, ended_batch);

CREATE TABLE busts (
  instrument integer NOT NULL,
  number bigint NOT NULL,
  batch bigint NOT NULL,
  sequence bigint NOT NULL,
  PRIMARY KEY (instrument, number),
  FOREIGN KEY (instrument, number) REFERENCES trades (instrument, number)
);
CREATE INDEX busts_of_batch ON busts (batch);

CREATE TABLE balances (
  account bigint NOT NULL,
  currency integer NOT NULL,
  amount_units bigint NOT NULL CHECK (CASE account WHEN 1 THEN amount_units <= 0 ELSE amount_units >= 0 END),
  batch bigint NOT NULL,
  PRIMARY KEY (account, currency)
) WITH (fillfactor = 60);
"""

_REFUSE: Final = """
CREATE FUNCTION refuse(because text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION '%', because USING ERRCODE = 'integrity_constraint_violation'; END $$;

CREATE FUNCTION next_batch() RETURNS bigint LANGUAGE sql STABLE SET search_path FROM CURRENT AS $$
  SELECT 1 + coalesce(max(batch), 0) FROM batches $$;

CREATE FUNCTION never_changes() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN PERFORM refuse('posted ' || TG_TABLE_NAME || ' never change'); RETURN NULL; END $$;
"""

_LINE_RULES: Final = """
CREATE FUNCTION lines_join_an_open_batch() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE opened bigint := next_batch();
BEGIN
  IF EXISTS (SELECT FROM added WHERE batch <> opened) THEN
    PERFORM refuse('a posted batch takes no more ' || TG_TABLE_NAME);
  END IF;
  IF EXISTS (SELECT FROM added) THEN
    INSERT INTO open_batches VALUES (opened) ON CONFLICT DO NOTHING;
  END IF;
  RETURN NULL;
END $$;

CREATE FUNCTION withdrawal_steps() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE opened bigint := next_batch();
BEGIN
  IF TG_OP = 'INSERT' THEN
    IF NEW.held_batch <> opened OR NEW.ended_batch <> opened OR NEW.ended_sequence <> NEW.withdrawal THEN
      PERFORM refuse('a posted batch takes no more withdrawals');
    END IF;
  ELSIF OLD.state <> 'HELD' OR NEW.ended_sequence IS NULL OR NEW.ended_sequence <= NEW.withdrawal
     OR NEW.ended_batch <> opened
     OR (NEW.withdrawal, NEW.account, NEW.currency, NEW.amount_units, NEW.held_batch)
        <> (OLD.withdrawal, OLD.account, OLD.currency, OLD.amount_units, OLD.held_batch) THEN
    PERFORM refuse('a withdrawal ends once, and posted withdrawals never change otherwise');
  END IF;
  INSERT INTO open_batches VALUES (opened) ON CONFLICT DO NOTHING;
  RETURN NEW;
END $$;
CREATE TRIGGER steps BEFORE INSERT OR UPDATE ON withdrawals FOR EACH ROW EXECUTE FUNCTION withdrawal_steps();

CREATE FUNCTION account_keeps_its_name() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
  IF NEW.account <> OLD.account OR OLD.issuer IS NOT NULL THEN
    PERFORM refuse('an account keeps its number and its name');
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER keeps_its_name BEFORE UPDATE ON accounts FOR EACH ROW EXECUTE FUNCTION account_keeps_its_name();
"""

_BATCH_RULES: Final = """
CREATE FUNCTION batch_closes() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
  last batches%ROWTYPE;
  first_n bigint := NEW.first_sequence;
  last_n bigint := NEW.last_sequence;
BEGIN
  SELECT * INTO last FROM batches ORDER BY batch DESC LIMIT 1;
  IF NEW.batch <> 1 + coalesce(last.batch, 0) OR NEW.first_sequence <> 1 + coalesce(last.last_sequence, 0) THEN
    PERFORM refuse('a batch must follow the last one');
  END IF;
  IF EXISTS (SELECT FROM postings WHERE batch = NEW.batch GROUP BY currency HAVING sum(amount_units) <> 0) THEN
    PERFORM refuse('the postings of a batch must sum to zero in every currency');
  END IF;
  IF NEW.postings <> (SELECT count(*) FROM postings WHERE batch = NEW.batch)
  OR NEW.trades <> (SELECT count(*) FROM trades WHERE batch = NEW.batch AND sequence BETWEEN first_n AND last_n)
  OR NEW.transfers <> (SELECT count(*) FROM deposits WHERE batch = NEW.batch AND sequence BETWEEN first_n AND last_n)
                    + (SELECT count(*) FROM payments WHERE batch = NEW.batch AND sequence BETWEEN first_n AND last_n)
                    + (SELECT count(*) FROM withdrawals WHERE ended_batch = NEW.batch AND state = 'PAID'
                          AND ended_sequence BETWEEN first_n AND last_n)
  OR NEW.withdrawals <> (SELECT count(*) FROM withdrawals WHERE held_batch = NEW.batch
                          AND ended_sequence IS DISTINCT FROM withdrawal AND withdrawal BETWEEN first_n AND last_n)
                      + (SELECT count(*) FROM withdrawals WHERE ended_batch = NEW.batch
                          AND ended_sequence > withdrawal AND ended_sequence BETWEEN first_n AND last_n)
  OR NEW.busts <> (SELECT count(*) FROM busts WHERE batch = NEW.batch AND sequence BETWEEN first_n AND last_n) THEN
    PERFORM refuse('a batch must have the postings, trades, transfers, withdrawals and busts that it counts');
  END IF;
  IF EXISTS (SELECT FROM postings p WHERE batch = NEW.batch
              AND NOT EXISTS (SELECT FROM accounts a WHERE a.account = p.account))
  OR EXISTS (SELECT FROM trades t WHERE batch = NEW.batch
              AND (NOT EXISTS (SELECT FROM accounts a WHERE a.account = t.maker)
                OR NOT EXISTS (SELECT FROM accounts a WHERE a.account = t.taker))) THEN
    PERFORM refuse('a line names an account that is not in accounts');
  END IF;
  IF EXISTS (SELECT currency FROM postings WHERE batch = NEW.batch EXCEPT SELECT currency FROM currencies)
  OR EXISTS (SELECT instrument FROM trades WHERE batch = NEW.batch EXCEPT SELECT instrument FROM instruments) THEN
    PERFORM refuse('a line names a currency or an instrument that the venue does not have');
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER closes BEFORE INSERT ON batches FOR EACH ROW EXECUTE FUNCTION batch_closes();

CREATE FUNCTION batch_moves_balances() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT
  SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off AS $$
BEGIN
  UPDATE balances SET amount_units = balances.amount_units + p.amount_units, batch = p.batch
    FROM postings p
   WHERE p.batch = NEW.batch AND p.account = balances.account AND p.currency = balances.currency;
  INSERT INTO balances (account, currency, amount_units, batch)
  SELECT p.account, p.currency, p.amount_units, p.batch FROM postings p
   WHERE p.batch = NEW.batch
     AND NOT EXISTS (SELECT FROM balances b WHERE b.account = p.account AND b.currency = p.currency);
  DELETE FROM open_batches WHERE batch = NEW.batch;
  RETURN NULL;
END $$;
CREATE TRIGGER moves_balances AFTER INSERT ON batches FOR EACH ROW EXECUTE FUNCTION batch_moves_balances();

CREATE FUNCTION balances_open() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT
  SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE newest bigint := next_batch() - 1;
BEGIN
  IF EXISTS (SELECT FROM opened o WHERE o.batch <> newest OR o.amount_units IS DISTINCT FROM (
      SELECT p.amount_units FROM postings p
       WHERE p.batch = newest AND p.account = o.account AND p.currency = o.currency)) THEN
    PERFORM refuse('a balance opens with its first posting');
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER open_ AFTER INSERT ON balances REFERENCING NEW TABLE AS opened
  FOR EACH STATEMENT EXECUTE FUNCTION balances_open();

CREATE FUNCTION balances_move() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE newest bigint := next_batch() - 1;
BEGIN
  IF (SELECT count(*) FROM moved) <> (
      SELECT count(*) FROM moved m
        JOIN before_it b ON b.account = m.account AND b.currency = m.currency
        JOIN postings p ON p.batch = newest AND p.account = m.account AND p.currency = m.currency
       WHERE m.batch = newest AND b.batch < newest AND m.amount_units = b.amount_units + p.amount_units) THEN
    PERFORM refuse('a balance changes by its posting in the newest batch alone');
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER move AFTER UPDATE ON balances REFERENCING OLD TABLE AS before_it NEW TABLE AS moved
  FOR EACH STATEMENT EXECUTE FUNCTION balances_move();
"""

_VIEWS: Final = """
CREATE VIEW amounts_shown AS
  SELECT p.batch, p.account, p.currency, p.amount_units, c.code,
         round(p.amount_units / (10::numeric ^ c.decimals), c.decimals)::text AS amount
    FROM postings p JOIN currencies c USING (currency);

CREATE VIEW statement AS
  SELECT a.batch, to_char(to_timestamp(b.time_ns / 1000000000) AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS') AS time_utc,
         a.account, coalesce(n.subject, n.role) AS holder, n.issuer, a.code AS currency, a.amount
    FROM amounts_shown a JOIN batches b USING (batch) JOIN accounts n USING (account);

CREATE VIEW trial_balance AS
  SELECT c.code AS currency,
         coalesce(sum(b.amount_units) FILTER (WHERE n.role = 'client'), 0) AS clients_units,
         coalesce(sum(b.amount_units) FILTER (WHERE n.role = 'fees'), 0) AS fees_units,
         coalesce(sum(b.amount_units) FILTER (WHERE n.role = 'custody'), 0) AS custody_units,
         coalesce(sum(b.amount_units), 0) AS difference_units
    FROM currencies c LEFT JOIN balances b USING (currency) LEFT JOIN accounts n USING (account)
   GROUP BY c.currency, c.code ORDER BY c.currency;
"""

_COMMENTS: Final = {
    "venue": "Whose ledger this is. One row.",
    "currencies": "The venue's currencies by their number; amounts are whole units of 10^-decimals.",
    "instruments": "The venue's books by their number: the price is quote for base.",
    "accounts": "Who has an account: the KYC issuer and its subject. 0 is the venue's fees, 1 its custody.",
    "batches": "Posted settlement batches; the newest row is how far the ledger has come.",
    "open_batches": "Empty, but inside the transaction that posts a batch.",
    "postings": "What a batch gave to (or, negative, took from) an account in a currency.",
    "trades": "The trades that the postings are the net of.",
    "deposits": "Money that came in, from custody to an account.",
    "payments": "Money that an account paid another.",
    "withdrawals": "Money that went out, or is held to go out: HELD, then once PAID or RETURNED.",
    "busts": "Trades that were reversed, both legs and both fees.",
    "balances": "Every account's balance; moved by the newest batch's postings alone.",
    "statement": "Postings with names and decimals.",
    "trial_balance": "Sums by currency; the last column is zero.",
}

_LINES: Final = ("postings", "trades", "deposits", "payments", "busts")
_FOREVER: Final = (*_LINES, "batches", "venue", "currencies", "instruments")
_NEVER_DELETED: Final = ("accounts", "withdrawals", "balances")


def _first() -> str:
    parts = [_TABLES, _REFUSE, _LINE_RULES, _BATCH_RULES]
    for table in _LINES:
        parts.append(
            f"CREATE TRIGGER join_an_open_batch AFTER INSERT ON {table} REFERENCING NEW TABLE AS added\n"
            "  FOR EACH STATEMENT EXECUTE FUNCTION lines_join_an_open_batch();\n"
        )
    for table in (*_FOREVER, *_NEVER_DELETED):
        what = "UPDATE OR DELETE OR TRUNCATE" if table in _FOREVER else "DELETE OR TRUNCATE"
        parts.append(
            f"CREATE TRIGGER never_change BEFORE {what} ON {table}\n"
            "  FOR EACH STATEMENT EXECUTE FUNCTION never_changes();\n"
        )
    parts.append(_VIEWS)
    views = ("statement", "trial_balance")
    for name, text in _COMMENTS.items():
        parts.append(
            f"COMMENT ON {'VIEW' if name in views else 'TABLE'} {name} IS '{text.replace(chr(39), chr(39) * 2)}';\n"
        )
    return "".join(parts)


MIGRATIONS: Final = (_first(),)
"""What leads from version n to version n + 1 of the schema; version 0 is an empty one."""
