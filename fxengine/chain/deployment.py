"""The deployment file: which contracts on which chain are a venue's, and how far their deployment has come.

``DIR/deployment.json`` is public, holds no key and no node's address, and is written whole or not at all. A step of
the deployment is written down *before* its transaction is sent, signed with a nonce of its own: whoever finds a step
without an end sends the same bytes again, and a nonce is used once. So a deployment that was killed anywhere goes on
where it was, and nothing is deployed twice.
"""

import json
import re
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final, Self

from fxengine.errors import ChainError
from fxengine.whole_files import write_whole

FORMAT: Final = "fxengine deployment 1"
FILE_NAME: Final = "deployment.json"
_POLICY: Final = re.compile(r"finalized|safe|depth:[1-9][0-9]{0,5}")


@dataclass(slots=True)
class Step:
    """One transaction of a deployment. ``raw`` is kept until a block has it."""

    name: str
    sender: str
    nonce: int
    transaction: str  # its hash
    raw: str = ""  # 0x...; empty: done
    block: int = 0


@dataclass(frozen=True, slots=True)
class Token:
    """A listed token: the venue's currency ``tid``, counted in units of 10^-unit_decimals."""

    currency: str
    tid: int
    token: str  # address
    decimals: int
    unit_decimals: int


@dataclass(slots=True)
class Deployment:
    """A venue's contracts. Read one with :meth:`load`; :mod:`fxengine.chain.deploying` makes them."""

    directory: Path
    venue: str  # its id
    chain_id: int
    genesis_head: bytes
    finality: str  # finalized, safe or depth:N
    exit_delay_s: int
    silence_s: int
    roles: dict[str, str]  # as deployed: owner, operator, guardian, registrar to address
    artifacts: dict[str, str]  # contract to the SHA-256 of its creating bytecode
    vault: str = ""  # address; empty: not deployed yet
    deployed_block: int = 0
    sandbox_tokens: dict[str, str] = field(default_factory=dict)  # currency to address, deployed and perhaps not listed
    tokens: list[Token] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)

    @property
    def path(self) -> Path:
        """Return the file's path."""
        return self.directory / FILE_NAME

    @classmethod
    def load(cls, directory: Path, *, unfinished: bool = False) -> Self:
        """Read a directory's deployment.

        Raises :class:`ChainError`: NO_DEPLOYMENT where there is none, UNFINISHED where its vault is not there yet
        (unless ``unfinished``), BAD_DEPLOYMENT where the file is not as this version writes it.
        """
        path = directory / FILE_NAME
        try:
            tree = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise ChainError(
                "NO_DEPLOYMENT", f"{path} does not exist; make one with fxengine chain deploy, or name its --dir"
            ) from None
        except (OSError, ValueError) as e:
            raise ChainError("BAD_DEPLOYMENT", f"{path} cannot be read: {e}") from e
        try:
            found = cls._from_tree(directory, tree)
        except (KeyError, TypeError, ValueError, AttributeError) as e:
            raise ChainError("BAD_DEPLOYMENT", f"{path} is not a deployment file: {type(e).__name__} {e}") from e
        if not found.vault and not unfinished:
            raise ChainError("UNFINISHED", f"{path}: its vault is not deployed yet; run fxengine chain deploy again")
        return found

    @classmethod
    def _from_tree(cls, directory: Path, tree: dict[str, Any]) -> Self:
        if tree["format"] != FORMAT:
            raise ValueError(f"of format {tree['format']!r}, not {FORMAT!r}")
        return cls(
            directory=directory,
            venue=tree["venue"],
            chain_id=int(tree["chain_id"]),
            genesis_head=bytes.fromhex(tree["genesis_head"]),
            finality=checked_finality(tree["finality"]),
            exit_delay_s=int(tree["exit_delay_s"]),
            silence_s=int(tree["silence_s"]),
            roles=dict(tree["roles"]),
            artifacts=dict(tree["artifacts"]),
            vault=tree["vault"],
            deployed_block=int(tree["deployed_block"]),
            sandbox_tokens=dict(tree["sandbox_tokens"]),
            tokens=[Token(**line) for line in tree["tokens"]],
            steps=[Step(**line) for line in tree["steps"]],
        )

    def save(self) -> None:
        """Write the file: whole, and on the disk when this returns."""
        tree = asdict(self) | {"format": FORMAT, "genesis_head": self.genesis_head.hex()}
        del tree["directory"]
        first = ("format", "venue", "chain_id", "vault")
        ordered = {name: tree[name] for name in (*first, *(name for name in tree if name not in first))}
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_whole(self.path, json.dumps(ordered, indent=1) + "\n")

    def token(self, currency: str) -> Token:
        """Return a currency's token. Raises :class:`ChainError` (NOT_LISTED) where it has none."""
        for token in self.tokens:
            if token.currency == currency:
                return token
        known = ", ".join(token.currency for token in self.tokens) or "none yet"
        raise ChainError("NOT_LISTED", f"{currency!r} has no token on chain; listed are: {known}")

    def step(self, name: str) -> Step | None:
        """Return a step by its name, done or not."""
        return next((step for step in self.steps if step.name == name), None)


def checked_finality(text: str) -> str:
    """Return a finality policy that is one; :class:`ChainError` (BAD_FINALITY) otherwise."""
    if not _POLICY.fullmatch(text):
        raise ChainError("BAD_FINALITY", f"a finality policy is finalized, safe or depth:N, not {text!r}")
    return text


def finality_depth(policy: str) -> int | None:
    """Return N of a policy ``depth:N``; None where the chain itself says what is final.

    Raises :class:`ChainError` (BAD_FINALITY) for what is no policy.
    """
    _, _, blocks = checked_finality(policy).partition(":")
    return int(blocks) if blocks else None
