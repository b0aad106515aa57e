"""A calendar client of our own: sends what it is told and reads a multistatus strictly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http.client import HTTPConnection
from typing import NamedTuple
from xml.etree.ElementTree import Element
from xml.sax.saxutils import escape, quoteattr

from defusedxml.ElementTree import fromstring

from tests.web.site import Response

SPACES = {
    "D": "DAV:",
    "C": "urn:ietf:params:xml:ns:caldav",
    "CS": "http://calendarserver.org/ns/",
    "A": "http://apple.com/ns/ical/",
    "B": "urn:busybridge:dav",
}
DECLARED = " ".join(f'xmlns:{prefix}="{space}"' for prefix, space in SPACES.items())


def clark(name: str) -> str:
    """`D:href` -> `{DAV:}href`."""
    prefix, _, local = name.partition(":")
    return f"{{{SPACES[prefix]}}}{local}"


def short(tag: str) -> str:
    """`{DAV:}href` -> `D:href`."""
    space, _, local = tag[1:].partition("}")
    return next((f"{prefix}:{local}" for prefix, known in SPACES.items() if known == space), tag)


class Member(NamedTuple):
    """One DAV:response."""

    status: int | None
    """Of the whole; None where there are propstats."""
    props: Mapping[str, Element]
    """Those with status 200, by short name."""
    others: Mapping[str, int]
    """Status of all others."""
    error: Sequence[str]
    """Preconditions that are named anywhere in it."""

    def text(self, name: str) -> str:
        return "".join(self.props[name].itertext())

    def hrefs(self, name: str) -> list[str]:
        return [each.text or "" for each in self.props[name].iter("{DAV:}href")]

    def children(self, name: str) -> list[str]:
        return [short(each.tag) for each in self.props[name]]


class Multistatus(dict[str, Member]):
    """DAV:response by href, in the order of the answer."""

    sync_token: str

    def names(self) -> set[str]:
        """Last parts of the hrefs that are there."""
        return {href.rsplit("/", 1)[1] for href, each in self.items() if each.status != 404}

    @property
    def truncated(self) -> bool:
        return any(each.status == 507 for each in self.values())

    @property
    def gone(self) -> set[str]:
        return {href.rsplit("/", 1)[1] for href, each in self.items() if each.status == 404}


def read(answer: Response) -> Multistatus:
    """Read a multistatus; what RFC 4918 does not allow in one fails the test."""
    assert answer.status == 207, answer
    assert answer.headers["content-type"] == "application/xml; charset=utf-8"
    root = fromstring(answer.body)
    assert root.tag == "{DAV:}multistatus"
    found = Multistatus()
    found.sync_token = root.findtext("{DAV:}sync-token") or ""
    for response in root.findall("{DAV:}response"):
        href = response.findtext("{DAV:}href") or ""
        # Section 14.24: no href twice; one status or some propstats.
        assert href not in found
        status = response.findtext("{DAV:}status")
        stats = response.findall("{DAV:}propstat")
        assert (status is None) is bool(stats), answer.body
        found[href] = _member(response, status, stats)
    return found


def _member(response: Element, status: str | None, stats: Sequence[Element]) -> Member:
    props: dict[str, Element] = {}
    others: dict[str, int] = {}
    for stat in stats:
        code = _code(stat.findtext("{DAV:}status"))
        for prop in stat.findall("{DAV:}prop/*"):
            name = short(prop.tag)
            assert name not in props
            assert name not in others
            if code == 200:
                props[name] = prop
            else:
                others[name] = code
    error = [short(each.tag) for error in response.iter("{DAV:}error") for each in error]
    return Member(None if status is None else _code(status), props, others, error)


def _code(line: str | None) -> int:
    assert line is not None
    version, code, _ = line.split(" ", 2)
    assert version == "HTTP/1.1"
    return int(code)


class Refusal(NamedTuple):
    status: int
    preconditions: list[str]
    reason: str


def refusal(answer: Response) -> Refusal:
    """Read a DAV:error body."""
    root = fromstring(answer.body)
    assert root.tag == "{DAV:}error", answer
    unmet = [short(each.tag) for each in root if short(each.tag) != "B:reason"]
    return Refusal(answer.status, unmet, root.findtext(clark("B:reason")) or "")


@dataclass
class Client:
    """One login on one connection that stays open."""

    port: int
    authorization: str
    _connection: HTTPConnection | None = field(default=None, repr=False)

    def send(self, method: str, path: str, body: str | bytes = b"", **headers: str) -> Response:
        """Send one request; `_` in a header's name means `-`."""
        if self._connection is None:
            self._connection = HTTPConnection("127.0.0.1", self.port, timeout=60)
        named = {"Authorization": self.authorization, "Content-Type": "application/xml"} | {
            name.replace("_", "-"): value for name, value in headers.items()
        }
        named = {name: value for name, value in named.items() if value}
        octets = body.encode() if isinstance(body, str) else body
        self._connection.request(method, path, body=octets or None, headers=named)
        answer = self._connection.getresponse()
        found = {name.lower(): value for name, value in answer.getheaders()}
        return Response(answer.status, found, answer.read())

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()

    def propfind(self, path: str, *names: str, depth: str = "0") -> Multistatus:
        """Ask for properties by short name; for all without one."""
        asked = f"<D:prop>{''.join(map(_empty, names))}</D:prop>" if names else "<D:allprop/>"
        return read(self.send("PROPFIND", path, propfind(asked), Depth=depth))

    def get(self, path: str, **headers: str) -> Response:
        return self.send("GET", path, **headers)

    def report(self, path: str, body: str, **headers: str) -> Response:
        return self.send("REPORT", path, body, **{"Depth": "1"} | headers)

    def query(self, path: str, filters: str = "", prop: str = "<D:getetag/>") -> Multistatus:
        return read(self.report(path, query(filters, prop)))

    def multiget(self, path: str, *hrefs: str, prop: str = "<D:getetag/>") -> Multistatus:
        return read(self.report(path, multiget(*hrefs, prop=prop)))

    def sync(self, path: str, token: str = "", limit: int | None = None) -> Multistatus:
        return read(self.report(path, sync(token, limit)))

    def listing(self, path: str) -> dict[str, str]:
        """ETags of the objects of a calendar, by name."""
        found = self.propfind(path, "D:getetag", depth="1")
        return {
            href.rsplit("/", 1)[1]: each.text("D:getetag")
            for href, each in found.items()
            if not href.endswith("/")
        }

    def proppatch(self, path: str, *changes: str) -> Response:
        return self.send("PROPPATCH", path, update(*changes))


def propfind(asked: str) -> str:
    return f"<D:propfind {DECLARED}>{asked}</D:propfind>"


def query(filters: str = "", prop: str = "<D:getetag/>") -> str:
    inner = f'<C:comp-filter name="VCALENDAR">{filters}</C:comp-filter>'
    return (
        f"<C:calendar-query {DECLARED}><D:prop>{prop}</D:prop>"
        f"<C:filter>{inner}</C:filter></C:calendar-query>"
    )


def multiget(*hrefs: str, prop: str = "<D:getetag/>") -> str:
    links = "".join(f"<D:href>{escape(href)}</D:href>" for href in hrefs)
    return f"<C:calendar-multiget {DECLARED}><D:prop>{prop}</D:prop>{links}</C:calendar-multiget>"


def sync(token: str = "", limit: int | None = None, prop: str = "<D:getetag/>") -> str:
    most = "" if limit is None else f"<D:limit><D:nresults>{limit}</D:nresults></D:limit>"
    return (
        f"<D:sync-collection {DECLARED}><D:sync-token>{escape(token)}</D:sync-token>"
        f"<D:sync-level>1</D:sync-level>{most}<D:prop>{prop}</D:prop></D:sync-collection>"
    )


def free_busy(start: str | None, end: str | None) -> str:
    times = {"start": start, "end": end}
    given = " ".join(f"{name}={quoteattr(time)}" for name, time in times.items() if time)
    inner = f"<C:time-range {given}/>" if given else ""
    return f"<C:free-busy-query {DECLARED}>{inner}</C:free-busy-query>"


def ask_busy(
    organizer: str, *attendees: str, start: str, end: str, method: str = "REQUEST", more: str = ""
) -> str:
    """A request for busy time, as it is posted to an outbox."""
    who = "".join(f"ATTENDEE;PARTSTAT=NEEDS-ACTION:{each}\r\n" for each in attendees)
    return (
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//tests//EN\r\n"
        f"METHOD:{method}\r\nBEGIN:VFREEBUSY\r\nUID:asked-by-tests\r\n"
        f"DTSTAMP:20261120T000000Z\r\nDTSTART:{start}\r\nDTEND:{end}\r\n"
        f"ORGANIZER:{organizer}\r\n{who}{more}END:VFREEBUSY\r\nEND:VCALENDAR\r\n"
    )


class Recipient(NamedTuple):
    """What a schedule-response says of one attendee."""

    status: str
    text: str
    reason: str


def recipients(answer: Response) -> dict[str, Recipient]:
    """Read a schedule-response (RFC 6638 section 10.1), by address in the order of the answer."""
    assert answer.status == 200, answer
    assert answer.headers["content-type"] == "application/xml; charset=utf-8"
    root = fromstring(answer.body)
    assert root.tag == clark("C:schedule-response")
    found = {}
    for each in root:
        assert each.tag == clark("C:response")
        (address,) = each.findall(f"{clark('C:recipient')}/{clark('D:href')}")
        found[address.text or ""] = Recipient(
            each.findtext(clark("C:request-status")) or "",
            (each.findtext(clark("C:calendar-data")) or "").replace("\n", "\r\n"),
            each.findtext(clark("D:responsedescription")) or "",
        )
    assert len(found) == len(root)
    return found


def search(*conditions: tuple[str, str], prop: str = "<D:displayname/>", more: str = "") -> str:
    """Principal search: short name of a property and the text to find in it."""
    inner = "".join(
        f"<D:property-search><D:prop>{_empty(name)}</D:prop>"
        f"<D:match>{escape(text)}</D:match></D:property-search>"
        for name, text in conditions
    )
    return (
        f"<D:principal-property-search {DECLARED}>{inner}<D:prop>{prop}</D:prop>{more}"
        "</D:principal-property-search>"
    )


def update(*changes: str) -> str:
    return f"<D:propertyupdate {DECLARED}>{''.join(changes)}</D:propertyupdate>"


def change(kind: str, **props: str) -> str:
    """`set` or `remove` of properties; `A_calendar_color` means `A:calendar-color`."""
    inner = "".join(
        f"<{_named(name)}>{escape(value)}</{_named(name)}>" for name, value in props.items()
    )
    return f"<D:{kind}><D:prop>{inner}</D:prop></D:{kind}>"


def _named(name: str) -> str:
    prefix, _, local = name.partition("_")
    return f"{prefix}:{local.replace('_', '-')}"


def _empty(name: str) -> str:
    return f"<{name}/>"
