"""Imports point one way, sockets and databases stay in their rooms: read from the sources themselves.

    errors, codes, money, private_files, whole_files <- venue, records, messages, transport, signed
        <- wire, _core, reference
        <- engine, chain, contracts, ledger <- settlement, proof, reserves, statements
        <- gateway, home, keyring, sandbox
        <- custody <- cli, demo, web

A module may import what stands to its left, and its own step if no circle comes of it. `client` and `audit` may
import only what is left of `engine`: a client must not carry the venue, and an audit must not trust it. Two doors
are open: an audit reads a ledger's rows through `ledger.reading`, which knows none of the books' rules, and asks a
chain's node through `chain.rpc`, which knows no contract.
"""

import ast
import re
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

STEPS = [
    {"errors", "codes", "money", "private_files", "whole_files"},
    {"venue", "venue_file", "records", "messages", "transport", "signed"},
    {"wire", "_core", "reference"},
    {"engine", "chain", "contracts", "ledger"},
    {"settlement", "proof", "reserves", "statements"},
    {"gateway", "home", "keyring", "sandbox"},
    {"custody"},
    {"cli", "demo", "web", "__main__"},
]
STEP = {room: number for number, rooms in enumerate(STEPS) for room in rooms}
APART = {"client", "audit"}  # import what is left of engine; imported by custody and the last step
DOORS = {"audit": ("fxengine.ledger.reading", "fxengine.chain.rpc")}

ONLY_IN = {
    "http": r"fxengine\.chain\.rpc",
    "zmq": r"fxengine\.(transport|gateway\.(server|connections|zap)|client\.link)",
    "sqlite3": r"fxengine\.ledger\.(sqlite|reading)",
    "psycopg": r"fxengine\.ledger\.postgres_connection",
    "typer": r"fxengine\.(cli|demo)(\..+)?",
    "rich": r"fxengine\.(cli|demo)(\..+)?",
}


def modules() -> dict[str, str]:
    """Every module of the package by its dotted name, with its source."""
    found = {}
    for path in sorted((ROOT / "fxengine").rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path.read_text(encoding="utf-8")
    return found


def imports(module: str, source: str, *, package: bool) -> set[str]:
    """The dotted names that a module imports anywhere in it, relative ones made absolute."""
    names: set[str] = set()
    home = module.split(".") if package else module.split(".")[:-1]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = home[: len(home) - node.level + 1] if node.level else []
            stem = ".".join([*base, *([node.module] if node.module else [])])
            names.update(f"{stem}.{alias.name}" for alias in node.names)
    return names


def room(dotted: str) -> str:
    """The first name below the package: fxengine.ledger.sqlite is in the room ledger."""
    return dotted.split(".")[1] if "." in dotted else ""


def wrong_way(module: str, imported: set[str]) -> list[str]:
    """What a module imports against the order, as sentences."""
    here = room(module)
    if here in APART:
        allowed = {there for there, step in STEP.items() if step < STEP["engine"]}
    elif here in STEP:
        allowed = {there for there, step in STEP.items() if step <= STEP[here]}
        allowed |= APART if STEP[here] >= STEP["custody"] else set()
    else:  # the package module itself imports nothing, and a room without a place may not either
        allowed = set()
    doors = tuple(door + "." for door in DOORS.get(here, ()))
    through = {name for name in imported if name.split(".")[0] == "fxengine" and not f"{name}.".startswith(doors)}
    theirs = {room(name) for name in through} - {here, "__version__"}
    return [f"{module} imports {there}" for there in sorted(theirs - allowed)]


def out_of_place(module: str, imported: set[str]) -> list[str]:
    """Libraries that a module imports although they have their place elsewhere, as sentences."""
    libraries = {name.split(".")[0] for name in imported}
    return [
        f"{module} imports {library}"
        for library, where in ONLY_IN.items()
        if library in libraries and not re.fullmatch(where, module)
    ]


SOURCES = modules()
PACKAGES = {name.rpartition(".")[0] for name in SOURCES} | {
    name for name in SOURCES if (ROOT / name.replace(".", "/")).is_dir()
}
IMPORTS = {name: imports(name, source, package=name in PACKAGES) for name, source in SOURCES.items()}


def test_every_room_has_its_place_in_the_order() -> None:
    assert {room(name) for name in SOURCES} - {""} <= set(STEP) | APART


@pytest.mark.parametrize("module", SOURCES)
def test_a_module_imports_only_what_stands_before_it(module: str) -> None:
    assert wrong_way(module, IMPORTS[module]) == []


@pytest.mark.parametrize("module", SOURCES)
def test_sockets_and_databases_stay_in_their_rooms(module: str) -> None:
    assert out_of_place(module, IMPORTS[module]) == []


def test_no_modules_import_each_other_in_a_circle() -> None:
    graph = {}
    for name, imported in IMPORTS.items():
        targets = {target if target in SOURCES else target.rpartition(".")[0] for target in imported}
        graph[name] = (targets & set(SOURCES)) - {name}
    assert len(list(TopologicalSorter(graph).static_order())) == len(SOURCES)


def test_the_compiled_core_imports_nothing_of_the_package() -> None:
    parts = [*ROOT.glob("fxengine/*.p[yx][xd]"), *ROOT.glob("fxengine/core/*.px[di]")]
    for path in parts:
        text = path.read_text(encoding="utf-8")
        assert re.findall(r"^\s*(?:from|import|cimport)\s+fxengine(?!\._core\b)[\w.]*", text, re.MULTILINE) == [], path


def test_importing_the_package_loads_nothing_heavy() -> None:
    code = "import sys; before = set(sys.modules); import fxengine; print(sorted(set(sys.modules) - before))"
    printed = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd=ROOT).stdout
    assert printed.strip() == "['fxengine']"


@pytest.mark.parametrize(
    ("module", "source", "wrong"),
    [
        ("fxengine.money", "from fxengine.errors import AmountError", []),
        ("fxengine.money", "from fxengine.venue import Venue", ["fxengine.money imports venue"]),
        ("fxengine.money", "def f():\n    import fxengine.venue", ["fxengine.money imports venue"]),
        ("fxengine.engine.journal", "from ..gateway import session", ["fxengine.engine.journal imports gateway"]),
        ("fxengine.engine.journal", "from .disk import sync", []),
        ("fxengine.client.blocking", "from fxengine.wire import decode", []),
        ("fxengine.client.blocking", "from fxengine import engine", ["fxengine.client.blocking imports engine"]),
        ("fxengine.audit.verify", "from fxengine.ledger import base", ["fxengine.audit.verify imports ledger"]),
        ("fxengine.audit.books", "from fxengine.ledger.reading import open_reader", []),
        ("fxengine.client.blocking", "import fxengine.ledger.reading", ["fxengine.client.blocking imports ledger"]),
        ("fxengine.gateway.server", "from fxengine.client import Client", ["fxengine.gateway.server imports client"]),
        ("fxengine.cli.order", "from fxengine.client import Client", []),
        ("fxengine.errors", "from fxengine.nowhere import x", ["fxengine.errors imports nowhere"]),
    ],
)
def test_an_import_against_the_order_is_found(module: str, source: str, wrong: list[str]) -> None:
    assert wrong_way(module, imports(module, source, package=False)) == wrong


@pytest.mark.parametrize("module", ["fxengine.gateway.session", "fxengine.wire", "fxengine.engine.journal"])
def test_a_socket_out_of_place_is_found(module: str) -> None:
    assert out_of_place(module, {"zmq.asyncio"}) == [f"{module} imports zmq"]
    assert out_of_place(module, {"zmqlike"}) == []
