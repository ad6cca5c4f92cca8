"""The thread that runs a relay."""

from pathlib import Path

import pytest

from fxengine.chain.deployment import Deployment, Token
from fxengine.chain.rpc import Rpc
from fxengine.custody import serving
from fxengine.custody.enlisting import enlist
from fxengine.custody.serving import Custody
from fxengine.home import Endpoints, Home


def test_whatever_happens_the_thread_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread that ended would let holders leave with money that trades, and nobody would know."""
    home = Home.create(tmp_path / "venue")
    enlist(home, ["USD"])
    deployment = Deployment(
        tmp_path, home.venue.id, 1, b"", "depth:2", 600, 1, {}, {}, vault="0xvault", deployed_block=1,
        tokens=[Token("USD", 0, "0xtoken", 6, 6)],
    )  # fmt: skip
    custody = Custody(Home(home.directory), deployment, Rpc("http://127.0.0.1:1"))
    began: list[int] = []

    def fails_once() -> None:
        began.append(1)
        if len(began) == 1:
            raise TypeError("nobody thought of this")
        custody.stop()

    monkeypatch.setattr(serving, "_AGAIN_S", 0.0)
    monkeypatch.setattr(custody, "_serve_sessions", fails_once)
    custody.start(Endpoints("", "", 0))
    custody._thread.join(20)
    assert len(began) == 2
