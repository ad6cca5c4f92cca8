"""From matched to final: trades are netted per cycle into zero-sum batches and posted once to a ledger."""

from fxengine.settlement.cycle import DRAIN_NS, BatchStatus, Settlement
from fxengine.settlement.netting import Net, net

__all__ = ["DRAIN_NS", "BatchStatus", "Net", "Settlement", "net"]
