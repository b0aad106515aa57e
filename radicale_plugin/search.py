"""Finding principals by address, name or type (RFC 3744 section 9.4).

Calendar clients look up with it whom a mail address belongs to, to ask for free-busy times.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from xml.etree.ElementTree import Element

from radicale.types import WSGIResponse

from radicale_plugin import places, properties, xml
from radicale_plugin.places import PRINCIPALS, Kind, Place
from radicale_plugin.properties import Subject
from radicale_plugin.refusals import Refused
from radicale_plugin.visit import Visit, multistatus
from radicale_plugin.xml import caldav, calendarserver, dav

_MOST = 200
"""Principals in one answer; there is no more to a look-up than to narrow it."""
_MOST_CONDITIONS = 20

_Texts = Callable[[Subject], list[str]]


def _names(subject: Subject) -> list[str]:
    entry = subject.place.entry
    return [entry.plan.name if entry else subject.principal.name]


def _addresses(subject: Subject) -> list[str]:
    mail = properties.addresses(subject)
    return [*mail, *(f"mailto:{each}" for each in mail), subject.prefix + subject.place.path]


def _homes(subject: Subject) -> list[str]:
    home = subject.place.kind is Kind.HOME
    return [subject.prefix + subject.place.path] if home else []


_SEARCHABLE: Mapping[str, tuple[str, _Texts]] = {
    dav("displayname"): ("name", _names),
    caldav("calendar-user-address-set"): ("address", _addresses),
    # Thunderbird finds out by it whose a calendar is, where nothing else says it.
    caldav("calendar-home-set"): ("calendar home", _homes),
    caldav("calendar-user-type"): ("type", lambda subject: [properties.user_type(subject)]),
    calendarserver("email-address-set"): ("mail address", properties.addresses),
}


def searchable(_visit: Visit, _place: Place, _root: Element) -> WSGIResponse:
    """List what can be searched for (section 9.5)."""
    inner = "".join(
        f"<D:principal-search-property><D:prop>{xml.element(name)}</D:prop>"
        f'<D:description xml:lang="en">{words}</D:description></D:principal-search-property>'
        for name, (words, _) in _SEARCHABLE.items()
    )
    body = xml.document(dav("principal-search-property-set"), inner)
    return 200, {"Content-Type": xml.MEDIA_TYPE}, body, None


def by_property(visit: Visit, place: Place, root: Element) -> WSGIResponse:
    """Find the principals that this login may see, by case-insensitive substrings."""
    searches = root.findall(dav("property-search"))
    if not searches or len(searches) > _MOST_CONDITIONS:
        raise Refused(400, reason=f"a search holds 1 to {_MOST_CONDITIONS} property-search")
    conditions = [_condition(each) for each in searches]
    # Calendar Server's attribute, which Apple Calendar sends; section 9.4 itself knows only "all".
    joined = any if root.get("test") == "anyof" else all
    names = properties.read_names(root.find(dav("prop")))

    def found() -> Iterator[str]:
        for subject in _searched(visit, place, root):
            if joined(condition(subject) for condition in conditions):
                path = subject.prefix + subject.place.path
                yield xml.response(path, properties.propstats(subject, names))

    answers = [each for each, _ in zip(found(), range(_MOST), strict=False)]
    return multistatus(xml.multistatus(answers))


def _searched(visit: Visit, place: Place, root: Element) -> Iterator[Subject]:
    """Give the principals in the scope: all of them at the root, else the one at the path."""
    everywhere = root.find(dav("apply-to-principal-collection-set")) is not None
    if place.kind is not Kind.ROOT and not everywhere:
        if place.kind in PRINCIPALS:
            yield visit.subject(place)
        return
    home = places.find(f"/{visit.principal.name}/", visit.principal, visit.ground.directory)
    if home is not None:
        yield visit.subject(home)
    for each in places.resource_principals(visit.principal, visit.ground.directory):
        if each.kind is Kind.RESOURCE:
            yield visit.subject(each)


def _condition(element: Element) -> Callable[[Subject], bool]:
    prop = element.find(dav("prop"))
    match = element.find(dav("match"))
    if prop is None or not 0 < len(prop) <= _MOST_CONDITIONS or match is None:
        raise Refused(
            400,
            reason=f"a property-search holds a match and 1 to {_MOST_CONDITIONS} properties",
        )
    wanted = "".join(match.itertext()).strip().casefold()
    tests = [_SEARCHABLE.get(str(each.tag)) for each in prop]
    kind = match.get("match-type", element.get("match-type", "contains"))

    def met(subject: Subject) -> bool:
        return all(
            test is not None
            and any(_matches(text.casefold(), wanted, kind) for text in test[1](subject))
            for test in tests
        )

    return met


def _matches(text: str, wanted: str, kind: str) -> bool:
    if kind == "equals":
        return text == wanted
    if kind == "starts-with":
        return text.startswith(wanted)
    if kind == "ends-with":
        return text.endswith(wanted)
    return wanted in text
