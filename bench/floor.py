"""The floor: an engine that does nothing but match, timed over the same file on the same processor.

It is a program beside the project, which works without it. Either it is there already, with its
files, or its sources are, and are compiled into a temporary directory. Its own line of output says
how long a command took (``ns/cmd med``).
"""

import os
import re
import shlex
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

FILES: Final = ("steady", "deep")
SEED: Final = 42
_MEDIAN: Final = re.compile(r"ns/cmd med ([0-9.]+)")
_SECONDS_MAX: Final = 300


@dataclass(frozen=True)
class Floor:
    """A floor program, and the directory with ``steady.bin`` and ``deep.bin``."""

    program: Path
    directory: Path

    def file(self, name: str) -> Path:
        """Return where a flow's file is."""
        return self.directory / f"{name}.bin"

    def ns_per_command(self, name: str, runs: int) -> float:
        """Time the floor over a file: the median of its runs; RuntimeError when it does not say."""
        printed = _run([str(self.program), str(self.file(name)), str(runs)])
        found = _MEDIAN.search(printed)
        if found is None:
            raise RuntimeError(f"{self.program} did not say 'ns/cmd med': {printed[:200]}")
        return float(found[1])


def build(sources: Path, into: Path) -> Floor:
    """Compile ``gen.cpp`` and ``floor.cpp`` and generate both files; RuntimeError when a step fails."""
    compiler = shlex.split(os.environ.get("CXX", "c++"))
    if shutil.which(compiler[0]) is None:
        raise RuntimeError(f"the C++ compiler {compiler[0]!r} is missing; name yours in CXX")
    generator, floor = into / "gen", into / "floor"
    _run([*compiler, "-O2", "-std=c++17", str(sources / "gen.cpp"), "-o", str(generator)])
    options = ["-O3", "-march=native", "-std=c++20", "-DEVENTS"]
    _run([*compiler, *options, str(sources / "floor.cpp"), "-o", str(floor)])
    built = Floor(floor, into)
    for name in FILES:
        _run([str(generator), name, str(built.file(name)), str(SEED)])
    return built


def _run(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS_MAX, check=False)
    if done.returncode:
        raise RuntimeError(f"{shlex.join(command)} failed: {done.stderr.strip()[-400:]}")
    return done.stdout
