"""Where a request ends: stricter than waitress, so that no proxy disagrees with us (T57)."""

from __future__ import annotations

from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser, ParsingError


class StrictParser(HTTPRequestParser):
    """Refuses what RFC 9112 lets a server refuse, since a proxy may read it another way."""

    def parse_header(self, header_plus: bytes) -> None:
        """Read the request line and the headers.

        Raises:
            ParsingError: answered with 400, and the connection is closed.
        """
        super().parse_header(header_plus)
        # Section 6.1: both together, or Transfer-Encoding in HTTP/1.0, is how one smuggles.
        if self.chunked and "CONTENT_LENGTH" in self.headers:
            raise ParsingError("Content-Length beside Transfer-Encoding")
        if "TRANSFER_ENCODING" in self.headers:
            raise ParsingError("Transfer-Encoding in HTTP/1.0")
        # Section 3.2: exactly one Host; waitress joins several with a comma.
        host = self.headers.get("HOST")
        if (host is None and self.version == "1.1") or "," in (host or ""):
            raise ParsingError("not exactly one Host")


class StrictChannel(HTTPChannel):
    """A connection whose requests are read by `StrictParser`: `server.channel_class`."""

    parser_class = StrictParser
