"""How commands answer: a table for a person, one line of JSON for a program, and errors for both.

Every refusal and fault leaves the same way, through :func:`answering`: a sentence on standard
error (or, with ``--json``, one line ``{"error": {"code": ..., "text": ...}}`` on standard output)
and exit code 1. Exit code 2 is typer's own, for a command that was typed wrongly.
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from fxengine.errors import ChainError, FxEngineError, RequestRejected

Json = Annotated[bool, typer.Option("--json", help="Answer with one line of JSON, for a program to read.")]

console = Console(highlight=False)
errors = Console(stderr=True, highlight=False)


@contextmanager
def answering(as_json: bool) -> Iterator[None]:
    """Turn what the package raises on purpose, and what files refuse, into an answer and exit code 1."""
    try:
        yield
    except (FxEngineError, OSError) as e:
        code = _code(e)
        text = e.text if isinstance(e, RequestRejected) else str(e).removesuffix(f" [{code}]")
        if as_json:
            print_json({"error": {"code": code, "text": text}})
        else:
            errors.print(f"[bold red]error[/] [dim]{code}[/]  ", end="")
            errors.print(text, markup=False)
        raise typer.Exit(1) from None


def _code(error: Exception) -> int | str:
    """Return what a program knows an error by."""
    if isinstance(error, RequestRejected):
        return int(error.reason)
    return error.code if isinstance(error, ChainError) else type(error).__name__


def print_json(answer: dict[str, Any]) -> None:
    """Print one line of JSON."""
    print(json.dumps(answer, ensure_ascii=False), flush=True)


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str]], *, title: str | None = None) -> None:
    """Print a plain table; columns whose name starts with ``>`` are right-aligned figures."""
    table = Table(title=title, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for column in columns:
        figures = column.startswith(">")
        # A text that is too long goes on in the next line: half a hash or an address is of no use.
        table.add_column(
            column.removeprefix(">"), justify="right" if figures else "left", no_wrap=figures, overflow="fold"
        )
    for row in rows:
        table.add_row(*row)
    console.print(table)
