"""How a session is to be: what LOGON asks for beside the token."""

from dataclasses import dataclass

from fxengine.messages import Logon, ReportFormat, SessionMode


@dataclass(frozen=True, slots=True)
class SessionOptions:
    """What a session is for, how it hears, and what watches over its orders."""

    mode: SessionMode = SessionMode.ORDER_ENTRY
    """DROP_COPY hears every report of the account and commands nothing."""
    report_format: ReportFormat = ReportFormat.MESSAGES
    """RECORDS costs the venue less for who hears very much; the reports handed out are the same."""
    cancel_on_disconnect: bool = False
    """The venue cancels the account's open orders when this session is lost; not when it logs out."""
    heartbeat_ms: int = 0
    """The venue ends the session when it hears nothing for twice this time; 0: never."""
    next_stream: int = 0
    """Number of the first report to hear, of those that came before; 0: only what comes from now on."""

    def logon(self, token: str, next_stream: int) -> Logon:
        """Build the LOGON that asks for it, with the reports from ``next_stream`` on."""
        on_disconnect = int(self.cancel_on_disconnect)
        return Logon(token, int(self.mode), int(self.report_format), on_disconnect, self.heartbeat_ms, next_stream)
