"""Mistakes in turn: each aims at one or two reject reasons, and all come round.

A mistake is made by a member who could have done it right, so that nothing but the mistake is
refused; what a mistake cannot aim at (nobody's credential has ended) it leaves out.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from bench.flows import wrong_details, wrong_identity, wrong_orders, wrong_payments, wrong_standing
from bench.flows.population import Member, Role

if TYPE_CHECKING:
    from bench.flows.flow import Flow

Mistake = Callable[["Flow", Member], bytes | None]

MISTAKES: list[Mistake] = [
    wrong_orders.bad_price,
    wrong_orders.bad_quantity,
    wrong_orders.too_large,
    wrong_orders.large_remainder,
    wrong_orders.would_cross,
    wrong_orders.unfillable,
    wrong_orders.too_many_fills,
    wrong_orders.full_store,
    wrong_orders.unknown_order,
    wrong_orders.closed_order,
    wrong_orders.bad_client_id,
    wrong_orders.reused_id,
    wrong_identity.unknown_kind,
    wrong_identity.unknown_account,
    wrong_identity.ended_credential,
    wrong_identity.superseded_credential,
    wrong_identity.stolen_account,
    wrong_identity.bad_window,
    wrong_identity.not_an_operator,
    wrong_identity.forbidden_currency,
    wrong_identity.ended_payee,
    wrong_payments.unlisted,
    wrong_payments.same_currency,
    wrong_payments.unfunded,
    wrong_payments.bad_amount,
    wrong_payments.beyond_the_total,
    wrong_payments.known_deposit,
    wrong_payments.bad_ending,
    wrong_payments.bad_settled,
    wrong_payments.bad_bust,
    wrong_payments.bad_fee_payout,
    wrong_payments.bad_code,
    wrong_payments.no_path,
    wrong_payments.too_much,
    wrong_payments.all_there_is,
    wrong_payments.worst_price,
    wrong_payments.tight_bound,
    wrong_payments.too_late,
    wrong_details.bad_detail,
    wrong_details.too_little_there,
    wrong_details.bad_amend,
    wrong_details.crossing_amend,
    wrong_details.bad_quotes,
    wrong_details.bad_mass_cancel,
    wrong_standing.barred,
    wrong_standing.frozen_account,
    wrong_standing.revoked_token,
    wrong_standing.bad_guard,
    wrong_standing.bad_revocation,
    wrong_standing.bad_control,
]
OFTEN: list[Mistake] = [
    wrong_details.bad_detail,
    wrong_details.bad_amend,
    wrong_details.bad_quotes,
    wrong_orders.too_many_fills,
    wrong_orders.unknown_order,
    wrong_orders.bad_client_id,
    wrong_orders.reused_id,
    wrong_identity.unknown_account,
    wrong_payments.unfunded,
    wrong_payments.bad_code,
    wrong_payments.all_there_is,
    wrong_payments.too_late,
    wrong_identity.ended_credential,
]
"""Those that aim at several reasons come twice in a round."""


def next_mistake(flow: Flow) -> bytes | None:
    """Make the next mistake of a shuffled round."""
    if not flow.mistakes:
        flow.mistakes = flow.rng.sample(MISTAKES + OFTEN, len(MISTAKES + OFTEN))
    member = flow.trader(Role.MAKER, Role.PAYER)
    return flow.mistakes.pop()(flow, member) if member else None
