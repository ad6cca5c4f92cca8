"""A process that deploys a venue's contracts and dies by SIGKILL at a place one can choose.

A place is a function that every step passes, before or after it, and how often it was passed.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from fxengine.chain import deploying
from fxengine.chain.deploying import Deployer, Terms, begin
from fxengine.chain.deployment import Deployment
from fxengine.chain.rpc import Rpc
from fxengine.ledger.check_batches import VENUE
from fxengine.venue_file import parse_venue
from tests.contracts.keys import key_of

TOKENS = 1
"""How many are deployed: one has every kind of step, and each step more is another place to die at."""
TERMS = Terms(*(key_of(role).address for role in ("OPERATOR", "GUARDIAN", "REGISTRAR")))


def deploy_and_die(directory: Path, url: str, place: str, nth: int) -> bool:
    """Have another process deploy; say whether it died on the way."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.contracts.dying_deployer", str(directory), url, place, str(nth)],
        capture_output=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        check=False,
    )
    assert done.returncode in (0, -signal.SIGKILL), done.stderr.decode()[-2000:]
    return done.returncode != 0


def deploy(directory: Path, url: str, n_tokens: int | None = None) -> Deployment:
    """Deploy all that is missing, or the vault and the first tokens."""
    venue, key = parse_venue(VENUE), key_of("OWNER")
    with closing(Rpc(url)) as rpc:
        deployment = begin(directory, venue, rpc, key.address, TERMS)
        deployer = Deployer(deployment, rpc, key)
        deployer.vault()
        for currency in venue.currencies[:n_tokens]:
            deployer.list_token(currency, deployer.sandbox_token(currency))
    return deployment


def dying(call: Callable[..., Any], when: str, nth: int) -> Callable[..., Any]:
    """Wrap a function so that the process dies before or after its nth call."""
    passed = 0

    def wrapped(*values: object, **named: object) -> object:
        nonlocal passed
        passed += 1
        if when == "before" and passed == nth:
            os.kill(os.getpid(), signal.SIGKILL)
        result = call(*values, **named)
        if when == "after" and passed == nth:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    return wrapped


def main() -> None:
    directory, url, place, nth = sys.argv[1:]
    when, _, name = place.partition(" ")
    if name == "sending":
        deploying.deliver = dying(deploying.deliver, when, int(nth))
    else:
        Deployment.save = dying(Deployment.save, when, int(nth))  # type: ignore[method-assign]
    deploy(Path(directory), url, TOKENS)


if __name__ == "__main__":
    main()
