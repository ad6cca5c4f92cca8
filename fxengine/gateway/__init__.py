"""The gateway: sockets, sessions, KYC tokens, reports and market data; it holds no truth.

Read in this order: ``session`` (what each message may do when), ``kyc`` (who may log on),
``dispatch`` (what a message leads to), ``commands`` and ``reports`` (requests as records, events as
messages), ``marketdata``, ``outbox``, ``server`` (the sockets and the cycle), ``service`` (a whole
venue in one process). See docs/protocol.md.
"""

from fxengine.gateway.server import Gateway
from fxengine.gateway.service import Ready, run_venue
from fxengine.gateway.stop import Stop

__all__ = ["Gateway", "Ready", "Stop", "run_venue"]
