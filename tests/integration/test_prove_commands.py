"""Proofs as their users make and check them: over a venue that trades, and offline with the files alone."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from fxengine.home import Home
from fxengine.ledger.reading import open_reader
from tests.integration.served_venue import ServedVenue
from tests.integration.typed import printed, typed


class Proved:
    """A venue after a payment, the proofs and commitments that it made, and the public key."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.venue = folder / "venue"
        self.home = Home(self.venue)

    def run(self, *arguments: str) -> dict[str, object]:
        return typed(*arguments, "--venue", self.venue)

    @property
    def trade_number(self) -> str:
        """The number of the venue's only trade, as its ledger has it."""
        with open_reader(self.home.ledger()) as reader:
            ((number,),) = reader.rows("SELECT number FROM trades")
        return str(number)

    @property
    def key(self) -> str:
        return self.home.operator_key().public_text

    def offline(self, *arguments: str) -> dict[str, object]:
        """Run a check where there is no venue at all."""
        empty = self.folder / "elsewhere"
        empty.mkdir(exist_ok=True)
        return typed("prove", *arguments, "--venue", empty)


@pytest.fixture(scope="module")
def proved(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proved]:
    folder = tmp_path_factory.mktemp("proofs")
    made = Proved(folder)
    assert typed("init", made.venue)["exit_code"] == 0
    with ServedVenue(made.home) as served:
        for step in (
            "token maker-1 --level maker",
            "token payer-1 --level payer",
            "deposit maker-1 HKD 1000000",
            "deposit payer-1 JPY 9000000",
            "order HKD/JPY sell 400000 20.05 --as maker-1",
            "swap JPY HKD --exact-out 250000.00 --max-in 5100000 --as payer-1",
        ):
            said = made.run(*step.split())
            assert said["exit_code"] == 0, said
        yield made
        served.stop()


@pytest.fixture(scope="module")
def files(proved: Proved) -> dict[str, Path]:
    """The payer's proof in HKD, its commitment and a proof of the trade."""
    made = proved.run("prove", "payer-1", "--out", str(proved.folder / "out"))
    assert made["exit_code"] == 0, made
    proofs = {p["currency"]: p for p in made["proofs"]}  # type: ignore[attr-defined]
    # What it asked for, and what a whole lot yields beyond it.
    assert proofs["HKD"]["amount"] == "250000.248575"
    traded = proved.run("prove", "trade", "HKD/JPY", proved.trade_number, "--out", str(proved.folder / "out"))
    assert traded["exit_code"] == 0, traded
    return {
        "HKD": Path(proofs["HKD"]["file"]),
        "commitment": Path(str(made["commitment"])),
        "trade": Path(str(traded["file"])),
        "trade_commitment": Path(str(traded["commitment"])),
    }


def test_a_proof_holds_offline_against_the_commitment_and_the_operators_key(
    proved: Proved, files: dict[str, Path]
) -> None:
    said = proved.offline("check", str(files["HKD"]), "--commitment", str(files["commitment"]), "--key", proved.key)
    assert (said["holds"], said["signed"], said["exit_code"]) == (True, True, 0)
    assert (said["subject"], said["amount"], said["total"]) == ("payer-1", "250000.248575", "1000000.000000")


def test_a_proof_holds_against_a_root_and_the_other_spelling_works(proved: Proved, files: dict[str, Path]) -> None:
    root = json.loads(files["HKD"].read_text())["root"]
    said = proved.offline("--check", str(files["HKD"]), "--root", root)
    assert (said["holds"], said["signed"], said["exit_code"]) == (True, False, 0)
    assert said["amount_units"] == "250000248575"


def test_what_a_root_is_not_made_from_is_not_repeated(proved: Proved, files: dict[str, Path], tmp_path: Path) -> None:
    for kind, change in (("HKD", {"decimals": 0}), ("trade", {"instrument": "EUR/USD", "venue": "other", "batch": 9})):
        told = json.loads(files[kind].read_text()) | change
        (tmp_path / "changed.json").write_text(json.dumps(told))
        said = proved.offline("check", str(tmp_path / "changed.json"), "--root", told["root"])
        assert said["holds"]
        assert not {"amount", "instrument"} & said.keys(), "a root does not vouch for these"
        against = ["--commitment", str(files["commitment"]), "--key", proved.key]
        assert not proved.offline("check", str(tmp_path / "changed.json"), *against)["holds"]


def test_a_file_without_end_is_no_proof(proved: Proved) -> None:
    said = proved.offline("check", "/dev/zero", "--root", "00" * 32)
    assert (said["exit_code"], said["reason"]["code"]) == (1, "MALFORMED")  # type: ignore[index]


def test_a_trades_proof_holds_offline(proved: Proved, files: dict[str, Path]) -> None:
    said = proved.offline(
        "check", str(files["trade"]), "--commitment", str(files["trade_commitment"]), "--key", proved.key
    )
    assert (said["holds"], said["instrument"], said["number"], said["maker_side"]) == (
        True, "HKD/JPY", int(proved.trade_number), "SELL",
    )  # fmt: skip


def test_the_fees_account_is_proved_like_any_other(proved: Proved, files: dict[str, Path]) -> None:
    made = proved.run("prove", "fees", "--out", str(proved.folder / "out"))
    assert [p["currency"] for p in made["proofs"]] == ["HKD"]  # type: ignore[attr-defined]


def test_a_proof_is_its_owners_alone(files: dict[str, Path]) -> None:
    assert files["HKD"].stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"amount_units": "250000248576"}, "WRONG_TOTAL"),
        ({"subject": "payer-2"}, "WRONG_ROOT"),
        ({"root": "00" * 32}, "WRONG_ROOT"),
        ({"format": "other"}, "MALFORMED"),
        ({"batch": 10**6}, "WRONG_ROOT"),
    ],
)
def test_a_changed_proof_exits_with_1_and_says_why(
    proved: Proved, files: dict[str, Path], tmp_path: Path, change: dict[str, str], code: str
) -> None:
    changed = tmp_path / "changed.json"
    changed.write_text(json.dumps(json.loads(files["HKD"].read_text()) | change))
    said = proved.offline("check", str(changed), "--commitment", str(files["commitment"]), "--key", proved.key)
    assert (said["holds"], said["exit_code"]) == (False, 1)
    assert said["reason"]["code"] == code  # type: ignore[index]
    text, exit_code = printed("prove", "check", changed, "--root", "00" * 32)
    assert exit_code == 1
    assert code in text


def test_another_currencys_root_and_another_key_are_refused(proved: Proved, files: dict[str, Path]) -> None:
    said = proved.offline("check", str(files["HKD"]), "--root", "ab" * 32)
    assert (said["exit_code"], said["reason"]["code"]) == (1, "OTHER_ROOT")  # type: ignore[index]
    custodian = proved.home.venue.custodians["sandbox-custodian"]
    assert custodian.keys
    said = proved.offline("check", str(files["HKD"]), "--commitment", str(files["commitment"]), "--key", "A" * 43)
    assert (said["exit_code"], said["reason"]["code"]) == (1, "COMMITMENT_SIGNATURE")  # type: ignore[index]
    token = proved.home.token("payer-1")
    other = proved.folder / "kyc.jwt"
    other.write_text(token)
    said = proved.offline("check", str(files["HKD"]), "--commitment", str(other), "--key", proved.key)
    assert (said["exit_code"], said["reason"]["code"]) == (1, "COMMITMENT_TYPE")  # type: ignore[index]


def test_another_venues_books_are_not_signed_nor_held_against_its_reserves(proved: Proved, tmp_path: Path) -> None:
    other = tmp_path / "other"
    assert typed("init", other)["exit_code"] == 0
    venue_file = other / "venue.toml"
    venue_file.write_text(venue_file.read_text().replace('id = "fx-sandbox"', 'id = "another"'))
    for asked in (["prove", "publish"], ["prove", "payer-1"], ["prove", "trade", "HKD/JPY", "1"], ["reserves"]):
        said = typed(*asked, "--venue", other, "--ledger", proved.home.ledger())
        assert said["exit_code"] == 1
        assert "is not the ledger of the venue" in said["error"]["text"]
    assert not (other / "commitments").exists()


def test_publishing_again_shows_what_was_published(proved: Proved, files: dict[str, Path]) -> None:
    first = proved.run("prove", "publish", "--batch", str(json.loads(files["HKD"].read_text())["batch"]))
    assert first["file"] == str(files["commitment"])
    assert first["liabilities"]["HKD"]["root"] == json.loads(files["HKD"].read_text())["root"]  # type: ignore[index]


def test_a_published_root_is_shown_whole_however_narrow_the_terminal(proved: Proved, files: dict[str, Path]) -> None:
    text, _ = printed("prove", "publish", "--venue", proved.venue)
    assert "…" not in text
    shown = "".join(text.split())
    assert json.loads(files["HKD"].read_text())["root"][:30] in shown


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["prove", "nobody-1"], "no account"),
        (["prove", "payer-1", "--issuer", "other"], "no account"),
        (["prove", "payer-1", "--batch", "999999"], "no batch"),
        (["prove", "trade", "HKD/JPY", "99"], "no trade"),
        (["prove", "check", "missing.json", "--root", "00" * 32], "missing.json"),
        (["prove", "check", "missing.json"], "--root"),
        (["prove", "custody"], "owed nothing"),
        (["prove", "payer-1", "--ledger", "memory:"], "sqlite:PATH"),
        (["prove", "payer-1", "--batch", "9" * 20], "past 64 bits"),
        (["prove", "trade", "HKD/JPY", "9" * 20], "past 64 bits"),
        (["prove", "payer-\udcff"], "no UTF-8"),
    ],
)
def test_what_cannot_be_proved_is_said_in_words(proved: Proved, arguments: list[str], text: str) -> None:
    said = proved.run(*arguments)
    assert said["exit_code"] == 1
    assert text in said["error"]["text"]  # type: ignore[index]


def test_a_check_with_a_key_or_root_of_another_form_is_said_to_be_so(proved: Proved, files: dict[str, Path]) -> None:
    for option, value in (("--root", "12"), ("--key", "short")):
        said = proved.offline("check", str(files["HKD"]), "--commitment", str(files["commitment"]), option, value)
        assert said["exit_code"] == 1
        assert option in said["error"]["text"]  # type: ignore[index]


def test_without_its_secret_a_venue_signs_no_second_commitment_to_a_batch(
    proved: Proved, files: dict[str, Path]
) -> None:
    copy = proved.folder / "copy"
    shutil.copytree(proved.venue, copy)
    (copy / "keys" / "salts.secret").unlink()
    said = typed("prove", "payer-1", "--venue", copy)
    assert said["exit_code"] == 1
    assert "nothing was published" in said["error"]["text"]
    (copy / "keys" / "salts.secret").write_bytes(b"cut short")
    said = typed("prove", "payer-1", "--venue", copy)
    assert (said["exit_code"], said["error"]["code"]) == (1, "FxEngineError")
    assert "put back the copy" in said["error"]["text"]
