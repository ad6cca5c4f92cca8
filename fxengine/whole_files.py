"""Files that are there whole or not at all: an old one stays until the new one is on the disk.

A reader, and whoever comes after a kill or a power cut, finds the file before or the file after, and no part of one.
"""

import os
from pathlib import Path


def write_whole(path: Path, text: str) -> None:
    """Put ``text`` (UTF-8) in place of a file, or make it; on the disk, name and all, when this returns.

    One writer at a time. Raises :class:`OSError`; the file is then as it was.
    """
    partial = path.with_name(f"{path.name}.partial")
    with partial.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
