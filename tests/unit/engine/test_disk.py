import os
from pathlib import Path

import pytest

from fxengine.engine import Disk


def test_a_write_that_the_system_takes_in_pieces_is_finished(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = os.pwrite
    monkeypatch.setattr(os, "pwrite", lambda fd, content, offset: whole(fd, bytes(content)[:7], offset))
    fd = os.open(tmp_path / "file", os.O_RDWR | os.O_CREAT)
    Disk().write(fd, bytes(range(100)), 3)
    os.close(fd)
    assert (tmp_path / "file").read_bytes() == bytes(3) + bytes(range(100))
