"""PROPFIND (RFC 4918 section 9.1): properties of a collection, its members, or an object."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple
from xml.etree.ElementTree import Element

from radicale.types import WSGIResponse

from radicale_plugin import places, properties, xml
from radicale_plugin.objects import ObjectWriter, object_names
from radicale_plugin.places import LISTS, Kind, Place
from radicale_plugin.properties import Subject
from radicale_plugin.refusals import Refused, forbidden, not_found
from radicale_plugin.visit import Visit, multistatus
from radicale_plugin.xml import dav


class Wanted(NamedTuple):
    """What is asked for."""

    names: Sequence[str] | None
    """Clark names; None for those that allprop shows."""
    included: Sequence[str] = ()
    names_only: bool = False


def answer(visit: Visit) -> WSGIResponse:
    """Answer with one response for each thing."""
    place = visit.place()
    wanted = read(visit.xml())
    # Without the header section 9.1 says infinity, which nobody means who leaves it out.
    depth = visit.header("Depth").strip().lower() or "0"
    if depth == "infinity" and not place.name:
        raise forbidden(dav("propfind-finite-depth"), "ask with Depth 0 or 1")
    if place.name:
        return multistatus(xml.multistatus(_object(visit, place, wanted)))
    return multistatus(xml.multistatus(_collections(visit, place, wanted, depth == "1")))


def read(root: Element | None) -> Wanted:
    """Read DAV:propfind; an empty body asks for allprop (section 9.1).

    Raises:
        Refused: 400.
    """
    if root is None:
        return Wanted(None)
    if root.tag != dav("propfind"):
        raise Refused(400, reason="the body of a PROPFIND is DAV:propfind")
    if root.find(dav("propname")) is not None:
        return Wanted(None, names_only=True)
    prop = root.find(dav("prop"))
    if prop is not None:
        return Wanted(properties.read_names(prop))
    if root.find(dav("allprop")) is None:
        raise Refused(400, reason="DAV:propfind holds prop, allprop or propname")
    return Wanted(None, properties.read_names(root.find(dav("include"))))


def _collections(
    visit: Visit,
    place: Place,
    wanted: Wanted,
    members: bool,  # noqa: FBT001 - the depth
) -> Iterator[str]:
    subject = visit.subject(place)
    yield _collection(subject, wanted)
    if not members:
        return
    if place.kind in LISTS:
        yield from _objects(visit, subject, wanted)
    elif place.kind is Kind.HOME:
        for each in places.calendars(visit.principal, visit.ground.directory):
            yield _collection(visit.subject(each), wanted)
    elif place.kind is Kind.ROOT:
        home = places.find(f"/{visit.principal.name}/", visit.principal, visit.ground.directory)
        if home is not None:
            yield _collection(visit.subject(home), wanted)


def _collection(subject: Subject, wanted: Wanted) -> str:
    path = subject.prefix + subject.place.path
    has = properties.names(subject)
    if wanted.names_only:
        return xml.response(path, xml.propstat(200, map(xml.element, has)))
    names = wanted.names
    if names is None:
        shown = [name for name in has if properties.on_allprop(name)]
        names = list(dict.fromkeys([*shown, *wanted.included]))
    return xml.response(path, properties.propstats(subject, names))


def _objects(visit: Visit, subject: Subject, wanted: Wanted) -> Iterator[str]:
    calendar = subject.calendar
    if calendar is None:
        return
    writer = _writer(subject, wanted)
    whole = writer.needs_texts
    rows = calendar.objects(visit.conn) if whole else calendar.marks(visit.conn)
    writer.check(len(rows))
    yield from map(writer.write, rows)


def _object(visit: Visit, place: Place, wanted: Wanted) -> Iterator[str]:
    subject = visit.subject(place)
    row = (
        subject.calendar.named(visit.conn, [place.name]).get(place.name)
        if subject.calendar
        else None
    )
    if row is None:
        raise not_found()
    yield _writer(subject, wanted).write(row)


def _writer(subject: Subject, wanted: Wanted) -> ObjectWriter:
    names = wanted.names
    if names is None:
        names = list(dict.fromkeys([*object_names(), *wanted.included]))
    return ObjectWriter(subject, names, names_only=wanted.names_only)
