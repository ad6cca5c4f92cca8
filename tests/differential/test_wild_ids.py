"""Order ids that were never given, anywhere in a batch: the compiled core looks ahead in it and must not follow them.

A cancel names its order by slot and generation, and a client may write anything there. While the
core applies one command it already fetches the orders that later ones name, and commands of several
records shift what is looked at when::

    record   7         8 .. 10         11 12 13 ...
             TIME      CREDENTIAL      CANCEL of slot 4 294 967 295

A wild read kills the process, so the batches have a process of their own.
"""

import subprocess
import sys
from pathlib import Path

import pytest

from bench.flows import CoreType, Feed, Pair, Scenario, commands
from fxengine.reference import Core as ReferenceCore

VENUE = Scenario("wild", (Pair(0, 1, 0, 0, 1, 1, 10),), 2)
ACCOUNT = 2
SHIFTS = 12
WILD = (2**32 - 1, 2**31, 2**64 - 1, 0xE41CF6C2, 2**63 + 12_345)
APPLY = """
import sys
from fxengine._core import Core
from tests.differential.test_wild_ids import told
for shift in range(int(sys.argv[1])):
    print(told(Core, shift, int(sys.argv[2])), flush=True)
"""


def batch(shift: int, n_credentials: int) -> bytes:
    """Open an account, let ``shift`` commands pass, renew it, and cancel what never was."""
    open_account = commands.credential(ACCOUNT, "maker-1", permitted=(0, 1))
    cancels = b"".join(commands.cancel(ACCOUNT, 0, order_id=order_id) for order_id in WILD * 8)
    return open_account + commands.time(1) * shift + open_account * n_credentials + cancels


def told(core_type: CoreType, shift: int, n_credentials: int) -> str:
    """Apply the batch to a new core and return its events in hex."""
    return Feed(VENUE.core(core_type)).apply(batch(shift, n_credentials)).hex()


@pytest.mark.parametrize("n_credentials", [1, 3])
def test_a_batch_may_name_any_order(n_credentials: int) -> None:
    arguments = [sys.executable, "-c", APPLY, str(SHIFTS), str(n_credentials)]
    run = subprocess.run(arguments, capture_output=True, text=True, cwd=Path(__file__).parents[2], check=False)
    lines = run.stdout.splitlines()
    assert run.returncode == 0, f"the core ended with {run.returncode} in batch {len(lines)}: {run.stderr}"
    assert lines == [told(ReferenceCore, shift, n_credentials) for shift in range(SHIFTS)]
