# What the structs of _core.pxd look like from outside, so that a test can hold them against
# fxengine/records.py byte by byte; and the dtype of the events array, built from the same answer.
#
# The core imports nothing of the package, so it cannot take the dtypes from there.

import numpy as _numpy

ctypedef const char* Address


cdef object _field(str name, Address start, Address place, size_t n_bytes):
    return name, (place - start, n_bytes)


cdef dict _command_layouts():
    cdef NewOrder n
    cdef OrderDetail o
    cdef Cancel c
    cdef Amend a
    cdef MassCancel x
    cdef MassQuote q
    cdef QuoteSetRecord u
    cdef QuoteLevel v
    cdef Swap w
    cdef RouteRecord z
    cdef Money m
    cdef Guard g
    cdef Revoke r
    cdef Settled t
    cdef Control y
    cdef Bust b
    cdef BustDetail f
    cdef WithdrawalEnding e
    cdef Credential k
    cdef CredentialDetail d
    cdef InstrumentRecord i
    cdef Address at = <Address>&n
    header = [
        _field("kind", at, <Address>&n.kind, sizeof(n.kind)),
        _field("n_records", at, <Address>&n.n_records, sizeof(n.n_records)),
        _field("instrument", at, <Address>&n.instrument, sizeof(n.instrument)),
        _field("account", at, <Address>&n.account, sizeof(n.account)),
        _field("client_order_id", at, <Address>&n.client_order_id, sizeof(n.client_order_id)),
        _field("time_ns", at, <Address>&n.time_ns, sizeof(n.time_ns)),
    ]
    new_order = [
        _field("side", at, <Address>&n.side, sizeof(n.side)),
        _field("ord_type", at, <Address>&n.ord_type, sizeof(n.ord_type)),
        _field("time_in_force", at, <Address>&n.time_in_force, sizeof(n.time_in_force)),
        _field("exec_inst", at, <Address>&n.exec_inst, sizeof(n.exec_inst)),
        _field("self_trade_prevention", at, <Address>&n.self_trade_prevention, sizeof(n.self_trade_prevention)),
        _field("price_ticks", at, <Address>&n.price_ticks, sizeof(n.price_ticks)),
        _field("quantity_lots", at, <Address>&n.quantity_lots, sizeof(n.quantity_lots)),
        _field("expire_ns", at, <Address>&n.expire_ns, sizeof(n.expire_ns)),
        _field("display_lots", at, <Address>&n.display_lots, sizeof(n.display_lots)),
    ]
    at = <Address>&o
    order_detail = [
        _field("stop_price_ticks", at, <Address>&o.stop_price_ticks, sizeof(o.stop_price_ticks)),
        _field("min_lots", at, <Address>&o.min_lots, sizeof(o.min_lots)),
    ]
    at = <Address>&c
    cancel = [
        _field("order_id", at, <Address>&c.order_id, sizeof(c.order_id)),
        _field("orig_client_order_id", at, <Address>&c.orig_client_order_id, sizeof(c.orig_client_order_id)),
    ]
    at = <Address>&a
    amend = [
        _field("order_id", at, <Address>&a.order_id, sizeof(a.order_id)),
        _field("orig_client_order_id", at, <Address>&a.orig_client_order_id, sizeof(a.orig_client_order_id)),
        _field("price_ticks", at, <Address>&a.price_ticks, sizeof(a.price_ticks)),
        _field("quantity_lots", at, <Address>&a.quantity_lots, sizeof(a.quantity_lots)),
        _field("expected_cum_lots", at, <Address>&a.expected_cum_lots, sizeof(a.expected_cum_lots)),
    ]
    at = <Address>&x
    mass_cancel = [
        _field("side", at, <Address>&x.side, sizeof(x.side)),
        _field("target", at, <Address>&x.target, sizeof(x.target)),
    ]
    mass_quote = [_field("n_sets", <Address>&q, <Address>&q.n_sets, sizeof(q.n_sets))]
    at = <Address>&u
    quote_set = [
        _field("instrument", at, <Address>&u.instrument, sizeof(u.instrument)),
        _field("n_bids", at, <Address>&u.n_bids, sizeof(u.n_bids)),
        _field("n_offers", at, <Address>&u.n_offers, sizeof(u.n_offers)),
    ]
    at = <Address>&v
    quote_level = [
        _field("price_ticks", at, <Address>&v.price_ticks, sizeof(v.price_ticks)),
        _field("leaves_lots", at, <Address>&v.leaves_lots, sizeof(v.leaves_lots)),
    ]
    at = <Address>&w
    swap = [
        _field("currency_out", at, <Address>&w.currency_out, sizeof(w.currency_out)),
        _field("mode", at, <Address>&w.mode, sizeof(w.mode)),
        _field("flags", at, <Address>&w.flags, sizeof(w.flags)),
        _field("payee", at, <Address>&w.payee, sizeof(w.payee)),
        _field("amount_units", at, <Address>&w.amount_units, sizeof(w.amount_units)),
        _field("bound_units", at, <Address>&w.bound_units, sizeof(w.bound_units)),
        _field("deadline_ns", at, <Address>&w.deadline_ns, sizeof(w.deadline_ns)),
        _field("worst_units", at, <Address>&w.worst_units, sizeof(w.worst_units)),
    ]
    at = <Address>&m
    money = [
        _field("beneficiary", at, <Address>&m.beneficiary, sizeof(m.beneficiary)),
        _field("amount_units", at, <Address>&m.amount_units, sizeof(m.amount_units)),
        _field("external_id", at, <Address>&m.external_id, sizeof(m.external_id)),
    ]
    at = <Address>&b
    bust_fields = [
        _field("number", at, <Address>&b.number, sizeof(b.number)),
        _field("price_ticks", at, <Address>&b.price_ticks, sizeof(b.price_ticks)),
        _field("quantity_lots", at, <Address>&b.quantity_lots, sizeof(b.quantity_lots)),
        _field("maker", at, <Address>&b.maker, sizeof(b.maker)),
        _field("taker", at, <Address>&b.taker, sizeof(b.taker)),
        _field("maker_side", at, <Address>&b.maker_side, sizeof(b.maker_side)),
    ]
    at = <Address>&f
    bust_detail = [
        _field("maker_fee_units", at, <Address>&f.maker_fee_units, sizeof(f.maker_fee_units)),
        _field("taker_fee_units", at, <Address>&f.taker_fee_units, sizeof(f.taker_fee_units)),
    ]
    at = <Address>&y
    control_fields = [
        _field("scope", at, <Address>&y.scope, sizeof(y.scope)),
        _field("mode", at, <Address>&y.mode, sizeof(y.mode)),
    ]
    settled_fields = [_field("final_sequence", <Address>&t, <Address>&t.final_sequence, sizeof(t.final_sequence))]
    at = <Address>&e
    withdrawal = [
        _field("action", at, <Address>&e.action, sizeof(e.action)),
        _field("withdrawal", at, <Address>&e.withdrawal, sizeof(e.withdrawal)),
    ]
    at = <Address>&g
    guard_fields = [
        _field("action", at, <Address>&g.action, sizeof(g.action)),
        _field("watching", at, <Address>&g.watching, sizeof(g.watching)),
        _field("timeout_ns", at, <Address>&g.timeout_ns, sizeof(g.timeout_ns)),
    ]
    at = <Address>&r
    revoke_fields = [
        _field("action", at, <Address>&r.action, sizeof(r.action)),
        _field("target", at, <Address>&r.target, sizeof(r.target)),
        _field("token_id", at, <Address>&r.token_id, sizeof(r.token_id)),
    ]
    at = <Address>&k
    credential = [
        _field("flags", at, <Address>&k.flags, sizeof(k.flags)),
        _field("level", at, <Address>&k.level, sizeof(k.level)),
        _field("jurisdiction", at, <Address>&k.jurisdiction, sizeof(k.jurisdiction)),
        _field("window", at, <Address>&k.window, sizeof(k.window)),
        _field("issued_at_ns", at, <Address>&k.issued_at_ns, sizeof(k.issued_at_ns)),
        _field("expires_ns", at, <Address>&k.expires_ns, sizeof(k.expires_ns)),
        _field("identity", at, <Address>&k.identity, sizeof(k.identity)),
    ]
    at = <Address>&d
    detail = [
        _field("permitted", at, <Address>&d.permitted, sizeof(d.permitted)),
        _field("token_id", at, <Address>&d.token_id, sizeof(d.token_id)),
        _field("trade_group", at, <Address>&d.trade_group, sizeof(d.trade_group)),
    ]
    at = <Address>&i
    instrument = [
        _field("base", at, <Address>&i.base, sizeof(i.base)),
        _field("quote", at, <Address>&i.quote, sizeof(i.quote)),
        _field("maker_rate", at, <Address>&i.maker_rate, sizeof(i.maker_rate)),
        _field("taker_rate", at, <Address>&i.taker_rate, sizeof(i.taker_rate)),
        _field("lot_units", at, <Address>&i.lot_units, sizeof(i.lot_units)),
        _field("tick_lot_units", at, <Address>&i.tick_lot_units, sizeof(i.tick_lot_units)),
    ]
    at = <Address>&z
    route = [
        _field("n_stops", at, <Address>&z.n_stops, sizeof(z.n_stops)),
        _field("stops", at, <Address>&z.stops, sizeof(z.stops)),
    ]
    return {
        "NEW_ORDER": (sizeof(NewOrder), dict(header + new_order)),
        "ORDER_DETAIL": (sizeof(OrderDetail), dict(order_detail)),
        "CANCEL": (sizeof(Cancel), dict(header + cancel)),
        "AMEND": (sizeof(Amend), dict(header + amend)),
        "MASS_CANCEL": (sizeof(MassCancel), dict(header + mass_cancel)),
        "MASS_QUOTE": (sizeof(MassQuote), dict(header + mass_quote)),
        "QUOTE_SET": (sizeof(QuoteSetRecord), dict(quote_set)),
        "QUOTE_LEVEL": (sizeof(QuoteLevel), dict(quote_level)),
        "SWAP": (sizeof(Swap), dict(header + swap)),
        "MONEY": (sizeof(Money), dict(header + money)),
        "SETTLED": (sizeof(Settled), dict(header + settled_fields)),
        "WITHDRAWAL": (sizeof(WithdrawalEnding), dict(header + withdrawal)),
        "BUST": (sizeof(Bust), dict(header + bust_fields)),
        "BUST_DETAIL": (sizeof(BustDetail), dict(bust_detail)),
        "CONTROL": (sizeof(Control), dict(header + control_fields)),
        "GUARD": (sizeof(Guard), dict(header + guard_fields)),
        "REVOKE": (sizeof(Revoke), dict(header + revoke_fields)),
        "CREDENTIAL": (sizeof(Credential), dict(header + credential)),
        "CREDENTIAL_DETAIL": (sizeof(CredentialDetail), dict(detail)),
        "INSTRUMENT": (sizeof(InstrumentRecord), dict(instrument)),
        "ROUTE": (sizeof(RouteRecord), dict(route)),
    }


cdef dict _event_layouts():
    cdef Event e
    cdef CancelEvent c
    cdef ReduceEvent d
    cdef ReplaceEvent r
    cdef StatusEvent t
    cdef MoneyEvent m
    cdef SwapEvent w
    cdef SwapLegEvent l
    cdef BustEvent b
    cdef Address at = <Address>&e
    whom = [
        _field("kind", at, <Address>&e.kind, sizeof(e.kind)),
        _field("side", at, <Address>&e.side, sizeof(e.side)),
        _field("reason", at, <Address>&e.reason, sizeof(e.reason)),
        _field("instrument", at, <Address>&e.instrument, sizeof(e.instrument)),
        _field("status", at, <Address>&e.status, sizeof(e.status)),
        _field("flags", at, <Address>&e.flags, sizeof(e.flags)),
        _field("account", at, <Address>&e.account, sizeof(e.account)),
    ]
    counterparty = [_field("counterparty", at, <Address>&e.counterparty, sizeof(e.counterparty))]
    sequence = [_field("sequence", at, <Address>&e.sequence, sizeof(e.sequence))]
    header = whom + counterparty + sequence
    ids = [
        _field("order_id", at, <Address>&e.order_id, sizeof(e.order_id)),
        _field("client_order_id", at, <Address>&e.client_order_id, sizeof(e.client_order_id)),
    ]
    price = [_field("price_ticks", at, <Address>&e.price_ticks, sizeof(e.price_ticks))]
    lots = [
        _field("quantity_lots", at, <Address>&e.quantity_lots, sizeof(e.quantity_lots)),
        _field("leaves_lots", at, <Address>&e.leaves_lots, sizeof(e.leaves_lots)),
        _field("cum_lots", at, <Address>&e.cum_lots, sizeof(e.cum_lots)),
    ]
    fee = [_field("fee_units", at, <Address>&e.fee_units, sizeof(e.fee_units))]
    streams = [
        _field("account_stream", at, <Address>&e.account_stream, sizeof(e.account_stream)),
        _field("instrument_stream", at, <Address>&e.instrument_stream, sizeof(e.instrument_stream)),
    ]
    canceled = [
        _field("quantity_lots", <Address>&c, <Address>&c.quantity_lots, sizeof(c.quantity_lots)),
        _field("displayed_lots", <Address>&c, <Address>&c.displayed_lots, sizeof(c.displayed_lots)),
        _field("cum_lots", <Address>&c, <Address>&c.cum_lots, sizeof(c.cum_lots)),
    ]
    old_price = [_field("old_price_ticks", <Address>&r, <Address>&r.old_price_ticks, sizeof(r.old_price_ticks))]
    displayed = [_field("displayed_lots", <Address>&r, <Address>&r.displayed_lots, sizeof(r.displayed_lots))]
    request = [_field("request_id", <Address>&c, <Address>&c.request_id, sizeof(c.request_id))]
    reduced = [_field("leaves_lots", <Address>&d, <Address>&d.leaves_lots, sizeof(d.leaves_lots))]
    notional = [_field("notional_units", <Address>&t, <Address>&t.notional_units, sizeof(t.notional_units))]
    original = [_field("original_sequence", <Address>&t, <Address>&t.original_sequence, sizeof(t.original_sequence))]
    at = <Address>&m
    money = [
        _field("withdrawal", at, <Address>&m.withdrawal, sizeof(m.withdrawal)),
        _field("client_order_id", at, <Address>&m.client_order_id, sizeof(m.client_order_id)),
        _field("amount_units", at, <Address>&m.amount_units, sizeof(m.amount_units)),
        _field("external_id", at, <Address>&m.external_id, sizeof(m.external_id)),
    ]
    at = <Address>&b
    busted = [
        _field("trade_number", at, <Address>&b.trade_number, sizeof(b.trade_number)),
        _field("client_order_id", at, <Address>&b.client_order_id, sizeof(b.client_order_id)),
        _field("price_ticks", at, <Address>&b.price_ticks, sizeof(b.price_ticks)),
        _field("quantity_lots", at, <Address>&b.quantity_lots, sizeof(b.quantity_lots)),
        _field("fee_units", at, <Address>&b.fee_units, sizeof(b.fee_units)),
    ]
    at = <Address>&w
    swap = [
        _field("path", at, <Address>&w.path, sizeof(w.path)),
        _field("n_legs", at, <Address>&w.n_legs, sizeof(w.n_legs)),
        _field("client_order_id", at, <Address>&w.client_order_id, sizeof(w.client_order_id)),
        _field("amount_in_units", at, <Address>&w.amount_in_units, sizeof(w.amount_in_units)),
        _field("amount_out_units", at, <Address>&w.amount_out_units, sizeof(w.amount_out_units)),
        _field("unfilled_units", at, <Address>&w.unfilled_units, sizeof(w.unfilled_units)),
        _field("fills", at, <Address>&w.fills, sizeof(w.fills)),
        _field("singles", at, <Address>&w.singles, sizeof(w.singles)),
        _field("account_stream", at, <Address>&w.account_stream, sizeof(w.account_stream)),
        _field("currency_out", at, <Address>&w.currency_out, sizeof(w.currency_out)),
        _field("mode", at, <Address>&w.mode, sizeof(w.mode)),
    ]
    at = <Address>&l
    swap_leg = [
        _field("fills", at, <Address>&l.fills, sizeof(l.fills)),
        _field("client_order_id", at, <Address>&l.client_order_id, sizeof(l.client_order_id)),
        _field("spent_units", at, <Address>&l.spent_units, sizeof(l.spent_units)),
        _field("received_units", at, <Address>&l.received_units, sizeof(l.received_units)),
        _field("change_units", at, <Address>&l.change_units, sizeof(l.change_units)),
        _field("quantity_lots", at, <Address>&l.quantity_lots, sizeof(l.quantity_lots)),
        _field("fee_units", at, <Address>&l.fee_units, sizeof(l.fee_units)),
    ]
    return {
        "EVENT": (sizeof(Event), dict(header + ids + price + lots + fee + streams)),
        "CANCEL_EVENT": (sizeof(CancelEvent), dict(header + ids + price + canceled + request + streams)),
        "REDUCE_EVENT": (sizeof(ReduceEvent), dict(header + ids + price + canceled + reduced + streams)),
        "REPLACE_EVENT": (
            sizeof(ReplaceEvent),
            dict(whom + old_price + sequence + ids + price + lots + displayed + streams),
        ),
        "STATUS_EVENT": (sizeof(StatusEvent), dict(header + ids + notional + lots + original + streams)),
        "MONEY_EVENT": (sizeof(MoneyEvent), dict(header + money + streams)),
        "BUST_EVENT": (sizeof(BustEvent), dict(header + busted + streams)),
        "SWAP_EVENT": (sizeof(SwapEvent), dict(header + swap)),
        "SWAP_LEG_EVENT": (sizeof(SwapLegEvent), dict(header + swap_leg + streams)),
    }


def record_layouts():
    """Return every record's size and fields as the compiled core sees them.

    By the dtype's name in ``fxengine.records``: ``(bytes, {field: (offset, bytes)})``, reserved
    fields left out.
    """
    return _command_layouts() | _event_layouts()


cdef object _event_dtype():
    size, fields = _event_layouts()["EVENT"]
    kinds = {1: "u1", 2: "<u2", 4: "<u4"}
    signed = {"price_ticks", "quantity_lots", "leaves_lots", "cum_lots", "fee_units"}
    return _numpy.dtype({
        "names": list(fields),
        "formats": [
            kinds.get(n_bytes, "<i8" if name in signed else "<u8") for name, (_, n_bytes) in fields.items()
        ],
        "offsets": [offset for offset, _ in fields.values()],
        "itemsize": size,
    })


cdef object EVENT_DTYPE = _event_dtype()
