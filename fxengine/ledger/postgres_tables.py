"""The PostgreSQL ledger's tables and views, by the names and columns of the SQLite ones: one SQL reads both.

What PostgreSQL has to name a width for is 64 bits wide, but for the numbers of currencies and instruments.
Each table says in a comment what a row of it is, for whoever meets it in a database browser.
"""

from typing import Final

TABLES: Final = """
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
  UNIQUE (subject, issuer),
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
-- An account's page is read off this index alone, wherever its postings lie. For that the table's pages must be known
-- to be all visible, so VACUUM comes for less than the default's fifth of the table.
CREATE INDEX postings_of_account ON postings (account, batch) INCLUDE (currency, amount_units);
ALTER TABLE postings SET (autovacuum_vacuum_insert_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);

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
  PRIMARY KEY (instrument, number)
);
CREATE INDEX busts_of_batch ON busts (batch);

CREATE TABLE balances (
  account bigint NOT NULL,
  currency integer NOT NULL,
  amount_units bigint NOT NULL,
  batch bigint NOT NULL,
  PRIMARY KEY (account, currency)
) WITH (fillfactor = 60);
"""

VIEWS: Final = """
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


def comments() -> str:
    """Return the statements that attach the comments."""
    parts = []
    views = ("statement", "trial_balance")
    for name, text in _COMMENTS.items():
        quoted = text.replace("'", "''")
        parts.append(f"COMMENT ON {'VIEW' if name in views else 'TABLE'} {name} IS '{quoted}';\n")
    return "".join(parts)
