"""Where a page's blocks run: an empty directory with the page's own shell, and the venue it serves.

The blocks of a page run in order and share what a reader's terminal would: the directory, files,
exported variables. Some kinds of line are treated apart:

    make VERB, .ci/run        the reader's machine: not run here, but the verb must exist
    git ..., cd ..., pip ...  likewise, and nothing to check
    fxengine serve ... (&)    kept running until the page ends; the next line waits until it has
                              said its first word, and at the end it must stop when asked, with 0
    fxengine chain node (&)   likewise
"""

import json
import os
import re
import selectors
import shlex
import signal
import subprocess
import sys
import tomllib
from pathlib import Path
from types import TracebackType

from tests.docs.markdown_blocks import Block, commands_of

ROOT = Path(__file__).parents[2]
COMMAND_SECONDS_MAX = 120
READY_SECONDS_MAX = 30

READERS_OWN = re.compile(r"\s*(make\b|\.ci/run\b|git |cd |pip |\.venv/bin/pip |python3? -m venv )")
SERVE = re.compile(r"\s*(?:\.venv/bin/)?fxengine\s+(serve|chain\s+node)\b")


class BlockFailed(AssertionError):
    """A block did not do what its page promises; the message holds what was run and what it said."""


def makefile_verbs() -> set[str]:
    return set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))


class Workspace:
    """One page's directory and processes. Use it as a context: leaving it stops what was served."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.kept = directory / ".environment"
        self.served: list[tuple[str, subprocess.Popen[str]]] = []
        (directory / ".venv").symlink_to(sys.prefix)
        programs = f"{sys.prefix}/bin{os.pathsep}{os.environ['PATH']}"
        self.environment = os.environ | {"PATH": programs, "PYTHONUNBUFFERED": "1", "NO_COLOR": "1", "COLUMNS": "120"}

    def __enter__(self) -> "Workspace":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        problems = [self._stop(command, process) for command, process in self.served]
        if kind is None and any(problems):
            raise BlockFailed("\n".join(filter(None, problems)))

    def run(self, block: Block) -> None:
        """Do with a block what its kind asks; BlockFailed when it does not hold."""
        if block.kind == "bash":
            self._bash(block.text)
        elif block.kind == "python fragment":
            compile(block.text, f"<line {block.line}>", "exec")
        elif block.kind == "python":
            shows_prompt = re.search(r"^\s*>>> ", block.text, re.MULTILINE) is not None
            script = self.directory / f"line_{block.line}.{'txt' if shows_prompt else 'py'}"
            script.write_text(block.text, encoding="utf-8")
            self._shell(f"python {'-m doctest ' if shows_prompt else ''}{script.name}")
        elif block.kind == "toml":
            tomllib.loads(block.text)
        elif block.kind == "json":
            for line in block.text.splitlines():
                json.loads(line)

    def _bash(self, text: str) -> None:
        waiting: list[str] = []
        for command in commands_of(text):
            if READERS_OWN.match(command):
                self._check_verbs(command)
            elif SERVE.match(command):
                self._shell("\n".join(waiting))
                waiting = []
                self._serve(command)
            else:
                waiting.append(command)
        self._shell("\n".join(waiting))

    @staticmethod
    def _check_verbs(command: str) -> None:
        words = shlex.split(command, comments=True)
        if words[0] == "make":
            unknown = {word for word in words[1:] if re.fullmatch(r"[a-z]+", word)} - makefile_verbs()
            if unknown:
                raise BlockFailed(f"{command}: the Makefile has no verb {', '.join(sorted(unknown))}")
        if words[0] == ".ci/run" and not os.access(ROOT / ".ci/run", os.X_OK):
            raise BlockFailed(f"{command}: .ci/run cannot be executed")

    def _script(self, commands: str) -> list[str]:
        before = f"set -euo pipefail; [ ! -f {self.kept} ] || . {self.kept}"
        after = f"{{ export -p; echo \"cd '$PWD'\"; }} > {self.kept}"
        return ["bash", "-c", f"{before}\n{commands}\n{after}"]

    def _shell(self, commands: str) -> None:
        if not commands:
            return
        done = subprocess.run(
            self._script(commands),
            cwd=self.directory,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=COMMAND_SECONDS_MAX,
            check=False,
        )
        if done.returncode:
            raise BlockFailed(f"exit code {done.returncode}\n{commands}\nprinted:\n{done.stdout}")

    def _serve(self, command: str) -> None:
        words = re.sub(r"\s*&?\s*(#.*)?$", "", command).strip()
        process = subprocess.Popen(
            ["bash", "-c", f"[ ! -f {self.kept} ] || . {self.kept}\nexec {words}"],
            cwd=self.directory,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.served.append((words, process))
        assert process.stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ)
            if not selector.select(READY_SECONDS_MAX):
                raise BlockFailed(f"{words}: said nothing for {READY_SECONDS_MAX} seconds")
        if not process.stdout.readline():
            raise BlockFailed(f"{words}: ended at once with exit code {process.wait(READY_SECONDS_MAX)}")

    @staticmethod
    def _stop(command: str, process: subprocess.Popen[str]) -> str:
        process.send_signal(signal.SIGTERM)
        try:
            printed, _ = process.communicate(timeout=READY_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            return f"{command}: did not stop within {READY_SECONDS_MAX} seconds of being asked"
        return f"{command}: ended with exit code {process.returncode}\n{printed}" if process.returncode else ""
