"""The command that shows a trade to the vault, which says whether it is in a settled batch."""

from pathlib import Path
from typing import Annotated

import typer

from fxengine.cli.chain_options import DeploymentDir, NodeUrl, on_chain
from fxengine.cli.connect import VenueDir
from fxengine.cli.output import Json, console, print_json
from fxengine.errors import ChainError
from fxengine.home import Home

commands = typer.Typer()


@commands.command()
def prove(
    instrument: Annotated[
        str | None, typer.Argument(metavar="[INSTRUMENT]", help="The trade's book, such as EUR/USD.")
    ] = None,
    number: Annotated[
        int | None, typer.Argument(min=1, metavar="[NUMBER]", help="The trade's number in that book, as reports show.")
    ] = None,
    file: Annotated[
        Path | None, typer.Option(metavar="PROOF.json", help="Instead: a proof that 'fxengine prove trade' wrote.")
    ] = None,
    ledger: Annotated[
        str | None, typer.Option(metavar="URL", help="Books that have the trade. Default: the deployment's own.")
    ] = None,
    venue: VenueDir = Path(),
    directory: DeploymentDir = None,
    rpc: NodeUrl = None,
    as_json: Json = False,
) -> None:
    """Prove that a trade is settled on chain: print what anybody can hand to the vault's verify_trade, and its answer.

    The proof is made from the venue's books, or read from a file that the venue gave out; the answer is the chain's
    alone. Exits with 1 where the vault does not have the trade.
    """
    with on_chain(as_json) as chain:
        from fxengine.ledger.reading import BOOKS_OF_A_CHAIN, open_reader
        from fxengine.proof.fields import FieldsError
        from fxengine.proof.prover import trade_proof
        from fxengine.proof.trade import TradeProof

        admin = chain.administered(venue, directory, rpc)
        if file is not None and instrument is None:
            try:
                proof = TradeProof.from_json(file.read_text(encoding="utf-8"))
            except (OSError, UnicodeDecodeError, FieldsError) as e:
                raise ChainError("BAD_PROOF", f"{file} is not a proof of a trade: {e}") from None
        elif instrument is not None and number is not None and file is None:
            own = admin.deployment.directory / BOOKS_OF_A_CHAIN
            books = ledger or (f"evm:{own.parent}" if own.exists() else None)
            with open_reader(Home(venue).ledger(books)) as reader:
                proof = trade_proof(reader, instrument, number)
        else:
            raise ChainError("WHICH_TRADE", "say INSTRUMENT and NUMBER, or --file with a proof")
        path = b"".join(proof.path)
        (accepted,) = admin.vault.ask("verify_trade", proof.batch, proof.record, proof.index, proof.n_trades, path)
    if as_json:
        print_json({
            "instrument": proof.instrument, "number": proof.number, "batch": proof.batch, "accepted": bool(accepted),
            "vault": admin.deployment.vault, "chain_id": admin.deployment.chain_id, "record": "0x" + proof.record.hex(),
            "index": proof.index, "n_trades": proof.n_trades, "path": ["0x" + one.hex() for one in proof.path],
            "trade": proof.trade,
        })  # fmt: skip
    else:
        trade = proof.trade
        console.print(
            f"Trade {proof.number} of {proof.instrument}: account {trade['maker']} {trade['maker_side']}S"
            f" {trade['quantity_lots']} lots at {trade['price_ticks']} ticks, with account {trade['taker']}"
        )
        console.print(f"verify_trade at {admin.deployment.vault}, chain {admin.deployment.chain_id}", soft_wrap=True)
        console.print(f"  batch_id  {proof.batch}\n  record    0x{proof.record.hex()}", soft_wrap=True)
        console.print(f"  index     {proof.index}\n  n_trades  {proof.n_trades}")
        console.print("  path      \\[" + ", ".join(f"0x{one.hex()}" for one in proof.path) + "]", soft_wrap=True)
        answer = "[green]settled there[/]" if accepted else "[bold red]NOT settled there[/]"
        console.print(f"The vault's answer: {answer}")
    if not accepted:
        raise typer.Exit(1)
