"""The exception tree is the one that its docstring draws."""

import re

import pytest

from fxengine import errors


def drawn_tree() -> dict[str, str]:
    """Read the drawing: each class under the nearest one that is drawn further left."""
    parents: dict[str, str] = {}
    above: list[tuple[int, str]] = []
    for line in (errors.__doc__ or "").partition("::")[2].splitlines():
        if found := re.match(r"^([ |`-]*)([A-Z]\w+)", line):
            depth, name = len(found[1]), found[2]
            while above and above[-1][0] >= depth:
                above.pop()
            if above:
                parents[name] = above[-1][1]
            above.append((depth, name))
    return parents


def test_the_drawn_tree_is_the_real_one() -> None:
    real = {
        name: kind.__bases__[0].__name__
        for name, kind in vars(errors).items()
        if isinstance(kind, type) and kind is not errors.FxEngineError
    }
    assert drawn_tree() == real


def test_a_venue_error_names_its_key() -> None:
    error = errors.VenueError("instruments[2].tick", "must be positive")
    assert error.key == "instruments[2].tick"
    assert str(error) == "instruments[2].tick: must be positive"


def test_a_missing_extra_says_how_to_install_it_and_is_an_import_error() -> None:
    with pytest.raises(ImportError, match=r"pip install 'fxengine\[postgres\]'"):
        raise errors.MissingExtraError("postgres", "the PostgreSQL ledger")


def test_a_rejection_carries_its_code_and_its_advice() -> None:
    error = errors.RequestRejected(401, "Deposit first.")
    assert (error.reason, error.text, str(error)) == (401, "Deposit first.", "[401] Deposit first.")
