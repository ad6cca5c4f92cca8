"""Cost against depth and against instruments, as a picture where matplotlib is there, else as bars of text."""

from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Final

SWEEPS: Final = {"depth": "orders", "instruments": "instruments"}
_BAR_WIDTH: Final = 40


def bars(rows: Sequence[Mapping[str, Any]], axis: str) -> str:
    """Draw one line per point, its length in proportion to the cost.

    >>> print(bars([{"orders": 10, "ns_per_command": 30.0}, {"orders": 100, "ns_per_command": 60.0}], "orders"))
           10 ####################  30.0
          100 ########################################  60.0
    """
    most = max(row["ns_per_command"] for row in rows)
    return "\n".join(
        f"{row[axis]:>9} {'#' * round(_BAR_WIDTH * row['ns_per_command'] / most)}  {row['ns_per_command']:.1f}"
        for row in rows
    )


def save(figures: Mapping[str, Sequence[Mapping[str, Any]]], path: Path) -> None:
    """Write both sweeps as a picture. ImportError, saying what to install, without matplotlib."""
    try:
        pyplot = import_module("matplotlib.pyplot")
    except ImportError as error:
        raise ImportError("--plot needs matplotlib: pip install matplotlib") from error
    picture, places = pyplot.subplots(1, len(SWEEPS), figsize=(10, 4), sharey=True)
    for place, (name, axis) in zip(places, SWEEPS.items(), strict=True):
        rows = figures[name]
        place.plot([row[axis] for row in rows], [row["ns_per_command"] for row in rows], marker="o")
        place.set(xscale="log", xlabel=axis, ylabel="ns per command", ylim=(0, None))
    picture.tight_layout()
    picture.savefig(path)
