"""The contracts' tests run on pyrevm, in this process; where there is no build of it, only those on a node remain."""

from collections.abc import Iterator
from importlib.util import find_spec

import pytest

from fxengine.chain.keys import Key
from fxengine.chain.local_node import LocalNode
from fxengine.chain.rpc import Rpc
from tests.contracts.keys import ROLES, key_of

if find_spec("pyrevm") is None:  # Python 3.13 and later
    collect_ignore = [
        "test_batches.py",
        "test_lives.py",
        "test_proofs.py",
        "test_roles.py",
        "test_stablecoin.py",
        "test_tokens.py",
        "test_withdrawals.py",
    ]
else:
    from tests.contracts.venue_on_chain import VenueOnChain

    @pytest.fixture
    def venue() -> VenueOnChain:
        """A vault with six listed tokens; accounts 2, 3 and 4 are registered, and 0 for the fees."""
        made = VenueOnChain()
        made.register(0, 2, 3, 4)
        return made


@pytest.fixture
def node() -> Iterator[LocalNode]:
    """A node where every transaction makes a block."""
    with LocalNode() as node:
        yield node


@pytest.fixture
def rpc(node: LocalNode) -> Iterator[Rpc]:
    """The node, with some of its coin at every key of the tests."""
    rpc = Rpc(node.url)
    for role in ROLES:
        rpc.call("anvil_setBalance", key_of(role).address, hex(10**21))
    yield rpc
    rpc.close()


@pytest.fixture
def keys(monkeypatch: pytest.MonkeyPatch, node: LocalNode) -> dict[str, Key]:
    """Every role's key, in the environment as a person has it, and the node's address beside them."""
    monkeypatch.setenv("FXENGINE_RPC", node.url)
    found = {role: key_of(role) for role in ROLES}
    for role, key in found.items():
        monkeypatch.setenv(f"FXENGINE_{role}_KEY", key.account.key.hex())
    return found
