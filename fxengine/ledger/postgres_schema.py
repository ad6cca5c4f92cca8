"""The PostgreSQL ledger's rules: the same as the SQLite ledger's, checked a set at a time; and its migrations.

Tables are told in :mod:`fxengine.ledger.postgres_tables`. The order of writing is SQLite's: lines first, while
their batch is open; the row in ``batches`` last, which closes it; balances are moved by that row's trigger and
by nobody else. What differs is how the rules are kept, because a trigger for every row would cost more than
the row:

* lines are checked by one statement-level trigger per statement (a COPY is one), against the transition table;
* whether their accounts, currencies and instruments exist is checked for the whole batch when it is closed;
  a foreign key would ask row by row. Nothing these lines refer to can be deleted;
* whether a balance has the right sign is checked when it has moved, and not by a CHECK, which an upsert would ask
  of the posting before it is added;
* a batch that has lines has a row in ``open_batches``, whose deferred foreign key to ``batches`` refuses a
  COMMIT without the closing row. Closing takes the row away, so the table is empty between transactions.

Plans are pinned by the functions' own settings: a rule looks up a batch's few thousand rows by index in tables of
any size, and joins transition tables, which have none, by hash. The planner would guess from tables that were
empty, or last analysed, long ago.

Every rule raises SQLSTATE 23000 (integrity constraint violation) with a sentence. Whoever owns the tables can
take the rules away, as a database's owner always can: docs/settlement.md says which roles to make.

``MIGRATIONS`` are applied in order, each once, and are never edited after a release.
"""

from typing import Final

from fxengine.ledger.postgres_tables import TABLES, VIEWS, comments

_REFUSE: Final = """
CREATE FUNCTION refuse(because text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION '%', because USING ERRCODE = 'integrity_constraint_violation'; END $$;

CREATE FUNCTION wrong_sign(account bigint, amount_units bigint) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE account WHEN 1 THEN amount_units > 0 ELSE amount_units < 0 END $$;

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
CREATE FUNCTION batch_closes() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT
  SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off AS $$
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
  SET enable_seqscan = off AS $$
BEGIN
  INSERT INTO balances (account, currency, amount_units, batch)
  SELECT account, currency, amount_units, batch FROM postings WHERE batch = NEW.batch
      ON CONFLICT (account, currency)
      DO UPDATE SET amount_units = balances.amount_units + excluded.amount_units, batch = excluded.batch;
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
  IF EXISTS (SELECT FROM opened WHERE wrong_sign(account, amount_units)) THEN
    PERFORM refuse('a balance may not be below zero, nor custody''s above it');
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER open_ AFTER INSERT ON balances REFERENCING NEW TABLE AS opened
  FOR EACH STATEMENT EXECUTE FUNCTION balances_open();

CREATE FUNCTION balances_move() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT
  SET enable_nestloop = off AS $$
DECLARE newest bigint := next_batch() - 1;
BEGIN
  IF (SELECT count(*) FROM moved) <> (
      SELECT count(*) FROM moved m
        JOIN before_it b ON b.account = m.account AND b.currency = m.currency
        JOIN postings p ON p.batch = newest AND p.account = m.account AND p.currency = m.currency
       WHERE m.batch = newest AND b.batch < newest AND m.amount_units = b.amount_units + p.amount_units) THEN
    PERFORM refuse('a balance changes by its posting in the newest batch alone');
  END IF;
  IF EXISTS (SELECT FROM moved WHERE wrong_sign(account, amount_units)) THEN
    PERFORM refuse('a balance may not be below zero, nor custody''s above it');
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER move AFTER UPDATE ON balances REFERENCING OLD TABLE AS before_it NEW TABLE AS moved
  FOR EACH STATEMENT EXECUTE FUNCTION balances_move();
"""

_LINES: Final = ("postings", "trades", "deposits", "payments", "busts")
_FOREVER: Final = (*_LINES, "batches", "venue", "currencies", "instruments")
_NEVER_DELETED: Final = ("accounts", "withdrawals", "balances")


def _first() -> str:
    parts = [TABLES, _REFUSE, _LINE_RULES, _BATCH_RULES]
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
    parts.append(VIEWS)
    parts.append(comments())
    return "".join(parts)


MIGRATIONS: Final = (_first(),)
"""What leads from version n to version n + 1 of the schema; version 0 is an empty one."""
