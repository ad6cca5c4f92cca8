"""Deploying a venue's contracts, one recorded step after the other: the vault, its tokens, their listing.

Every step asks first whether it is done already, by the deployment file and by the chain itself. So running it again
does nothing, and running it after a kill, a lost connection or a refusal goes on with what is missing::

    look up or sign  ->  write down (nonce, bytes)  ->  send  ->  wait for a block  ->  write down that it is done
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from fxengine.chain.admin import VAULT_ROLES
from fxengine.chain.calldata import Interface
from fxengine.chain.contract import (
    PATIENCE_S,
    Contract,
    check_chain,
    checked_address,
    deliver,
    included,
    prepare,
)
from fxengine.chain.deployment import FILE_NAME, Deployment, Step, Token, checked_finality
from fxengine.chain.keys import Key
from fxengine.chain.rpc import Rpc
from fxengine.contracts import STABLECOIN, VAULT, Artifact, load
from fxengine.errors import ChainError, ChainReverted, MissingExtraError
from fxengine.ledger.batch import Cursor
from fxengine.venue import Currency, Venue

try:
    from eth_abi.abi import encode
except ImportError as e:
    raise MissingExtraError("evm", "deploying contracts") from e

EXIT_DELAY_S: Final = 86_400
SILENCE_S: Final = 7 * 86_400
FINALITY: Final = "finalized"

Told = Callable[[str, str], None]
"""Told of each step: its name, and what came of it."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What a vault is deployed with; it cannot be changed afterwards, but for the roles."""

    operator: str
    guardian: str
    registrar: str
    exit_delay_s: int = EXIT_DELAY_S
    silence_s: int = SILENCE_S
    finality: str = FINALITY


def begin(directory: Path, venue: Venue, rpc: Rpc, owner: str, terms: Terms) -> Deployment:
    """Return the directory's deployment, begun or found. Sends nothing.

    Raises :class:`ChainError`: WRONG_CHAIN, BAD_ADDRESS, BAD_FINALITY, and DEPLOYED_OTHERWISE where one was
    begun there for another venue or on other terms.
    """
    who = [checked_address(address) for address in (owner, terms.operator, terms.guardian, terms.registrar)]
    wanted = Deployment(
        directory=directory,
        venue=venue.id,
        chain_id=int(rpc.call("eth_chainId"), 16),
        genesis_head=Cursor.genesis(venue).head,
        finality=checked_finality(terms.finality),
        exit_delay_s=terms.exit_delay_s,
        silence_s=terms.silence_s,
        roles=dict(zip(VAULT_ROLES, who, strict=True)),
        artifacts={name: load(name).hash for name in (VAULT, STABLECOIN)},
    )
    if not (directory / FILE_NAME).exists():
        wanted.save()
        return wanted
    found = Deployment.load(directory, unfinished=True)
    for name in ("venue", "chain_id", "genesis_head", "finality", "exit_delay_s", "silence_s", "roles"):
        if getattr(found, name) != getattr(wanted, name):
            raise ChainError(
                "DEPLOYED_OTHERWISE",
                f"{found.path} was begun with another {name.replace('_', ' ')}: {_text(getattr(found, name))}, not"
                f" {_text(getattr(wanted, name))}; say the same as then, or choose another directory",
            )
    if not found.vault:
        found.artifacts = wanted.artifacts
    return found


class Deployer:
    """Carries out what is missing of a deployment, as its owner."""

    def __init__(
        self, deployment: Deployment, rpc: Rpc, key: Key, *, told: Told | None = None, patience_s: float = PATIENCE_S
    ) -> None:
        self.deployment, self._rpc, self._key = deployment, rpc, key
        self._told: Told = told or (lambda name, outcome: None)
        self._patience_s = patience_s
        check_chain(rpc, deployment.chain_id)
        if key.address != deployment.roles["owner"]:
            raise ChainError(
                "NOT_THE_OWNER",
                f"this deployment is {deployment.roles['owner']}'s, and the owner's key is of {key.address}",
            )

    def vault(self) -> Contract:
        """Return the vault, deployed if it is not. Raises :class:`ChainError` (NO_VAULT) where it has gone."""
        deployment = self.deployment
        artifact = load(VAULT)
        if not deployment.vault:
            roles = [deployment.roles[role] for role in VAULT_ROLES]
            terms = [deployment.genesis_head, deployment.exit_delay_s, deployment.silence_s]
            arguments = encode(["address"] * 4 + ["bytes32", "uint256", "uint256"], [*roles, *terms])
            step, deployment.vault = self._create("vault", artifact, arguments)
            deployment.deployed_block = step.block
            deployment.save()
        else:
            self._told("vault", f"is at {deployment.vault}")
        if self._rpc.call("eth_getCode", deployment.vault, "latest") == "0x":
            raise ChainError(
                "NO_VAULT",
                f"the node {self._rpc.shown} has no contract at {deployment.vault}: it has lost its state, or it has"
                " not caught up; to deploy anew, choose another directory",
            )
        return Contract(self._rpc, Interface(artifact.abi), deployment.vault)

    def sandbox_token(self, currency: Currency) -> str:
        """Return the address of a currency's own LocalStablecoin, deployed if it is not; the owner issues it."""
        deployment = self.deployment
        if currency.code not in deployment.sandbox_tokens:
            name = f"{currency.code} sandbox stablecoin"
            kinds = ["string", "string", "uint8", "address", "address", "address"]
            arguments = encode(kinds, [name, currency.code, currency.decimals, *[self._key.address] * 3])
            _, address = self._create(f"token {currency.code}", load(STABLECOIN), arguments)
            deployment.sandbox_tokens[currency.code] = address
            deployment.save()
        return deployment.sandbox_tokens[currency.code]

    def list_token(self, currency: Currency, address: str) -> Token:
        """Make a token the venue's currency on chain, if it is not. The vault numbers them as they come.

        Raises :class:`ChainError` (WRONG_ORDER) where a currency before it has none, and (LISTED_OTHERWISE)
        where its number is another token's.
        """
        deployment, vault = self.deployment, self.vault_contract()
        address = checked_address(address)
        listed = vault.ask("status")[6]
        assert isinstance(listed, int)
        if listed < currency.index:
            raise ChainError(
                "WRONG_ORDER",
                f"tokens are listed in the order of the venue's currencies: number {listed} comes before"
                f" {currency.code}, which is number {currency.index}",
            )
        pending = deployment.step(f"list {currency.code}")
        if listed == currency.index and not (pending and pending.raw):
            call = vault.interface.function("list_token").call(address, currency.decimals)
            self._carry_out(f"list {currency.code}", deployment.vault, call)
        elif pending and pending.raw:
            self._finish(pending)
        token, unit_decimals, scale = vault.ask("token", currency.index)
        found = checked_address(str(token))
        if found != address or unit_decimals != currency.decimals:
            raise ChainError(
                "LISTED_OTHERWISE",
                f"number {currency.index}, {currency.code}'s, is {found} already, with {int(unit_decimals)} decimals",
            )
        assert isinstance(scale, int)
        decimals = currency.decimals + len(str(scale)) - 1
        line = Token(currency.code, currency.index, address, decimals, currency.decimals)
        if line not in deployment.tokens:
            deployment.tokens.append(line)
            deployment.tokens.sort(key=lambda token: token.tid)
            deployment.save()
        self._told(f"list {currency.code}", f"is number {currency.index}")
        return line

    def vault_contract(self) -> Contract:
        """Return the vault that is there."""
        return Contract(self._rpc, Interface(load(VAULT).abi), self.deployment.vault)

    def _create(self, name: str, artifact: Artifact, arguments: bytes) -> tuple[Step, str]:
        """Deploy a contract as a step; return the step and the address."""
        step, receipt = self._carry_out(name, None, artifact.bytecode + arguments)
        address = checked_address(receipt)
        self._told(name, f"is at {address}")
        return step, address

    def _carry_out(self, name: str, to: str | None, data: bytes) -> tuple[Step, str]:
        step = self.deployment.step(name)
        if step is None:
            step = self._signed(name, to, data)
        try:
            return step, self._finish(step)
        except _NeverIncluded:
            self.deployment.steps.remove(step)
            step = self._signed(name, to, data)
            return step, self._finish(step)

    def _signed(self, name: str, to: str | None, data: bytes) -> Step:
        """Sign a step's transaction, and write it down before anybody has seen it."""
        prepared = prepare(self._rpc, self._key, to, data)
        step = Step(name, prepared.sender, prepared.nonce, prepared.hash, "0x" + prepared.raw.hex())
        self.deployment.steps.append(step)
        self.deployment.save()
        return step

    def _finish(self, step: Step) -> str:
        """Send a step's transaction, as often as it is asked for, until a block has it; return what it created."""
        receipt = self._rpc.call("eth_getTransactionReceipt", step.transaction)
        if receipt is None:
            used = int(self._rpc.call("eth_getTransactionCount", step.sender, "latest"), 16)
            taken = used > step.nonce and self._rpc.call("eth_getTransactionReceipt", step.transaction) is None
            if taken or not step.raw:
                raise _NeverIncluded
            deliver(self._rpc, bytes.fromhex(step.raw[2:]))
        try:
            receipt = included(self._rpc, step.transaction, patience_s=self._patience_s)
        except ChainReverted:
            self.deployment.steps.remove(step)
            self.deployment.save()
            raise
        step.raw, step.block = "", int(receipt["blockNumber"], 16)
        self.deployment.save()
        return str(receipt.get("contractAddress") or "")


class _NeverIncluded(Exception):
    """The step's nonce is another transaction's, or the chain has undone the block that had the step."""


def default_directory(venue_directory: Path) -> Path:
    """Return where a venue's deployment stands when nobody says otherwise."""
    return venue_directory / "chain"


def _text(value: object) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)
