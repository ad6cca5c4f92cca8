"""Messages as most tests want them: what a test does not care about is filled in."""

from fxengine.messages import Logon, NewOrder, ReportFormat, SessionMode


def logon(
    token: str,
    *,
    mode: SessionMode = SessionMode.ORDER_ENTRY,
    report_format: ReportFormat = ReportFormat.MESSAGES,
    cancel_on_disconnect: bool = False,
    heartbeat_ms: int = 0,
    next_stream: int = 0,
) -> Logon:
    """Return a LOGON that asks for nothing special."""
    return Logon(token, int(mode), int(report_format), int(cancel_on_disconnect), heartbeat_ms, next_stream)


def limit_order(client_order_id: int, **changes: int) -> NewOrder:
    """Return a plain order: buy 10 lots of the first instrument at 10,000 ticks, good till cancelled."""
    fields = {
        "instrument": 0,
        "side": 1,
        "ord_type": 2,
        "time_in_force": 1,
        "exec_inst": 0,
        "self_trade_prevention": 0,
        "price_ticks": 10_000,
        "quantity_lots": 10,
        "expire_ns": 0,
        "display_lots": 0,
        "stop_price_ticks": 0,
        "min_lots": 0,
    }
    return NewOrder(client_order_id, **(fields | changes))
