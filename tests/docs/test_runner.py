"""The docs tests' own rules: a block that breaks its promise fails, and none goes unread."""

import sys
from pathlib import Path

import pytest

from tests.docs.markdown_blocks import Block, blocks_of, commands_of
from tests.docs.workspace import BlockFailed, Workspace

PAGE = """\
# A page

```bash
echo one
```

1. In a list:
   ```python
   print("two")
   ```

<!-- bash
echo three
-->

```text
not run
```
"""

# A stand-in for `fxengine serve`, found first on the path: says it is ready, then waits to be stopped.
SERVER = f"""\
#!{sys.executable}
import signal, sys
signal.signal(signal.SIGTERM, lambda *_: sys.exit(EXIT))
print("serving", *sys.argv[2:], flush=True)
signal.pause()
"""


def bash(text: str) -> Block:
    return Block("bash", text, 1)


def run(directory: Path, *blocks: Block) -> None:
    with Workspace(directory) as workspace:
        for block in blocks:
            workspace.run(block)


def serve(directory: Path, program: str) -> list[int | None]:
    """Run a page that serves by a stand-in program; return its exit codes while and after the page ran."""
    programs = directory / "bin"
    programs.mkdir()
    (programs / "fxengine").write_text(program, encoding="utf-8")
    (programs / "fxengine").chmod(0o755)
    with Workspace(directory) as workspace:
        workspace.environment["PATH"] = f"{programs}:{workspace.environment['PATH']}"
        workspace.run(bash("fxengine serve venue &  # for a while\ntouch afterwards\n"))
        ((_, process),) = workspace.served
        meanwhile = process.poll()
    return [meanwhile, process.returncode]


def test_a_page_is_read_in_order_with_its_hidden_blocks() -> None:
    assert blocks_of(PAGE) == [
        Block("bash", "echo one\n", 4),
        Block("python", 'print("two")\n', 9),
        Block("bash", "echo three\n", 13),
        Block("text", "not run\n", 17),
    ]


@pytest.mark.parametrize(
    ("page", "problem"),
    [
        ("```pyhton\nx\n```\n", "line 1: a block of 'pyhton'"),
        ("```\nx\n```\n", "line 1: a block of ''"),
        ("a\n```bash\nx\n", "line 2: this block is never closed"),
    ],
)
def test_a_block_that_nothing_would_check_is_an_error(page: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        blocks_of(page)


def test_commands_are_lines_with_continued_ones_joined() -> None:
    assert commands_of("# first\na b \\\n   c\n\nd # e\n") == ["a b c", "d # e"]


def test_blocks_share_their_directory_and_what_they_export(tmp_path: Path) -> None:
    run(
        tmp_path,
        bash("export WHO='a payer'\nmkdir inner\n"),
        Block("python", "import os\nopen('inner/who', 'w').write(os.environ['WHO'])\n", 1),
        bash('[ "$(cat inner/who)" = "a payer" ]\n'),
    )


@pytest.mark.parametrize(
    "block",
    [
        bash("false\necho after\n"),
        bash("false | cat\n"),
        bash("echo $UNSET\n"),
        bash("make nothing\n"),
        Block("python", "raise SystemExit(3)\n", 1),
        Block("python", ">>> 1 + 1\n3\n", 1),
        Block("python fragment", "def f(:\n", 1),
        Block("toml", "a = \n", 1),
        Block("json", "{'a': 1}\n", 1),
    ],
)
def test_a_block_that_does_not_hold_fails(block: Block, tmp_path: Path) -> None:
    with pytest.raises((BlockFailed, SyntaxError, ValueError)):
        run(tmp_path, block)


@pytest.mark.parametrize(
    "block",
    [
        bash("make test  # and a word\nmake build PYTHON=python3.12\ngit clone somewhere\ncd somewhere\n"),
        Block("python", ">>> 1 + 1\n2\n", 1),
        Block("python fragment", "def f(): ...\n", 1),
        Block("toml", "a = 1\n", 1),
        Block("json", '{"a": 1}\n{"b": 2}\n', 1),
        Block("text", "anything at all {\n", 1),
    ],
)
def test_a_block_that_holds_passes(block: Block, tmp_path: Path) -> None:
    run(tmp_path, block)


def test_what_a_page_serves_runs_until_the_page_ends(tmp_path: Path) -> None:
    assert serve(tmp_path, SERVER.replace("EXIT", "0")) == [None, 0]
    assert (tmp_path / "afterwards").exists()


def test_a_served_venue_that_does_not_close_cleanly_fails_the_page(tmp_path: Path) -> None:
    with pytest.raises(BlockFailed, match="serve venue: ended with exit code 7"):
        serve(tmp_path, SERVER.replace("EXIT", "7"))


def test_a_venue_that_cannot_be_served_fails_the_page(tmp_path: Path) -> None:
    with pytest.raises(BlockFailed, match="ended at once with exit code 2"):
        serve(tmp_path, "#!/bin/sh\nexit 2\n")
