"""Commands about proofs: publish what the venue owes, prove an account's or a trade's place in it, check a proof."""

import os
import time
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from typer.core import TyperGroup

from fxengine.cli.connect import Ledger, VenueDir, own_books
from fxengine.cli.output import Json, answering, console, print_json, print_table
from fxengine.errors import FxEngineError
from fxengine.home import Home
from fxengine.ledger.holders import find_holder
from fxengine.proof import trade
from fxengine.proof.commitment import BYTES_MAX, Commitment, open_commitment
from fxengine.proof.fields import JSON_BYTES_MAX, Fields, FieldsError
from fxengine.proof.flaws import COMMITMENT_FLAWS, ProofFlaw
from fxengine.proof.liability import LiabilityProof
from fxengine.proof.prover import Prover, find_trade
from fxengine.proof.published import Published
from fxengine.proof.trade import TradeProof
from fxengine.signed import TokenFlaw, claimed_signer, public_key_bytes


class _AccountUnlessSaid(TyperGroup):
    """``prove ACCOUNT`` is short for ``prove account ACCOUNT``, and ``prove --check FILE`` for ``prove check FILE``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 - typer has moved its type
        """Put the verb in where it was left out."""
        if args[:1] == ["--check"]:
            args = ["check", *args[1:]]
        elif args and args[0] not in self.commands and args[0] != "--help":
            args = ["account", *args]
        return super().parse_args(ctx, args)


commands = typer.Typer(
    name="prove",
    cls=_AccountUnlessSaid,
    no_args_is_help=True,
    help=(
        "Prove what the venue owes, and check such proofs anywhere.\n\n"
        "The operator publishes a commitment to a batch: for each currency the sum of all that is owed, and one hash. "
        "An account's proof shows that its balance is in that sum; whoever has the file and the commitment checks it, "
        "without the venue. 'fxengine prove ACCOUNT' is short for 'fxengine prove account ACCOUNT'."
    ),
)

Batch = Annotated[int | None, typer.Option(min=1, metavar="NUMBER", help="The batch to prove. Default: the newest.")]
Out = Annotated[Path, typer.Option("--out", metavar="DIR", help="Where to write the proof files.")]


@commands.command()
def publish(batch: Batch = None, ledger: Ledger = None, venue: VenueDir = Path(), as_json: Json = False) -> None:
    """Commit to a batch: sign its head, its trades' root, and what is owed in each currency.

    The commitment is kept in DIR/commitments. Put it where everybody sees the same one, such as a web page; proofs are
    made under the newest that is published. A batch is committed to once; asking again shows what was published.
    """
    with answering(as_json):
        home = Home(venue)
        with own_books(home, ledger) as reader:
            published = _publish(home, Prover(reader, home.proof_secret(), batch))
    _show_commitment(published, as_json)


@commands.command()
def account(
    who: Annotated[
        str, typer.Argument(metavar="ACCOUNT", help="An account's number, or the name its KYC issuer knows it by.")
    ],
    issuer: Annotated[
        str | None, typer.Option(metavar="ISS", help="The KYC issuer, where several have a customer of that name.")
    ] = None,
    batch: Annotated[
        int | None,
        typer.Option(min=1, metavar="NUMBER", help="The batch to prove. Default: the newest one that is committed to."),
    ] = None,
    out: Out = Path(),
    ledger: Ledger = None,
    venue: VenueDir = Path(),
    as_json: Json = False,
) -> None:
    """Write a proof for each currency that an account is owed: that its balance is in the published sum.

    A proof file is the account owner's: it shows the balance, and its salt lets whoever has it recognise the account.
    Where nothing is committed to yet, the newest batch is.
    """
    with answering(as_json):
        home = Home(venue)
        with own_books(home, ledger) as reader:
            holder = find_holder(reader, who, issuer)
            prover = Prover(reader, home.proof_secret(), batch or home.commitments.newest())
            published = _publish(home, prover)
            proofs = prover.liabilities(holder.account)
        if not proofs:
            raise FxEngineError(f"{holder.name} is owed nothing at batch {prover.batch}, so there is nothing to prove")
        files = [_write(out / _account_file(proof), proof.to_json()) for proof in proofs]
    if as_json:
        print_json({
            "account": holder.account, "subject": holder.subject, "batch": prover.batch,
            "commitment": str(published.file),
            "proofs": [
                {"currency": p.currency, "amount": p.amount_text, "root": p.root.hex(), "file": str(f)}
                for p, f in zip(proofs, files, strict=True)
            ],
        })  # fmt: skip
        return
    console.print(f"[bold]{escape(holder.name)}[/], account {holder.account}, at batch {prover.batch}:")
    rows = [[p.currency, p.amount_text, p.total_text, str(f)] for p, f in zip(proofs, files, strict=True)]
    print_table(["currency", ">owed", ">of a total of", "proof"], [[escape(cell) for cell in row] for row in rows])
    console.print(f"Check one: [bold]fxengine prove check {escape(rows[0][3])} --commitment {published.file}[/]")


@commands.command("trade")
def trade_(
    instrument: Annotated[str, typer.Argument(metavar="INSTRUMENT", help="The trade's book, such as EUR/USD.")],
    number: Annotated[int, typer.Argument(min=1, metavar="NUMBER", help="The trade's number in that book.")],
    out: Out = Path(),
    ledger: Ledger = None,
    venue: VenueDir = Path(),
    as_json: Json = False,
) -> None:
    """Write a proof that a trade is in its batch; the batch is committed to if it is not yet."""
    with answering(as_json):
        home = Home(venue)
        with own_books(home, ledger) as reader:
            prover = Prover(reader, home.proof_secret(), find_trade(reader, instrument, number).batch)
            proof = prover.trade(instrument, number)
            published = _publish(home, prover)
        path = _write(out / f"trade-{instrument.replace('/', '-')}-{number}.json", proof.to_json())
    if as_json:
        print_json({
            "instrument": instrument, "number": number, "batch": proof.batch, "commitment": str(published.file),
            "root": proof.root.hex(), "file": str(path),
        })  # fmt: skip
        return
    console.print(f"Trade {number} of {instrument} is one of {proof.n_trades} in batch {proof.batch}: {path}")
    console.print(f"Check it: [bold]fxengine prove check {path} --commitment {published.file}[/]")


@commands.command()
def check(
    file: Annotated[Path, typer.Argument(metavar="PROOF.json", help="A proof of an account or of a trade.")],
    root: Annotated[
        str | None, typer.Option(metavar="HEX", help="The published root: 64 hexadecimal digits, from elsewhere.")
    ] = None,
    commitment: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The published commitment to the proof's batch.")
    ] = None,
    key: Annotated[
        str | None,
        typer.Option(
            metavar="KEY", help="The operator's public key, as venue.toml lists it. Default: DIR/venue.toml's."
        ),
    ] = None,
    venue: VenueDir = Path(),
    as_json: Json = False,
) -> None:
    """Check a proof offline, against the published root or commitment. Exits with 1 and the reason where it fails.

    The check reads the files named here and nothing else: no ledger, no venue. Look at whose account it names.
    """
    with answering(as_json):
        if root is None and commitment is None:
            raise FxEngineError("say what the proof is held against: --root HEX, or --commitment FILE")
        wanted = _root(root) if root else None
        proof, flaw = _read_proof(file)
        committed: Commitment | None = None
        if commitment and not flaw:
            found = _read_commitment(commitment, key, venue)
            committed, flaw = (None, found) if isinstance(found, ProofFlaw) else (found, None)
        if proof and not flaw:
            flaw = proof.check(root=wanted, commitment=committed)
    _show_verdict(proof, flaw, committed, as_json)
    if flaw:
        raise typer.Exit(1)


def _publish(home: Home, prover: Prover) -> Published:
    return home.commitments.publish(prover.commitment, home.operator_key(), time.time_ns())


def _read_proof(file: Path) -> tuple[LiabilityProof | TradeProof | None, ProofFlaw | None]:
    with file.open("rb") as opened:
        text = opened.read(JSON_BYTES_MAX + 1).decode("utf-8", "replace")
    try:
        kind = Fields.of_json(text).text("format")
        return (TradeProof.from_json(text) if kind == trade.FORMAT else LiabilityProof.from_json(text)), None
    except FieldsError:
        return None, ProofFlaw.MALFORMED


def _read_commitment(file: Path, key: str | None, venue: Path) -> Commitment | ProofFlaw:
    with file.open("rb") as opened:
        token = opened.read(BYTES_MAX + 2).decode("ascii", "replace").strip()
    if key is None:
        keys = Home(venue).operator_keys
    else:
        issuer, kid = claimed_signer(token)
        try:
            keys = {issuer: {kid: public_key_bytes(key)}}
        except ValueError as e:
            raise FxEngineError(f"--key {e}") from None
    found = open_commitment(token, keys)
    return COMMITMENT_FLAWS[found] if isinstance(found, TokenFlaw) else found


def _root(text: str) -> bytes:
    try:
        return Fields({"root": text.lower()}).digest("root")
    except FieldsError:
        raise FxEngineError("--root is 64 hexadecimal digits, as the commitment shows them") from None


def _account_file(proof: LiabilityProof) -> str:
    return f"account-{proof.account}-{proof.currency}-batch-{proof.batch}.json"


def _write(path: Path, text: str) -> Path:
    """Write a proof for its owner alone: it holds the salt. One that is there is written again."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    partial.unlink(missing_ok=True)
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    partial.replace(path)
    return path


def _show_commitment(published: Published, as_json: bool) -> None:
    said = published.commitment
    if as_json:
        print_json({"file": str(published.file), **said.claims()})
        return
    console.print(f"Committed to batch {said.batch}: {escape(str(published.file))}")
    console.print(f"  head {said.head.hex()}")
    rows = [[code, owed.total_text, owed.root.hex()] for code, owed in said.liabilities.items()]
    print_table(["currency", ">owed in all", "root"], rows)


def _show_verdict(
    proof: LiabilityProof | TradeProof | None, flaw: ProofFlaw | None, committed: Commitment | None, as_json: bool
) -> None:
    said = _said(proof, is_committed=committed is not None)
    if as_json:
        reason = {"code": flaw.name, "text": flaw.value} if flaw else None
        print_json({"holds": flaw is None, "reason": reason, "signed": committed is not None, **said})
        return
    if flaw:
        console.print(f"[bold red]The proof does not hold[/] [dim]{flaw.name}[/]  {escape(flaw.value)}")
        return
    console.print("[green]The proof holds.[/]" + (" The commitment is signed by the operator." if committed else ""))
    print_table(["it says", ""], [[name, escape(str(value))] for name, value in said.items()])


def _said(proof: LiabilityProof | TradeProof | None, *, is_committed: bool) -> dict[str, object]:
    """Return what a proof claims, field by field, as far as what it was held against can vouch for it.

    A root alone is not made from the currency's decimals, nor a trade's from venue, batch and symbol: a file could say
    any, and hold.
    """
    if isinstance(proof, LiabilityProof):
        amounts = {"amount_units": str(proof.amount_units), "total_units": str(proof.total_units)}
        return {
            "venue": proof.venue, "batch": proof.batch, "account": proof.account, "issuer": proof.issuer,
            "subject": proof.subject, "currency": proof.currency,
            **({"amount": proof.amount_text, "total": proof.total_text} if is_committed else amounts),
            "root": proof.root.hex(),
        }  # fmt: skip
    if isinstance(proof, TradeProof):
        place = {"venue": proof.venue, "batch": proof.batch, "instrument": proof.instrument} if is_committed else {}
        return {**place, "number": proof.number, **proof.trade, "root": proof.root.hex()}
    return {}
