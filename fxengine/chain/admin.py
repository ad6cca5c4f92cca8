"""What people do with a venue's vault: bind an account, pay in, ask for money back, pass a role on.

Each function sends what is needed and waits until a block has it; one that finds its work done sends nothing and
returns None. Amounts are the venue's units.
"""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple, cast

from fxengine.chain.calldata import Interface, Value
from fxengine.chain.contract import Contract, check_chain, checked_address
from fxengine.chain.deployment import Deployment, Token
from fxengine.chain.keys import Key
from fxengine.chain.rpc import Rpc
from fxengine.contracts import STABLECOIN, VAULT, load
from fxengine.errors import ChainError, ChainReverted

Receipt = Mapping[str, Any]

VAULT_ROLES: Final = ("owner", "operator", "guardian", "registrar")
"""The vault's roles by their numbers."""
NOBODY: Final = "0x" + "00" * 20


class VaultStatus(NamedTuple):
    """The vault at one moment. Times are seconds since 1970 UTC; 0: never."""

    batch_id: int
    last_sequence: int
    head: bytes
    paused: bool
    frozen_since: int
    operator_seen: int
    n_tokens: int
    block_number: int
    block_time: int


class Binding(NamedTuple):
    """Who an account of the venue is bound to."""

    address: str | None
    kyc_until: int
    frozen: bool


class Request(NamedTuple):
    """What is left of a requested withdrawal, and from when on it may be taken."""

    units: int
    ready_at: int


class Administration:
    """A deployment's vault and tokens, through a node that is on its chain."""

    def __init__(self, deployment: Deployment, rpc: Rpc) -> None:
        check_chain(rpc, deployment.chain_id)
        self.deployment, self.rpc = deployment, rpc
        self.vault = Contract(rpc, Interface(load(VAULT).abi), deployment.vault)
        if rpc.call("eth_getCode", deployment.vault, "latest") == "0x":
            raise ChainError(
                "NO_VAULT",
                f"the node {rpc.shown} has no contract at {deployment.vault}: it has lost its state, has not caught up,"
                " or the deployment file is another chain's",
            )

    # Reading.

    def status(self) -> VaultStatus:
        """Return where the vault stands, all of one block."""
        return VaultStatus(*cast(tuple[Any, ...], self.vault.ask("status")))

    def roles(self) -> dict[str, tuple[str, str | None]]:
        """Return who has each role, and whom it is offered to."""
        found = {}
        for number, name in enumerate(VAULT_ROLES):
            has, offered = self.vault.ask("role", number)
            found[name] = (checked_address(str(has)), None if offered == NOBODY else checked_address(str(offered)))
        return found

    def binding(self, account: int) -> Binding:
        """Return who an account is bound to."""
        address, kyc_until, frozen = cast(tuple[str, int, bool], self.vault.ask("holder", account))
        return Binding(None if address == NOBODY else checked_address(address), kyc_until, frozen)

    def account_of(self, address: str) -> int:
        """Return the account of an address. Raises :class:`ChainError` (NOT_REGISTERED) where it has none."""
        try:
            return self.vault.number("account_of", address)
        except ChainReverted as e:
            raise ChainError(
                "NOT_REGISTERED", f"{address} is bound to no account; the registrar does it: fxengine chain register"
            ) from e

    def balance(self, account: int, token: Token) -> int:
        """Return settled units, without what is requested."""
        return self.vault.number("balance_of", account, token.tid)

    def request(self, account: int, token: Token) -> Request:
        """Return an open request; zeros where there is none."""
        return Request(*cast(tuple[int, int], self.vault.ask("pending", account, token.tid)))

    def liabilities(self, token: Token) -> int:
        """Return what the vault owes of a token, in units."""
        return self.vault.number("liabilities", token.tid)

    def held(self, token: Token) -> int:
        """Return what the vault holds of a token, in whole units; dust below one is left out."""
        return self.coin(token).number("balanceOf", self.deployment.vault) // _scale(token)

    def coin(self, token: Token) -> Contract:
        """Return the token's own contract: what any ERC-20 has, and for sandbox tokens the rest."""
        return Contract(self.rpc, Interface(load(STABLECOIN).abi), token.token)

    # The registrar.

    def register(self, key: Key, account: int, address: str, kyc_until: int) -> Receipt | None:
        """Bind an account to an address, for good, or renew until when a bound one may deposit.

        Raises :class:`ChainError` (BOUND_OTHERWISE) where either is bound already, elsewhere.
        """
        address = checked_address(address)
        bound = self.binding(account)
        if bound.address is None:
            return self._transact(key, "register", account, address, kyc_until)
        if bound.address != address:
            raise ChainError(
                "BOUND_OTHERWISE",
                f"account {account} is {bound.address}'s for good; a holder who has lost a key gets a new account, and"
                " the venue moves the balance there",
            )
        if bound.kyc_until == kyc_until:
            return None
        return self._transact(key, "set_account", account, kyc_until, bound.frozen)

    def set_frozen(self, key: Key, account: int, frozen: bool) -> Receipt | None:
        """Block an account's deposits and exit, or let them go on."""
        bound = self.binding(account)
        return None if bound.frozen == frozen else self._transact(key, "set_account", account, bound.kyc_until, frozen)

    # The holder.

    def deposit(self, key: Key, token: Token, units: int) -> Receipt:
        """Allow the vault to take what is missing of an allowance, and pay in."""
        amount = units * _scale(token)
        coin = self.coin(token)
        if coin.number("allowance", key.address, self.deployment.vault) < amount:
            coin.transact(key, "approve", self.deployment.vault, amount)
        return self._transact(key, "deposit", token.tid, units)

    def request_withdraw(self, key: Key, token: Token, units: int) -> Receipt:
        """Set units apart, to be taken after the delay."""
        return self._transact(key, "request_withdraw", token.tid, units)

    def cancel_withdraw(self, key: Key, token: Token) -> Receipt:
        """Put what is left of a request back into the balance."""
        return self._transact(key, "cancel_withdraw", token.tid)

    def withdraw(self, key: Key, token: Token, to: str) -> Receipt:
        """Take what is left of a request, once it is ready."""
        return self._transact(key, "withdraw", token.tid, checked_address(to))

    # Roles and brakes.

    def offer_role(self, key: Key, role: str, to: str) -> Receipt | None:
        """Offer a role, as the owner."""
        number, address = _role(role), checked_address(to)
        has, offered = self.roles()[role]
        return None if address in (has, offered) else self._transact(key, "set_role", number, address)

    def accept_role(self, key: Key, role: str) -> Receipt | None:
        """Take a role that was offered to the key's address."""
        number = _role(role)
        return None if self.roles()[role][0] == key.address else self._transact(key, "accept_role", number)

    def set_paused(self, key: Key, paused: bool) -> Receipt | None:
        """Stop settlement and deposits, or let them go on, as the guardian."""
        return None if self.status().paused == paused else self._transact(key, "set_paused", paused)

    def heartbeat(self, key: Key) -> Receipt:
        """Say that the operator is there, as the operator of a venue that has had nothing to settle."""
        return self._transact(key, "heartbeat")

    def freeze(self, key: Key) -> Receipt | None:
        """End the vault after the operator's silence; anyone may."""
        return None if self.status().frozen_since else self._transact(key, "freeze")

    # The issuer of a sandbox token.

    def mint(self, key: Key, token: Token, to: str, units: int) -> Receipt:
        """Issue some of a LocalStablecoin, as its issuer. Raises :class:`ChainReverted` for anybody else."""
        return self.coin(token).transact(key, "mint", checked_address(to), units * _scale(token))

    def _transact(self, key: Key, name: str, *values: Value) -> Receipt:
        return self.vault.transact(key, name, *values)


def _scale(token: Token) -> int:
    return int(10 ** (token.decimals - token.unit_decimals))


def _role(name: str) -> int:
    if name not in VAULT_ROLES:
        raise ChainError("NO_SUCH_ROLE", f"{name!r} is no role; there are {', '.join(VAULT_ROLES)}")
    return VAULT_ROLES.index(name)
