"""A process that posts batches to a chain, mines its blocks itself, and dies at a place one can choose.

A place is a name of :data:`PLACES` and how often it is passed before, or, for ``call``, a number of calls and
returns of Python's functions, which may fall anywhere. What it is to post comes on standard input.
"""

import os
import pickle
import random
import signal
import subprocess
import sys
from types import FrameType
from typing import Any

from fxengine.errors import LedgerUnavailable
from fxengine.ledger import Batch, open_ledger
from fxengine.ledger.check_batches import VENUE
from fxengine.ledger.evm import EvmLedger
from fxengine.ledger.evm.outbox import Outbox
from fxengine.ledger.evm.poster import Poster
from fxengine.ledger.evm.vault import Vault
from fxengine.venue_file import parse_venue

PLACES = {
    "committed": (EvmLedger, "post", "after"),
    "before signing": (Poster, "_sign", "before"),
    "signed": (Poster, "_sign", "after"),
    "before sending": (Vault, "send", "before"),
    "sent": (Vault, "send", "after"),
    "looked": (Vault, "look", "after"),
    "reconciling": (Outbox, "save", "before"),
    "reconciled": (Outbox, "save", "after"),
}


def post_and_die(url: str, batches: list[Batch], place: str, nth: int, environ: dict[str, str]) -> bool:
    """Have another process post batches until they are all on chain, or it dies; say whether it died."""
    path = os.pathsep.join(filter(None, sys.path))
    child = subprocess.run(
        [sys.executable, "-m", "tests.ledger.evm.dying_poster"],
        input=pickle.dumps((url, batches, place, nth)),
        capture_output=True,
        env=os.environ | environ | {"PYTHONPATH": path},
        check=False,
    )
    assert child.returncode in (0, -signal.SIGKILL), child.stderr.decode()[-2000:]
    return child.returncode != 0


def main() -> None:
    url, batches, place, nth = pickle.loads(sys.stdin.buffer.read())
    ledger = open_ledger(url, parse_venue(VENUE))
    assert isinstance(ledger, EvmLedger)
    _arm(place, nth)
    known = ledger.cursor().batch_id
    for batch in batches:
        if batch.id > known:
            ledger.post(batch)
            advance(ledger)
    rpc = ledger._vault.rpc
    while ledger.progress().posted < batches[-1].id:
        rpc.call("evm_mine")
        advance(ledger)
    sys.setprofile(None)
    ledger.close()


def advance(ledger: EvmLedger) -> None:
    """Advance once; a look that was torn by a reorganisation is for the next time."""
    try:
        ledger.advance()
    except LedgerUnavailable as e:
        if e.needs_somebody:
            raise


def _arm(place: str, nth: int) -> None:
    left = nth

    def die_in_turn() -> None:
        nonlocal left
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)

    if place == "call":

        def counting(frame: FrameType, event: str, argument: object) -> None:
            die_in_turn()

        sys.setprofile(counting)
        return
    owner, name, when = PLACES[place]
    inner = getattr(owner, name)

    def armed(*arguments: Any, **named: Any) -> Any:  # noqa: ANN401 - whatever it stands in for
        if when == "before":
            die_in_turn()
        result = inner(*arguments, **named)
        if when == "after":
            die_in_turn()
        return result

    setattr(owner, name, armed)


def random_place(rng: random.Random) -> tuple[str, int]:
    """Draw where a process dies: half of them at a named place, half anywhere."""
    if rng.randrange(2):
        return rng.choice(list(PLACES)), rng.randrange(4)
    return "call", int(10 ** rng.uniform(2, 4.5))


if __name__ == "__main__":
    main()
