"""The poster: looks at the chain, decides, and does it; the thin part between the outbox and a node.

Everything that must survive is in the outbox before a node hears of it, and everything that is decided is decided
by :mod:`fxengine.ledger.evm.deciding`. What is kept here is forgotten at a restart without harm: what was sent
when, and how long a block takes.
"""

import logging
from contextlib import suppress
from dataclasses import replace
from typing import Final, cast

from fxengine.chain.contract import GAS_MAX
from fxengine.chain.deltas import decode
from fxengine.chain.keys import Key
from fxengine.errors import ChainError, ChainReverted, ChainUnavailable, LedgerError, LedgerUnavailable
from fxengine.ledger.evm.deciding import IN_FLIGHT_MAX, Halt, Hold, Look, Send, Sent, Sign, decide, judge
from fxengine.ledger.evm.fees import GWEI, Fees, offer, raised
from fxengine.ledger.evm.outbox import Outbox, Row, State, unsigned
from fxengine.ledger.evm.vault import Underpriced, Vault

_STEPS_MAX: Final = 8 * IN_FLIGHT_MAX
"""More than any look needs; what is left is decided at the next one."""
_LOOKS_PER_BLOCK: Final = 5
_DELAY_NS_MIN: Final = 100_000_000
_DELAY_NS_MAX: Final = 2_000_000_000
_NOT_OPERATOR: Final = "not operator"
_OUTDATED: Final = ("not next batch", "sequence behind", "other head", "paused", "frozen")
"""Refusals that the look would have foreseen: the chain has moved on since, or undid the look's block."""
_ARGUMENT_DELTAS: Final = 6
_HEARTBEATS_PER_SILENCE: Final = 4
_HEARTBEAT_GAS: Final = 60_000

_log = logging.getLogger(__name__)


class Poster:
    """Brings the batches of ``outbox`` onto the chain. ``max_fee`` (wei per gas) is the most that it offers.

    ``silence_s`` is how long the vault may hear nothing before anyone may freeze it. ``resend_final``: send again what
    was FINAL and the chain undid. One thread at a time.
    """

    def __init__(
        self, vault: Vault, key: Key, outbox: Outbox, *, max_fee: int, silence_s: int, resend_final: bool = False
    ) -> None:
        self._vault, self._key, self._outbox = vault, key, outbox
        self._max_fee, self._silence_s, self._resend_final = max_fee, silence_s, resend_final
        self._sent: dict[int, Sent] = {}
        self._nonces: dict[int, int] = {}
        self._is_known_chain = False
        self._look: Look | None = None
        self._delay_ns = 1_000_000_000 // _LOOKS_PER_BLOCK
        included = [row.batch_id for row in outbox.open if row.state is State.INCLUDED]
        self.posted = max([outbox.final, *included])
        """The newest batch that the vault has, as of the last look."""

    def tick(self) -> int | None:
        """Look, and do what is due; return in how many ns to look again, None while nothing is in flight.

        Raises :class:`LedgerUnavailable` where it may pass, else :class:`LedgerError`: then post no more.
        """
        try:
            self.look()
            self._act()
            self._be_heard()
        except ChainUnavailable as e:
            raise LedgerUnavailable(str(e)) from None
        except ChainError as e:
            if e.code == "WRONG_CHAIN":
                raise LedgerError(str(e)) from None
            raise LedgerUnavailable(str(e), needs_somebody=e.code != "RPC_REFUSED") from None
        return self._delay_ns if self._outbox.open else None

    def look(self) -> None:
        """Look at the chain and bring the rows' states to what it says. Raises as :meth:`tick`, and ChainError."""
        if not self._is_known_chain:
            self._vault.check_chain()
            self._is_known_chain = True
        look, box = self._vault.look(), self._outbox
        heads = box.head(look.batch_id), box.head(look.final_batch_id)
        verdict = judge(look, box.last, box.final, box.final_block, heads)
        if isinstance(verdict, Halt) and verdict.code == "FINAL_UNDONE" and self._resend_final:
            _log.warning("batches %d to %d were FINAL and are sent again", look.batch_id + 1, box.final)
            box.take_back_final(look.batch_id)
            verdict = None
        _obey(verdict)
        self._measure(look)
        self._look = look
        box.save(changed for row in list(box.open) if (changed := _as_seen(row, look)) is not row)
        self.posted = look.batch_id
        self._sent = {batch: sent for batch, sent in self._sent.items() if batch > look.batch_id}
        self._nonces = {batch: n for batch, n in self._nonces.items() if batch > look.final_batch_id}

    def _act(self) -> None:
        look = self._look
        assert look is not None
        for _ in range(_STEPS_MAX):
            near = self._outbox.open[: look.batch_id - self._outbox.final + IN_FLIGHT_MAX]
            waiting = [row for row in near if row.batch_id > look.batch_id]
            action = decide(waiting, self._sent, self._nonces, look)
            if action is None:
                return
            if isinstance(action, Hold | Halt):
                _obey(action)
                return
            row = next(row for row in waiting if row.batch_id == action.batch_id)
            if isinstance(action, Send):
                self._send(row, look)
            else:
                self._sign(row, action, look, is_next=row is waiting[0])

    def _sign(self, row: Row, action: Sign, look: Look, *, is_next: bool) -> None:
        """Sign a row's transaction and keep it before anybody sees it; the next one is tried out first."""
        calldata = self._outbox.calldata(row.batch_id)
        gas = self._gas_of_next(row, calldata, look) if is_next else row.gas
        fees = self._fees(action, look)
        signed = self._signed(action.nonce, fees, gas, calldata)
        if row.nonce != action.nonce:
            self._nonces[row.batch_id] = self._nonces.get(row.batch_id, 0) + 1
        self._outbox.save([replace(row, state=State.SIGNED, nonce=action.nonce, fees=fees, raw=signed)])

    def _signed(self, nonce: int, fees: Fees, gas: int, calldata: bytes) -> bytes:
        return self._key.sign(
            {
                "type": 2,
                "chainId": self._vault.chain_id,
                "nonce": nonce,
                "to": self._vault.address,
                "value": 0,
                "data": calldata,
                "gas": gas,
                "maxFeePerGas": fees.max_fee,
                "maxPriorityFeePerGas": fees.priority_fee,
            }
        ).raw

    def _be_heard(self) -> None:
        """Tell the vault that the operator of a quiet venue is there, well before anyone may doubt it.

        Nothing is kept of it: one that is lost is sent again at a later look, and a batch may take its nonce.
        """
        look = self._look
        assert look is not None
        silent_s = look.time_s - look.operator_seen_s
        if self._outbox.open or look.paused or look.is_frozen or silent_s * _HEARTBEATS_PER_SILENCE < self._silence_s:
            return
        fees = self._fees(Sign(0, look.nonce), look)
        with suppress(Underpriced):  # the last one still waits for a block
            self._vault.send(self._signed(look.nonce, fees, _HEARTBEAT_GAS, self._vault.heartbeat.call()))

    def _gas_of_next(self, row: Row, calldata: bytes, look: Look) -> int:
        """Try the next batch out; return the gas that it settles with."""
        refused: ChainReverted | None = None
        for gas in (row.gas, GAS_MAX):
            try:
                self._vault.try_out(calldata, gas, look)
                return gas
            except ChainReverted as e:
                refused = e
            except ChainError as e:  # some nodes do not call it a revert when the gas is used up
                if e.code != "RPC_REFUSED" or gas == GAS_MAX:
                    raise
        assert refused is not None
        raise self._refusal(row, calldata, refused, look)

    def _fees(self, action: Sign, look: Look) -> Fees:
        """Return what to offer: more than any transaction that this one would replace."""
        wanted = offer(look.base_fee, look.tip, self._max_fee)
        same_nonce = [row.fees for row in self._outbox.open if row.nonce == action.nonce and row.fees is not None]
        for replaced in same_nonce if wanted is not None else ():
            wanted = raised(wanted, replaced, self._max_fee) if wanted is not None else None
        if wanted is None:
            raise LedgerUnavailable(
                f"gas costs more than {self._max_fee / GWEI:g} gwei, the most that is offered (base fee"
                f" {look.base_fee / GWEI:.3g} gwei): it goes on when gas is cheaper, or with a higher ?max_fee_gwei="
                " in the ledger's URL [GAS_PRICE_TOO_HIGH]",
                needs_somebody=True,
            )
        return wanted

    def _send(self, row: Row, look: Look) -> None:
        assert row.nonce is not None
        try:
            self._vault.send(row.raw)
        except Underpriced:
            more = Sign(row.batch_id, row.nonce, more=True)
            self._sign(row, more, look, is_next=False)
            return
        except ChainUnavailable:
            raise
        except ChainError as e:
            raise LedgerUnavailable(
                f"batch {row.batch_id} cannot be sent from {self._key.address}; does it have ether for gas? {e}",
                needs_somebody=True,
            ) from None
        known = self._sent.get(row.batch_id)
        is_same = known is not None and known.raw == row.raw
        first = min(known.first, look.number) if known is not None and is_same else look.number
        self._sent[row.batch_id] = Sent(row.raw, first, look.block_hash)

    def _refusal(self, row: Row, calldata: bytes, refused: ChainReverted, look: Look) -> LedgerError:
        """Return what to raise where the vault would refuse a batch; name the delta where it is one's fault."""
        if refused.reason == _NOT_OPERATOR:
            return LedgerUnavailable(
                f"{self._key.address} is not the vault's operator: use the operator's key, or have the owner offer it"
                " the role (fxengine chain roles) [NOT_OPERATOR]",
                needs_somebody=True,
            )
        if refused.reason in _OUTDATED:
            return LedgerUnavailable(
                f"the chain moved on while batch {row.batch_id} was tried out ({refused.reason}): it is looked at anew"
            )
        deltas = decode(cast(bytes, self._vault.settle_batch.arguments(calldata)[_ARGUMENT_DELTAS]))
        why = self._vault.lacking(deltas, look) or refused.reason or str(refused)
        return LedgerError(
            f"the vault would refuse batch {row.batch_id}: {why}. Nothing was sent. Pay in what is missing, or find out"
            " with fxengine verify where books and chain part; then start again [WOULD_REVERT]"
        )

    def _measure(self, look: Look) -> None:
        """Learn how long a block takes, so that a look is taken a few times in each."""
        before = self._look
        if before is not None and look.number > before.number and look.time_s > before.time_s:
            block_ns = (look.time_s - before.time_s) * 1_000_000_000 // (look.number - before.number)
            self._delay_ns = min(max(block_ns // _LOOKS_PER_BLOCK, _DELAY_NS_MIN), _DELAY_NS_MAX)


def _as_seen(row: Row, look: Look) -> Row:
    """Return the row in the state that the look gives it; the row itself where that is its state."""
    if row.batch_id <= look.final_batch_id:
        return replace(row, state=State.FINAL, block_number=look.number, block_hash=row.block_hash or look.block_hash)
    if row.batch_id <= look.batch_id:
        if row.state is State.INCLUDED:
            return row
        return replace(row, state=State.INCLUDED, block_number=look.number, block_hash=look.block_hash)
    return unsigned(row) if row.state is State.INCLUDED else row


def _obey(verdict: Hold | Halt | None) -> None:
    if isinstance(verdict, Hold):
        raise LedgerUnavailable(f"{verdict.why} [{verdict.code}]", needs_somebody=True)
    if isinstance(verdict, Halt):
        raise LedgerError(f"{verdict.why} [{verdict.code}]")
