"""A file that is written whole: the new one, or the old one as it was, whatever fails in between."""

import os
from pathlib import Path

import pytest

from fxengine.whole_files import write_whole


def test_a_file_is_made_and_takes_the_place_of_another(tmp_path: Path) -> None:
    path = tmp_path / "file.json"
    for text in ("one\n", "é two\n"):
        write_whole(path, text)
        assert path.read_text(encoding="utf-8") == text
    assert [found.name for found in tmp_path.iterdir()] == ["file.json"]


def test_bytes_and_name_are_synced_before_it_returns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file.json"
    synced: list[tuple[str, bool]] = []
    monkeypatch.setattr(os, "fsync", lambda fd: synced.append((os.readlink(f"/proc/self/fd/{fd}"), path.exists())))
    write_whole(path, "one")
    assert synced == [(f"{path}.partial", False), (str(tmp_path), True)]


def test_where_it_cannot_be_synced_the_old_file_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file.json"
    write_whole(path, "old")

    def full(_: int) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="no space left"):
        write_whole(path, "new")
    assert path.read_text() == "old"
