"""The demo's own chain: a node, the venue's vault with a stablecoin for each currency, and everybody's keys.

::

    start anvil -> deploy -> bind accounts to fresh addresses, mint, deposit -> blocks every second
                -> (the market is open) -> what the settlements cost, read from their receipts

While things are set up every transaction makes a block, so that nothing waits; from then on a block comes each second
and is final when four more stand on it. All keys are new, live in this process and in the venue's environment, and
end with them.
"""

import secrets
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from fxengine.chain.admin import Administration
from fxengine.chain.calldata import Interface
from fxengine.chain.deploying import Deployer, Terms, begin
from fxengine.chain.deployment import Deployment
from fxengine.chain.keys import Key
from fxengine.chain.local_node import LocalNode
from fxengine.chain.rpc import ENVIRONMENT, Rpc
from fxengine.contracts import VAULT, load
from fxengine.custody.enlisting import enlist
from fxengine.home import Home
from fxengine.ledger.base import CHAIN_NAME

BLOCK_S: Final = 1
SLOTS_IN_AN_EPOCH: Final = 2
_FINAL_BLOCKS: Final = 2 * SLOTS_IN_AN_EPOCH
_ETHER: Final = 10**18
_FUNDS: Final = 1_000 * _ETHER
_ROLES: Final = ("OWNER", "OPERATOR", "GUARDIAN", "REGISTRAR")
_FOREVER_S: Final = 2**40


class DemoChain:
    """A chain for one demo. Use it as a context; ``keep`` leaves it to the caller when it ends."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._node = LocalNode(slots_in_an_epoch=SLOTS_IN_AN_EPOCH)
        self.rpc = Rpc(self._node.url)
        self._keys = {role: self._new_key() for role in _ROLES}
        self._deployment: Deployment | None = None

    @property
    def url(self) -> str:
        """The node's address."""
        return self._node.url

    @property
    def directory(self) -> Path:
        """Where the deployment stands."""
        return self._home.directory / CHAIN_NAME

    @property
    def environment(self) -> Mapping[str, str]:
        """What the venue needs to know: the node, and the operator's key."""
        return {ENVIRONMENT: self.url, "FXENGINE_OPERATOR_KEY": self._keys["OPERATOR"].account.key.hex()}

    @property
    def deployment(self) -> Deployment:
        """The deployment, once there is one."""
        assert self._deployment is not None
        return self._deployment

    def deploy(self) -> Deployment:
        """Deploy the vault and a stablecoin for each currency, and list the vault in the venue file."""
        owner, *others = (self._keys[role] for role in _ROLES)
        operator, guardian, registrar = (key.address for key in others)
        terms = Terms(operator, guardian, registrar)
        self._deployment = begin(self.directory, self._home.venue, self.rpc, owner.address, terms)
        deployer = Deployer(self._deployment, self.rpc, owner)
        deployer.vault()
        for currency in self._home.venue.currencies:
            deployer.list_token(currency, deployer.sandbox_token(currency))
        enlist(self._home, (token.currency for token in self._deployment.tokens))
        return self._deployment

    def fund(self, account: int, amounts: Mapping[str, int]) -> None:
        """Bind an account to an address of its own, give that stablecoins, and pay them into the vault.

        ``amounts`` are units by currency. Each transaction has a block of its own, at once.
        """
        admin, key = Administration(self.deployment, self.rpc), self._new_key()
        admin.register(self._keys["REGISTRAR"], account, key.address, _FOREVER_S)
        for code, units in amounts.items():
            token = self.deployment.token(code)
            admin.mint(self._keys["OWNER"], token, key.address, units)
            admin.deposit(key, token, units)

    def finalize(self) -> None:
        """Put as many blocks on top as it takes for all so far to be final."""
        for _ in range(_FINAL_BLOCKS + 1):
            self.rpc.call("evm_mine")

    def tick(self) -> None:
        """Let a block come each second from now on, whether it has transactions or not."""
        self.rpc.call("evm_setAutomine", False)
        self.rpc.call("evm_setIntervalMining", BLOCK_S)

    def gas_used(self) -> int:
        """Return the gas of all settlements, from their receipts."""
        settled = Interface(load(VAULT).abi).event("Settled").topic
        wanted = {
            "address": self.deployment.vault, "topics": [settled], "toBlock": "latest",
            "fromBlock": hex(self.deployment.deployed_block),
        }  # fmt: skip
        hashes: Iterable[str] = (log["transactionHash"] for log in self.rpc.call("eth_getLogs", wanted))
        receipts = self.rpc.batch([("eth_getTransactionReceipt", (transaction,)) for transaction in hashes])
        return sum(int(receipt["gasUsed"], 16) for receipt in receipts)

    def balances(self, accounts: Iterable[int]) -> dict[int, dict[str, str]]:
        """Return what accounts have in the vault, by currency, as decimal text; zeros are left out."""
        admin = Administration(self.deployment, self.rpc)
        found: dict[int, dict[str, str]] = {}
        for account in accounts:
            units = {token: admin.balance(account, token) for token in self.deployment.tokens}
            found[account] = {
                token.currency: self._home.venue.currency[token.currency].text(n) for token, n in units.items() if n
            }
        return found

    def close(self) -> None:
        """End the node."""
        self.rpc.close()
        self._node.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _new_key(self) -> Key:
        key = Key.from_hex(secrets.token_hex(32))
        self.rpc.call("anvil_setBalance", key.address, hex(_FUNDS))
        return key
