"""How far a relay has come, kept in ``DIR/custody.json``: written whole or not at all, before anything rests on it.

It says up to which final block everything was read, what of that still waits to be said to the venue, which of the
venue's withdrawals pays which exit, and what was said lately, should the chain ever take it back. Whatever is lost
of it is found again: a deposit is credited once whatever is repeated, and an exit names its withdrawal here
before it is paid.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self

from fxengine.custody.movements import Kind, Movement
from fxengine.errors import ChainError
from fxengine.whole_files import write_whole

FORMAT: Final = "fxengine custody 1"
FILE_NAME: Final = "custody.json"
SAID_BLOCKS: Final = 10_000
"""For how many final blocks what was said is remembered."""


@dataclass(slots=True)
class Progress:
    """A relay's memory. ``block`` and ``block_hash``: the last final block that was read."""

    path: Path
    vault: str
    block: int
    block_hash: str = ""
    waiting: list[Movement] = field(default_factory=list)
    """Final movements that the venue has not taken yet, in order."""
    paying: dict[str, list[int]] = field(default_factory=dict)
    """An exit's reference to the numbers of the withdrawals that pay it."""
    requests: set[tuple[int, int]] = field(default_factory=set)
    """Accounts and tokens of which a withdrawal was requested, and may still be open."""
    said: list[Movement] = field(default_factory=list)
    """What the venue was told of, in the last blocks."""
    lost: list[Movement] = field(default_factory=list)
    """What the venue was told of, and the chain took back."""
    seen_s: float = 0.0
    """When the chain was last seen, in seconds since 1970."""
    is_new: bool = False
    """Whether there was no file: all is read anew, and some of it the venue may have taken before."""

    @classmethod
    def load(cls, directory: Path, vault: str, deployed_block: int) -> Self:
        """Read the file of a vault, or begin before the block that deployed it.

        Raises :class:`ChainError` (BAD_PROGRESS) for a file that is damaged, or another vault's.
        """
        path = directory / FILE_NAME
        try:
            tree = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return cls(path, vault, deployed_block - 1, is_new=True)
        except (OSError, ValueError) as e:
            raise ChainError("BAD_PROGRESS", f"{path} cannot be read ({e}); remove it: all is read anew") from None
        try:
            if (tree["format"], tree["vault"]) != (FORMAT, vault):
                raise ValueError("of another vault, or another version")
            return cls(
                path,
                vault,
                int(tree["block"]),
                str(tree["block_hash"]),
                waiting=_movements(tree["waiting"]),
                paying={str(one): [int(number) for number in numbers] for one, numbers in tree["paying"].items()},
                requests={(int(account), int(tid)) for account, tid in tree["requests"]},
                said=_movements(tree["said"]),
                lost=_movements(tree["lost"]),
                seen_s=float(tree["seen_s"]),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as e:
            raise ChainError(
                "BAD_PROGRESS", f"{path} is not this vault's ({type(e).__name__} {e}); remove it: all is read anew"
            ) from None

    def done(self, taken: Sequence[Movement]) -> None:
        """Note that the venue has taken movements, and write it down."""
        if not taken:
            return
        gone = {movement.reference for movement in taken}
        self.waiting = [movement for movement in self.waiting if movement.reference not in gone]
        self.paying = {one: numbers for one, numbers in self.paying.items() if one not in gone}
        self.said = [old for old in self.said if old.block > self.block - SAID_BLOCKS] + list(taken)
        self.save()

    def save(self) -> None:
        """Write the file: it is on the disk when this returns."""
        tree = {
            "format": FORMAT, "vault": self.vault, "block": self.block, "block_hash": self.block_hash,
            "waiting": self.waiting, "paying": self.paying, "requests": sorted(self.requests), "said": self.said,
            "lost": self.lost, "seen_s": self.seen_s,
        }  # fmt: skip
        self.is_new = False
        write_whole(self.path, json.dumps(tree, indent=1) + "\n")


def _movements(rows: list[list[object]]) -> list[Movement]:
    found = []
    for reference, kind, *numbers in rows:
        account, tid, units, block = (int(str(number)) for number in numbers)
        found.append(Movement(str(reference), Kind(str(kind)), account, tid, units, block))
    return found
