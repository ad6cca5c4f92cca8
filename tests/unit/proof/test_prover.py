"""What a ledger's rows are proved to say is what was posted, at the newest batch and at every one before."""

import re
import sqlite3
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from fxengine.codes import CUSTODY_ACCOUNT, FEES_ACCOUNT
from fxengine.errors import FxEngineError, LedgerError
from fxengine.ledger.reading import Reader, open_reader
from fxengine.proof.commitment import Commitment, open_commitment
from fxengine.proof.flaws import COMMITMENT_FLAWS, ProofFlaw
from fxengine.proof.prover import Prover, find_trade
from fxengine.proof.published import Commitments
from fxengine.proof.trade import TradeProof
from fxengine.sandbox import SigningKey
from fxengine.signed import TokenFlaw, public_key_bytes
from tests.unit.proof.conftest import Posted

SECRET = bytes(range(32))
NOW_NS = 1_793_404_800 * 1_000_000_000


class Operator:
    def __init__(self) -> None:
        self.key = SigningKey("operator", "operator-1", Ed25519PrivateKey.generate())
        self.keys = {"operator": {"operator-1": public_key_bytes(self.key.public_text)}}


def test_every_account_is_proved_at_every_batch_what_it_had_then(posted: Posted, reader: Reader) -> None:
    for batch, balances in posted.balances.items():
        prover = Prover(reader, SECRET, batch)
        proved = {}
        for account in {account for account, _ in balances} - {CUSTODY_ACCOUNT}:
            for proof in prover.liabilities(account):
                assert proof.check(root=prover.commitment.liabilities[proof.currency].root) is None
                assert proof.check(commitment=prover.commitment) is None
                proved[account, posted.venue.currency[proof.currency].index] = proof.amount_units
        assert proved == {key: units for key, units in balances.items() if units and key[0] != CUSTODY_ACCOUNT}


def test_the_totals_are_what_custody_mirrors_and_the_fees_account_is_owed_too(posted: Posted, reader: Reader) -> None:
    prover = Prover(reader, SECRET)
    for code, owed in prover.commitment.liabilities.items():
        custody = posted.books.balances[CUSTODY_ACCOUNT, posted.venue.currency[code].index]
        assert owed.total_units == -custody
    assert prover.liabilities(FEES_ACCOUNT)


def test_custody_is_owed_nothing_and_a_stranger_has_no_proof(reader: Reader) -> None:
    assert Prover(reader, SECRET).liabilities(CUSTODY_ACCOUNT) == []
    assert Prover(reader, SECRET).liabilities(999) == []


def test_a_proof_can_be_made_again_and_no_two_trees_share_a_salt(in_file: Posted) -> None:
    with open_reader(in_file.url) as reader:
        first = Prover(reader, SECRET, 5).liabilities(3)
        assert Prover(reader, bytes(32), 5).liabilities(3)[0].root != first[0].root
    in_file.post_next()
    with open_reader(in_file.url) as later:
        assert Prover(later, SECRET, 5).liabilities(3) == first
        salts = {p.salt for batch in (5, 6) for a in range(2, 9) for p in Prover(later, SECRET, batch).liabilities(a)}
    assert len(salts) == 2 * 7 * 3


def test_a_commitment_comes_back_from_its_token_as_it_was(reader: Reader) -> None:
    operator, commitment = Operator(), Prover(reader, SECRET).commitment
    assert Commitment.from_claims(commitment.claims()) == commitment
    token = operator.key.sign(commitment.claims(), typ="fxengine-commitment+jwt")
    assert open_commitment(token, operator.keys) == commitment


@pytest.mark.parametrize(
    ("typ", "forge", "flaw"),
    [
        ("JWT", lambda token: token, TokenFlaw.TYPE),
        ("fxengine-commitment+jwt", lambda token: token[:-8] + "AAAAAAAA", TokenFlaw.SIGNATURE),
        ("fxengine-commitment+jwt", lambda token: token.split(".")[1], TokenFlaw.MALFORMED),
        ("fxengine-commitment+jwt", lambda token: "x" * (1 << 21), TokenFlaw.MALFORMED),
    ],
)  # fmt: skip
def test_a_token_that_is_no_commitment_has_a_reason(reader: Reader, typ: str, forge: object, flaw: TokenFlaw) -> None:
    operator = Operator()
    token = operator.key.sign(Prover(reader, SECRET).commitment.claims(), typ=typ)
    assert open_commitment(forge(token), operator.keys) is flaw  # type: ignore[operator]
    assert COMMITMENT_FLAWS[flaw].name.startswith("COMMITMENT_")


def test_another_operators_commitment_is_refused(reader: Reader) -> None:
    token = Operator().key.sign(Prover(reader, SECRET).commitment.claims(), typ="fxengine-commitment+jwt")
    assert open_commitment(token, Operator().keys) is TokenFlaw.SIGNATURE
    assert open_commitment(token, {"another": {"operator-1": bytes(32)}}) is TokenFlaw.UNKNOWN_KEY


@pytest.mark.parametrize("name", ["venue", "batch", "head", "trades", "liabilities", "time_ns", "instruments"])
def test_a_commitment_without_one_of_its_claims_is_refused(reader: Reader, name: str) -> None:
    operator, claims = Operator(), Prover(reader, SECRET).commitment.claims()
    del claims[name]
    token = operator.key.sign(claims, typ="fxengine-commitment+jwt")
    assert open_commitment(token, operator.keys) is TokenFlaw.MALFORMED


@pytest.mark.parametrize(
    ("change", "flaw"),
    [
        ({"venue": "another"}, ProofFlaw.OTHER_VENUE),
        ({"batch": 4}, ProofFlaw.OTHER_BATCH),
        ({"head": bytes(32)}, ProofFlaw.OTHER_HEAD),
        ({"liabilities": {}}, ProofFlaw.OTHER_CURRENCY),
    ],
)
def test_a_proof_under_another_commitment_has_a_reason(
    reader: Reader, change: dict[str, object], flaw: ProofFlaw
) -> None:
    prover = Prover(reader, SECRET)
    commitment = replace(prover.commitment, **change)  # type: ignore[arg-type]
    assert prover.liabilities(2)[0].check(commitment=commitment) is flaw


def test_a_commitment_to_another_root_or_total_is_not_this_proofs(reader: Reader) -> None:
    prover = Prover(reader, SECRET)
    proof, said = prover.liabilities(2)[0], prover.commitment
    for change in ({"root": bytes(32)}, {"total_units": proof.total_units + 1}):
        owed = said.liabilities | {proof.currency: said.liabilities[proof.currency]._replace(**change)}  # type: ignore[arg-type]
        assert proof.check(commitment=replace(said, liabilities=owed)) is ProofFlaw.NOT_COMMITTED


# -- trades


def test_every_trade_is_proved_to_be_in_its_batch(posted: Posted, reader: Reader) -> None:
    names = reader.rows(
        "SELECT i.symbol, t.number, t.batch, t.maker, t.taker FROM trades t JOIN instruments i USING (instrument)"
    )
    assert len(names) == 45
    for symbol, number, batch, maker, taker in names:
        assert find_trade(reader, str(symbol), int(str(number))).batch == batch
        prover = Prover(reader, SECRET, int(str(batch)))
        proof = prover.trade(str(symbol), int(str(number)))
        assert proof.check(commitment=prover.commitment, root=prover.commitment.trades_root) is None
        assert (proof.trade["maker"], proof.trade["taker"]) == (maker, taker)
        assert TradeProof.from_json(proof.to_json()) == proof


@pytest.fixture
def traded(reader: Reader) -> tuple[TradeProof, Commitment]:
    symbol, number = reader.rows(
        "SELECT i.symbol, t.number FROM trades t JOIN instruments i USING (instrument) WHERE t.batch = 5 AND t.line = 4"
    )[0]
    prover = Prover(reader, SECRET)
    return prover.trade(str(symbol), int(str(number))), prover.commitment


@pytest.mark.parametrize("at", [0, 16, 20, 32, 40, 63])
def test_a_trade_that_was_tampered_with_does_not_lead_to_the_root(
    traded: tuple[TradeProof, Commitment], at: int
) -> None:
    proof, _ = traded
    record = bytearray(proof.record)
    record[at] ^= 1
    assert replace(proof, record=bytes(record)).check() is ProofFlaw.WRONG_ROOT


def test_a_trade_at_another_place_or_with_other_siblings_does_not_lead_to_the_root(
    traded: tuple[TradeProof, Commitment],
) -> None:
    proof, _ = traded
    for change in (
        {"index": proof.index + 1},
        {"n_trades": proof.n_trades * 2},
        {"path": proof.path[::-1]},
        {"path": proof.path[:-1]},
        {"root": bytes(32)},
    ):
        assert replace(proof, **change).check() is ProofFlaw.WRONG_ROOT, change  # type: ignore[arg-type]


def test_a_trade_under_another_commitment_has_a_reason(traded: tuple[TradeProof, Commitment], reader: Reader) -> None:
    proof, said = traded
    assert proof.check(root=bytes(32)) is ProofFlaw.OTHER_ROOT
    assert proof.check(commitment=Prover(reader, SECRET, 4).commitment) is ProofFlaw.OTHER_BATCH
    assert proof.check(commitment=replace(said, venue="another")) is ProofFlaw.OTHER_VENUE
    assert proof.check(commitment=replace(said, head=bytes(32))) is ProofFlaw.OTHER_HEAD
    assert proof.check(commitment=replace(said, trades_root=bytes(32))) is ProofFlaw.NOT_COMMITTED
    # Among the first of nine trades as among the first of ten the same hashes lead up.
    more = replace(proof, n_trades=proof.n_trades + 1)
    assert (more.check(), more.check(commitment=said)) == (None, ProofFlaw.NOT_COMMITTED)
    other = next(symbol for symbol in said.instruments if symbol != proof.instrument)
    assert replace(proof, instrument=other).check(commitment=said) is ProofFlaw.OTHER_INSTRUMENT
    assert replace(proof, number=proof.number + 1).check() is ProofFlaw.OTHER_INSTRUMENT


# -- books that cannot be proved


def test_an_empty_ledger_and_an_unknown_batch_or_trade_are_said_to_be_so(
    tmp_path: Path, posted: Posted, reader: Reader
) -> None:
    from fxengine.ledger import open_ledger

    open_ledger(f"sqlite:{tmp_path / 'empty.sqlite'}", posted.venue).close()
    with open_reader(f"sqlite:{tmp_path / 'empty.sqlite'}") as empty, pytest.raises(LedgerError, match="no batch"):
        Prover(empty, SECRET)
    with pytest.raises(LedgerError, match="no batch 6"):
        Prover(reader, SECRET, 6)
    with pytest.raises(LedgerError, match="no trade 9999"):
        find_trade(reader, "EUR/USD", 9999)
    with pytest.raises(ValueError, match="32 bytes"):
        Prover(reader, b"short")


def falsified(posted: Posted, statement: str, *, table: str) -> None:
    """Change the file behind the books' back, as somebody with a database tool would."""
    posted.ledger.close()
    with sqlite3.connect(posted.url.removeprefix("sqlite:")) as db:
        for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = ?", (table,)):
            db.execute(f"DROP TRIGGER {name}")
        db.execute(statement)
    db.close()


def test_books_whose_balances_do_not_add_up_are_not_committed_to(in_file: Posted) -> None:
    falsified(
        in_file, "UPDATE balances SET amount_units = amount_units - 5 WHERE account = 3 AND currency = 0",
        table="balances",
    )  # fmt: skip
    with open_reader(in_file.url) as reader, pytest.raises(LedgerError, match="custody mirrors"):
        _ = Prover(reader, SECRET).commitment


def test_trades_that_the_head_was_not_made_from_are_not_proved(in_file: Posted) -> None:
    falsified(in_file, "UPDATE trades SET taker = 2 WHERE batch = 5 AND line = 1 AND taker <> 2", table="trades")
    falsified(in_file, "UPDATE trades SET taker = 3 WHERE batch = 5 AND line = 2 AND taker <> 3", table="trades")
    with open_reader(in_file.url) as reader:
        symbol, number = reader.rows(
            "SELECT i.symbol, t.number FROM trades t JOIN instruments i USING (instrument)"
            " WHERE t.batch = 5 AND t.line = 3"
        )[0]
        with pytest.raises(LedgerError, match="not those that its head was made from"):
            Prover(reader, SECRET).trade(str(symbol), int(str(number)))


# -- publishing


def test_a_batch_is_committed_to_once(tmp_path: Path, posted: Posted, reader: Reader) -> None:
    operator = Operator()
    commitments = Commitments(tmp_path / "commitments", operator.keys)
    assert commitments.newest() is None
    commitment = Prover(reader, SECRET).commitment
    first = commitments.publish(commitment, operator.key, NOW_NS)
    token = first.file.read_text()
    assert commitments.publish(commitment, operator.key, NOW_NS + 10**12) == first
    assert first.file.read_text() == token
    commitments.publish(Prover(reader, SECRET, 2).commitment, operator.key, NOW_NS)
    assert commitments.newest() == 5
    with pytest.raises(FxEngineError, match="nothing was published"):
        commitments.publish(Prover(reader, bytes(32)).commitment, operator.key, NOW_NS)


def test_of_two_who_publish_at_once_one_does_and_both_show_its_signature(tmp_path: Path, reader: Reader) -> None:
    operator = Operator()
    commitments = Commitments(tmp_path / "commitments", operator.keys)
    commitment = Prover(reader, SECRET).commitment
    quicker: list[str] = []

    class Slow:
        def sign(self, claims: Mapping[str, object], *, typ: str) -> str:
            quicker.append(commitments.publish(commitment, operator.key, NOW_NS + 10**12).file.read_text())
            return operator.key.sign(claims, typ=typ)

    assert commitments.publish(commitment, Slow(), NOW_NS).file.read_text() == quicker[0]
    assert len(list((tmp_path / "commitments").iterdir())) == 1


def test_a_kept_commitment_that_was_changed_is_not_taken_for_one(tmp_path: Path, reader: Reader) -> None:
    operator = Operator()
    commitments = Commitments(tmp_path / "commitments", operator.keys)
    commitment = Prover(reader, SECRET).commitment
    path = commitments.publish(commitment, operator.key, NOW_NS).file
    path.write_text(path.read_text()[:-9] + "AAAAAAAA\n")
    with pytest.raises(FxEngineError, match="signature does not hold"):
        commitments.publish(commitment, operator.key, NOW_NS)


def test_the_page_names_every_reason() -> None:
    page = (Path(__file__).parents[3] / "docs" / "proof.md").read_text(encoding="utf-8")
    reasons = page.partition("## Reasons")[2]
    assert set(re.findall(r"`([A-Z_]{4,})`", reasons)) == set(ProofFlaw.__members__)
