"""What stands in the way of opening a chain's ledger is said before anything is posted."""

import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from fxengine.errors import LedgerError, LedgerMismatch
from fxengine.ledger import open_ledger
from fxengine.ledger.check_batches import Books
from fxengine.ledger.evm.fees import GWEI
from fxengine.ledger.reading import open_reader
from fxengine.venue import Venue
from tests.ledger.evm.site import Site


def test_without_its_libraries_the_extra_is_named() -> None:
    code = (
        "import sys; sys.modules['eth_account'] = None\n"
        "from fxengine.ledger import open_ledger\n"
        "try: open_ledger('evm:x', None)\n"
        "except ImportError as e: print(type(e).__name__, e)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "MissingExtraError a ledger on a chain needs the extra 'evm': pip install 'fxengine[evm]'\n"


@pytest.mark.parametrize(
    ("rest", "said"),
    [
        ("", "names its directory: evm:DIRECTORY"),
        ("x?max_fee_gwei=0", "'max_fee_gwei' is not as it must be"),
        ("x?max_fee_gwei=1e3", "'max_fee_gwei' is not as it must be"),
        ("x?resend=all", "'resend' is not as it must be"),
        ("x?colour=red", "'colour' is not as it must be"),
        ("nowhere", r"deployment.json does not exist.*fxengine chain deploy.*NO_DEPLOYMENT"),
    ],
)
def test_a_url_that_cannot_be_used_says_why(rest: str, said: str, venue: Venue) -> None:
    with pytest.raises(LedgerError, match=said):
        open_ledger(f"evm:{rest}", venue)


def test_another_venues_deployment_is_refused(site: Site, other_venue: Venue) -> None:
    with pytest.raises(LedgerMismatch, match="was deployed for another venue"):
        open_ledger(site.url, other_venue)


def test_a_missing_key_names_the_variables(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FXENGINE_OPERATOR_KEY")
    with pytest.raises(LedgerError, match=r"FXENGINE_OPERATOR_KEYSTORE.*FXENGINE_OPERATOR_KEY.*KEY_MISSING"):
        site.open()


def test_a_nodes_address_that_is_none_is_refused_without_being_repeated(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FXENGINE_RPC", "wss://host/s3cret")
    with pytest.raises(LedgerError, match="BAD_RPC_URL") as caught:
        site.open()
    assert "s3cret" not in str(caught.value)


def test_books_of_another_kind_of_ledger_do_not_become_a_chains(site: Site, books: Books) -> None:
    with closing(open_ledger(f"sqlite:{site.directory / 'books.sqlite'}", site.venue)) as plain:
        plain.post(books.batch())
    with pytest.raises(LedgerError, match="never meant for a chain"):
        site.open()


def test_settings_come_from_the_url_and_the_books_can_be_read(site: Site, books: Books) -> None:
    with closing(site.open("?max_fee_gwei=7")) as ledger:
        assert ledger._poster._max_fee == 7 * GWEI
        ledger.post(books.batch())
    with open_reader(site.url + "?max_fee_gwei=7") as reader:
        assert reader.rows("SELECT batch, state FROM outbox") == [(1, "NEW")]
        assert reader.damage() == []


def test_no_secret_is_in_what_a_ledger_leaves_behind(site: Site, books: Books, tmp_path: Path) -> None:
    secret = site.operator.account.key
    with closing(site.open()) as ledger:
        ledger.post(books.batch())
        assert secret.hex() not in repr(vars(ledger)) + repr(ledger._poster._key)
    for path in site.directory.iterdir():
        content = path.read_bytes()
        assert bytes(secret) not in content
        assert secret.hex().encode() not in content


@pytest.mark.parametrize("change", ["UPDATE outbox SET head = zeroblob(32)", "DELETE FROM outbox"])
def test_what_a_batch_says_on_chain_never_changes(site: Site, books: Books, change: str) -> None:
    with closing(site.open()) as ledger:
        ledger.post(books.batch())
        with pytest.raises(LedgerError, match="never"):
            ledger._change([(change, ())])
