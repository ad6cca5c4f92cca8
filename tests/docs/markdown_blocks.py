"""The code blocks of a Markdown page, in order, and what may be done with each.

    ```bash              run in the page's workspace (see workspace.py)
    ```python            run there as a script; as a doctest if it shows a >>> prompt
    ```python fragment   compiled only: a piece of a longer program
    ```toml, ```json     must parse
    ```text, ```diff     for the reader: output, pictures
    <!-- bash            run like a bash block, unseen by readers: what they have by then, such as a
    ... -->              venue that is being served

Any other word after the fence is an error, so that no block goes unchecked because of a slip.
"""

import re
from dataclasses import dataclass

KINDS = {"bash", "python", "python fragment", "toml", "json", "text", "diff"}


@dataclass(frozen=True, slots=True)
class Block:
    """One block: ``kind`` is one of KINDS, ``line`` the number of its first line of text."""

    kind: str
    text: str
    line: int


def blocks_of(page: str) -> list[Block]:
    """Read a page's blocks; ValueError names the line of a fence that is unknown or never closed."""
    blocks: list[Block] = []
    kind, closing, indent, start, kept = "", "", 0, 0, list[str]()
    for number, line in enumerate(page.splitlines(), 1):
        if kind:
            if line.strip() == closing:
                blocks.append(Block(kind, "\n".join(kept) + "\n", start))
                kind = ""
            else:
                kept.append(line[indent:] if not line[:indent].strip() else line)
        elif opened := re.match(r"^(\s*)(`{3,}|<!-- bash$)\s*(.*?)\s*$", line):
            indent, start, kept = len(opened[1]), number + 1, []
            hidden = opened[2].startswith("<!--")
            kind, closing = ("bash", "-->") if hidden else (opened[3], opened[2])
            if kind not in KINDS:
                raise ValueError(f"line {number}: a block of {kind!r}; known are {', '.join(sorted(KINDS))}")
    if kind:
        raise ValueError(f"line {start - 1}: this block is never closed")
    return blocks


def commands_of(script: str) -> list[str]:
    """Split a bash block into commands: lines, with those that end in a backslash joined; no comments."""
    joined = re.sub(r"\\\n\s*", "", script)
    return [line for line in joined.splitlines() if line.strip() and not line.lstrip().startswith("#")]
