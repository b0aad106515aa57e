"""A loopback DNS server (UDP) that answers from a zone written in the test."""

from __future__ import annotations

import socket
import threading

import dns.flags
import dns.message
import dns.rcode
import dns.rrset


class NameServer:
    """Answers `records`, one `name TTL IN TYPE data` each; use as a context manager.

    A name without any record does not exist; names in `silent` are never answered.
    """

    def __init__(self, *records: str, silent: tuple[str, ...] = ()) -> None:
        self._sets = [dns.rrset.from_text(*_split(record)) for record in records]
        self._silent = {f"{name}." for name in silent}
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> NameServer:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._socket.sendto(b"", self._socket.getsockname())
        self._thread.join()
        self._socket.close()

    def _serve(self) -> None:
        while True:
            data, client = self._socket.recvfrom(4096)
            if not data:
                return
            query = dns.message.from_wire(data)
            question = query.question[0]
            if str(question.name) in self._silent:
                continue
            answer = dns.message.make_response(query)
            answer.flags |= dns.flags.RA
            named = [each for each in self._sets if each.name == question.name]
            answer.answer = [each for each in named if each.rdtype == question.rdtype]
            if not named:
                answer.set_rcode(dns.rcode.NXDOMAIN)
            self._socket.sendto(answer.to_wire(), client)


def _split(record: str) -> tuple[str, int, str, str, str]:
    name, ttl, rdclass, rdtype, data = record.split(maxsplit=4)
    return name, int(ttl), rdclass, rdtype, data
