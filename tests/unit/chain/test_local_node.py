"""Finding, starting and ending anvil; what cannot be done is said with its code."""

import sys
from pathlib import Path

import pytest

from fxengine.chain import local_node
from fxengine.chain.local_node import ANVIL_VERSION, LocalNode, ensure_anvil, find_anvil, install_folder
from fxengine.chain.rpc import Rpc
from fxengine.errors import ChainError


def test_a_node_answers_holds_nobody_s_money_and_ends(tmp_path: Path) -> None:
    with LocalNode(chain_id=4242) as node:
        rpc = Rpc(node.url)
        assert rpc.call("eth_chainId") == hex(4242)
        assert rpc.call("eth_accounts") == []
        assert node.url.startswith("http://127.0.0.1:")
        rpc.close()
    assert node.process.returncode is not None
    node.stop()  # harmless


def test_two_nodes_stand_beside_each_other_and_one_can_be_killed() -> None:
    with LocalNode() as one, LocalNode(mining=False) as two:
        assert one.url != two.url
        one.kill()
        assert one.process.returncode == -9
        rpc = Rpc(two.url)
        assert rpc.call("eth_blockNumber") == "0x0"
        rpc.close()


def test_the_installed_node_is_of_the_pinned_version() -> None:
    with LocalNode() as node:
        rpc = Rpc(node.url)
        assert f"v{ANVIL_VERSION}" in rpc.call("web3_clientVersion")
        rpc.close()


def test_a_node_that_cannot_start_says_what_it_said(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ChainError, match=r"before it listened.*\[NO_NODE\]"):
        LocalNode(options=("--no-such-option",))
    monkeypatch.setenv("FXENGINE_ANVIL", "/no/such/anvil")
    with pytest.raises(ChainError, match="FXENGINE_ANVIL names no program"):
        LocalNode()


def test_a_named_node_comes_before_one_on_the_path_before_the_project_s_own(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("FXENGINE_ANVIL", raising=False)
    monkeypatch.setattr(local_node, "install_folder", lambda: tmp_path / "own")
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    assert find_anvil() is None
    own = tmp_path / "own" / ANVIL_VERSION / "node_modules/@foundry-rs/anvil-linux-amd64/bin/anvil"
    on_path, named = tmp_path / "path" / "anvil", tmp_path / "named"
    for program in (own, on_path, named):
        program.parent.mkdir(parents=True, exist_ok=True)
        program.write_text("#!/bin/sh\n")
        program.chmod(0o755)
        if program == named:
            monkeypatch.setenv("FXENGINE_ANVIL", str(named))
        assert find_anvil() == program


def fake_npm(folder: Path, script: str) -> None:
    folder.mkdir()
    npm = folder / "npm"
    npm.write_text(f"#!{sys.executable}\n{script}")
    npm.chmod(0o755)


def test_a_missing_node_is_installed_by_npm_without_scripts_and_pinned(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("FXENGINE_ANVIL", raising=False)
    monkeypatch.setattr(local_node, "install_folder", lambda: tmp_path / "own")
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    fake_npm(
        tmp_path / "path",
        "import pathlib, sys\n"
        "words = sys.argv[1:]\n"
        "assert words[0] == 'install' and '--ignore-scripts' in words, words\n"
        f"assert words[-1].endswith('@{ANVIL_VERSION}'), words\n"
        "folder = pathlib.Path(words[words.index('--prefix') + 1]) / 'node_modules/@foundry-rs/anvil-x/bin'\n"
        "folder.mkdir(parents=True)\n"
        "(folder / 'anvil').write_text('')\n",
    )
    assert ensure_anvil().name == "anvil"
    assert ensure_anvil() == find_anvil()


def test_an_npm_that_fails_or_is_missing_is_reported(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("FXENGINE_ANVIL", raising=False)
    monkeypatch.setattr(local_node, "install_folder", lambda: tmp_path / "own")
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    fake_npm(tmp_path / "path", "import sys; sys.exit('no route to the registry')\n")
    with pytest.raises(ChainError, match="no route to the registry"):
        ensure_anvil()
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(local_node, "find_spec", lambda name: None)
    with pytest.raises(ChainError, match=r"install npm, or pip install 'fxengine\[test\]'"):
        ensure_anvil()


def test_it_is_installed_in_the_virtual_environment_or_else_in_the_user_s_cache(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sys, "base_prefix", "/usr")
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    assert install_folder() == tmp_path / "anvil"
    monkeypatch.setattr(sys, "prefix", "/usr")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert install_folder() == tmp_path / "cache/fxengine/anvil"
