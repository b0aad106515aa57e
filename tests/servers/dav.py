"""A calendar owner's own client: creates calendars and objects, knows nothing of the product."""

from __future__ import annotations

import base64
import http.client
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlsplit
from xml.sax.saxutils import escape

_MKCALENDAR = """<?xml version="1.0" encoding="utf-8"?>
<C:mkcalendar xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"
 xmlns:I="http://apple.com/ns/ical/"><D:set><D:prop>{props}</D:prop></D:set></C:mkcalendar>"""
_PROPPATCH = """<?xml version="1.0" encoding="utf-8"?>
<D:propertyupdate xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"
 xmlns:I="http://apple.com/ns/ical/"><D:set><D:prop>{props}</D:prop></D:set></D:propertyupdate>"""

_PROPFIND = """<?xml version="1.0" encoding="utf-8"?>
<D:propfind xmlns:D="DAV:"><D:prop><D:getetag/></D:prop></D:propfind>"""

_EVERYTHING = """<?xml version="1.0"?><C:calendar-query xmlns:D="DAV:"
 xmlns:C="urn:ietf:params:xml:ns:caldav"><D:prop><C:calendar-data/></D:prop><C:filter>
<C:comp-filter name="VCALENDAR"/></C:filter></C:calendar-query>"""


@dataclass(frozen=True)
class Dav:
    """One login at one server; `home` is the path of its calendar home."""

    url: str
    home: str
    username: str = "ann"
    password: str = "secret"

    def make_calendar(self, name: str, *, displayname: str = "", props: str = "") -> str:
        """Create a calendar; return its path."""
        path = f"{self.home}{quote(name)}/"
        named = f"<D:displayname>{escape(displayname or name)}</D:displayname>{props}"
        self.send("MKCALENDAR", path, _MKCALENDAR.format(props=named))
        return path

    def set_props(self, path: str, props: str) -> None:
        self.send("PROPPATCH", path, _PROPPATCH.format(props=props))

    def put(self, calendar: str, name: str, ics: str) -> str:
        """Create or replace an object; return its path."""
        path = calendar + quote(name, safe="")
        self.send("PUT", path, ics, {"Content-Type": "text/calendar; charset=utf-8"})
        return path

    def delete(self, calendar: str, name: str = "") -> None:
        self.send("DELETE", calendar + quote(name, safe=""))

    def paths(self, calendar: str) -> list[str]:
        """List the objects of a calendar."""
        answer = self.send("PROPFIND", calendar, _PROPFIND, {"Depth": "1"})
        hrefs = re.findall(r"<(?:\w+:)?href>([^<]*)</", answer.decode())
        return sorted({href for href in hrefs if href.startswith(calendar) and href != calendar})

    def titles(self, calendar: str) -> list[str]:
        """Name the events that stand in a calendar, in order."""
        text = self.send("REPORT", calendar, _EVERYTHING, {"Depth": "1"}).decode()
        return sorted(each.strip() for each in re.findall(r"SUMMARY:([^\n&]*)", text))

    def send(
        self, method: str, path: str, body: str = "", headers: Mapping[str, str] | None = None
    ) -> bytes:
        """Send one request; anything but success is the test's own mistake."""
        login = base64.b64encode(f"{self.username}:{self.password}".encode()).decode()
        fields = {"Authorization": f"Basic {login}", "Content-Type": "text/xml; charset=utf-8"}
        connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=30)
        try:
            connection.request(method, path, body.encode(), {**fields, **(headers or {})})
            answer = connection.getresponse()
            content = answer.read()
        finally:
            connection.close()
        if not 200 <= answer.status < 300:
            raise AssertionError(f"{method} {path}: {answer.status} {content[:500]!r}")
        return content
