"""The contracts' tests run on pyrevm, in this process; where there is no build of it, only those on a node remain."""

from importlib.util import find_spec

import pytest

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
