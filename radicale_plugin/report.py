"""REPORT: calendar-query, calendar-multiget, sync-collection, free-busy-query, principal search."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from urllib.parse import unquote, urlsplit
from xml.etree.ElementTree import Element

from radicale.types import WSGIResponse

from radicale_plugin import filters, freebusy, properties, search, xml
from radicale_plugin.calendars import Calendar, InvalidSyncToken
from radicale_plugin.objects import ObjectWriter, object_names
from radicale_plugin.partial import read_calendar_data
from radicale_plugin.places import LISTS, Place
from radicale_plugin.properties import Subject
from radicale_plugin.refusals import Refused, forbidden, unsupported_report
from radicale_plugin.visit import Visit, multistatus
from radicale_plugin.xml import caldav, dav

_MOST_HREFS = 5000

Report = Callable[[Visit, Place, Element], WSGIResponse]


def answer(visit: Visit) -> WSGIResponse:
    """Answer with what the body's element names."""
    place = visit.place()
    root = visit.xml()
    if root is None:
        raise Refused(400, reason="a REPORT needs a body that names it")
    report = _REPORTS.get(str(root.tag))
    if report is None:
        raise unsupported_report()
    if report in _OF_LISTS and (place.kind not in LISTS or place.name):
        raise unsupported_report()
    return report(visit, place, root)


def _query(visit: Visit, place: Place, root: Element) -> WSGIResponse:
    """RFC 4791 section 7.8: objects that match a filter, found by the index."""
    subject, calendar = _open(visit, place)
    wanted = calendar.compile(root.findall(caldav("filter")))
    writer = _writer(subject, root)
    # Depth 0, which section 7.8 makes the default, asks about the collection alone; no client
    # means that, and every server answers as for Depth 1.
    rows = calendar.query(visit.conn, wanted)
    writer.check(len(rows))
    return multistatus(xml.multistatus(map(writer.write, rows)))


def _multiget(visit: Visit, place: Place, root: Element) -> WSGIResponse:
    """RFC 4791 section 7.9: the named objects, and 404 for each that is not here."""
    subject, calendar = _open(visit, place)
    links = [each.text or "" for each in root.findall(dav("href"))]
    if len(links) > _MOST_HREFS:
        raise Refused(403, reason=f"ask for at most {_MOST_HREFS} objects at a time")
    # By what is meant: one object has many spellings, and comes once (RFC 4918 section 14.24).
    asked: dict[tuple[str, str], str] = {}
    for link in links:
        name = _name_in(visit, place, link)
        asked.setdefault((name, "" if name else link), link)
    rows = calendar.named(visit.conn, {name for name, _ in asked if name})
    writer = _writer(subject, root)
    writer.check(len(asked))

    def each() -> Iterator[str]:
        for (name, _), link in asked.items():
            row = rows.get(name)
            yield writer.write(row) if row else _missing(link)

    return multistatus(xml.multistatus(each()))


def _sync(visit: Visit, place: Place, root: Element) -> WSGIResponse:
    """RFC 6578: what changed since a sync token."""
    subject, calendar = _open(visit, place)
    if (root.findtext(dav("sync-level")) or "1").strip() not in {"1", "infinite"}:
        raise Refused(400, reason="DAV:sync-level is 1 or infinite")
    token = (root.findtext(dav("sync-token")) or "").strip()
    writer = _writer(subject, root)
    try:
        changes = calendar.changes(visit.conn, token, _limit(root), texts=writer.needs_texts)
    except InvalidSyncToken as err:
        raise forbidden(dav("valid-sync-token"), "begin again without a sync token") from err
    writer.check(len(changes.changed))
    path = visit.prefix + place.path

    def each() -> Iterator[str]:
        yield from map(writer.write, changes.changed)
        for name in changes.removed:
            yield xml.response(path + name, xml.status(404))
        if changes.truncated:  # section 3.6
            error = "<D:error><D:number-of-matches-within-limits/></D:error>"
            yield xml.response(path, xml.status(507), error)

    return multistatus(xml.multistatus(each(), sync_token=changes.token))


def _free_busy(visit: Visit, place: Place, root: Element) -> WSGIResponse:
    """RFC 4791 section 7.10: the merged busy time of a window, as one VFREEBUSY."""
    calendar = visit.resource_calendar(place)
    element = root.find(caldav("time-range"))
    if element is None:
        raise Refused(400, reason="a free-busy-query holds a time-range")
    found = freebusy.look(visit, calendar, filters.time_range(element))
    return 200, found.headers(), found.body(), None


def _open(visit: Visit, place: Place) -> tuple[Subject, Calendar]:
    calendar = visit.calendar(place)
    return visit.subject(place, calendar), calendar


def _writer(subject: Subject, root: Element) -> ObjectWriter:
    """Read what is wanted of each object: DAV:prop, allprop or propname."""
    prop = root.find(dav("prop"))
    if prop is None:
        names_only = root.find(dav("propname")) is not None
        return ObjectWriter(subject, object_names(), names_only=names_only)
    names = properties.read_names(prop)
    element = prop.find(caldav("calendar-data"))
    calendar = properties.calendar_of(subject)
    data = None if element is None else read_calendar_data(element, calendar)
    return ObjectWriter(subject, names, data)


def _limit(root: Element) -> int | None:
    """Read DAV:limit of RFC 6578 section 6.4."""
    text = root.findtext(f"{dav('limit')}/{dav('nresults')}")
    if text is None:
        return None
    text = text.strip()
    if not (text.isascii() and text.isdigit() and 0 < len(text) < 10 and int(text)):
        raise Refused(400, reason="DAV:nresults is a number, at least 1")
    return int(text)


def _name_in(visit: Visit, place: Place, link: str) -> str:
    """Return the name of an object of this calendar; empty for what is elsewhere."""
    try:
        found = visit.locate(unquote(urlsplit(link).path, errors="strict"))
    except ValueError:
        return ""
    return found.name if found is not None and found.collection == place.collection else ""


def _missing(link: str) -> str:
    return f"<D:response><D:href>{xml.text(link)}</D:href>{xml.status(404)}</D:response>"


_OF_LISTS: Sequence[Report] = (_query, _multiget, _sync, _free_busy)
_REPORTS: Mapping[str, Report] = {
    caldav("calendar-query"): _query,
    caldav("calendar-multiget"): _multiget,
    dav("sync-collection"): _sync,
    caldav("free-busy-query"): _free_busy,
    dav("principal-property-search"): search.by_property,
    dav("principal-search-property-set"): search.searchable,
}
