"""How orders, fills and outcomes look, as text for a person and as fields for a program."""

from fxengine.cli.output import console, print_json, print_table
from fxengine.client import Execution, Order, Outcome
from fxengine.codes import EventKind, OrdStatus, RejectReason, Side


def show_order(order: Order, as_json: bool) -> None:
    """Print an order and its fills."""
    if as_json:
        print_json(order_line(order) | {"fills": [fill_line(fill) for fill in order.fills]})
        return
    console.print(
        f"{order.side.name} {order.quantity} {order.instrument.symbol} at {order.price}: [bold]{order.status.name}[/], "
        f"filled {order.filled}, open {order.leaves}   (client order id {order.client_order_id})"
    )
    if order.status is OrdStatus.CANCELED and order.reason is not RejectReason.NONE:
        console.print(f"  {order.reason.text}")
    show_fills(order.fills)


def show_fills(fills: list[Execution] | tuple[Execution, ...]) -> None:
    """Print fills as a table, if there are any."""
    if fills:
        rows = [
            [f.instrument.symbol, f.side.name, f.quantity, f.price, f"{f.fee} {f.fee_currency.code}"] for f in fills
        ]
        print_table(["  book", "side", ">quantity", ">price", ">fee"], [["  " + row[0], *row[1:]] for row in rows])


def order_line(order: Order) -> dict[str, object]:
    """Return an order's fields."""
    return {
        "client_order_id": order.client_order_id, "order_id": order.order_id, "status": order.status.name,
        "instrument": order.instrument.symbol, "side": order.side.name, "quantity": order.quantity,
        "price": order.price, "filled": order.filled, "leaves": order.leaves, "quote": order.is_quote,
    }  # fmt: skip


def fill_line(fill: Execution) -> dict[str, str]:
    """Return a fill's fields."""
    return {
        "instrument": fill.instrument.symbol, "side": fill.side.name, "quantity": fill.quantity,
        "price": fill.price, "fee": fill.fee, "fee_currency": fill.fee_currency.code,
        "trade": str(fill.message.trade_number),
    }  # fmt: skip


def execution_line(report: Execution) -> dict[str, object]:
    """Return a report's fields."""
    message = report.message
    return {
        "number": message.account_stream, "sequence": message.sequence, "client_order_id": message.client_order_id,
        "what": report.exec_type.name, "instrument": report.instrument.symbol,
        "side": "" if report.exec_type is EventKind.QUOTED else report.side.name, "price": report.price,
        "quantity": report.quantity, "status": report.status.name,
    }  # fmt: skip


def outcome_line(outcome: Outcome) -> dict[str, object]:
    """Return what became of a command; amounts are text where it is an open order, else integers as on the wire."""
    message, instrument = outcome.message, outcome.instrument
    line: dict[str, object] = {
        "client_order_id": message.client_order_id, "order_id": message.order_id, "command": outcome.command.name,
        "status": outcome.status.name, "reason": int(outcome.reason), "sequence": message.sequence,
    }  # fmt: skip
    if instrument is None:
        return line | {"cum": message.cum_lots, "notional_units": message.notional_units}
    return line | {
        "instrument": instrument.symbol, "side": Side(message.side).name,
        "price": instrument.price_text(message.price_ticks), "filled": instrument.quantity_text(message.cum_lots),
        "leaves": instrument.quantity_text(message.leaves_lots),
    }  # fmt: skip
