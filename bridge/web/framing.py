"""Where a request ends, and how long one may take to arrive: waitress, set up strictly (T54, T57).

server = waitress.server.create_server(application, **WAITRESS, threads=..., ...)
server.channel_class = StrictChannel
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser, ParsingError

_FOLDED = re.compile(rb"\n[ \t]")
_HOST = re.compile(r"[A-Za-z0-9._~:%\[\]-]*")


WAITRESS: Mapping[str, int | bool | str] = {
    # A connection that says nothing costs a descriptor, never a thread; the default of 100 would
    # let so many of them shut everybody else out.
    "connection_limit": 2000,
    "asyncore_use_poll": True,  # select ends at 1,024 descriptors
    "channel_timeout": 60,
    "cleanup_interval": 10,
    "max_request_header_size": 32 << 10,
    # The dispatcher decides which proxies are believed, and notices those that are not.
    "clear_untrusted_proxy_headers": False,
    "ident": "",
}
"""Options that do not depend on the settings."""


class StrictParser(HTTPRequestParser):
    """Refuses what RFC 9112 lets a server refuse, since a proxy may read it another way."""

    def parse_header(self, header_plus: bytes) -> None:
        """Read the request line and the headers.

        Raises:
            ParsingError: answered with 400, and the connection is closed.
        """
        # Section 5.2: a folded line is one header to us and may be two to somebody else.
        if _FOLDED.search(header_plus):
            raise ParsingError("a folded header")
        super().parse_header(header_plus)
        if self.version not in {"1.0", "1.1"}:
            raise ParsingError("neither HTTP/1.0 nor HTTP/1.1")
        # Section 6.1: both together, or Transfer-Encoding in HTTP/1.0, is how one smuggles.
        if self.chunked and "CONTENT_LENGTH" in self.headers:
            raise ParsingError("Content-Length beside Transfer-Encoding")
        if "TRANSFER_ENCODING" in self.headers:
            raise ParsingError("Transfer-Encoding in HTTP/1.0")
        # Section 3.2: one Host, that can be one; waitress joins several with a comma.
        host = self.headers.get("HOST", "" if self.version == "1.0" else None)
        if host is None or not _HOST.fullmatch(host):
            raise ParsingError("not exactly one Host")


class StrictChannel(HTTPChannel):
    """A connection whose requests are read by `StrictParser`: `server.channel_class`."""

    parser_class = StrictParser
