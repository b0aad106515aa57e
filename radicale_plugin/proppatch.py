"""PROPPATCH (RFC 4918 section 9.2): what a client may keep with a calendar, for its login alone.

Name, colour and order are kept and change nothing that anybody else sees; every other property is
refused, DAV:resourcetype among them, which in a stock Radicale destroys the calendar. All or
nothing: one refusal keeps the others from being set.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from xml.etree.ElementTree import Element

from radicale.types import WSGIResponse

from bridge.store import overlays
from radicale_plugin import xml
from radicale_plugin.places import CALENDARS, Place
from radicale_plugin.properties import KEPT
from radicale_plugin.refusals import Refused, not_found
from radicale_plugin.visit import Visit, multistatus
from radicale_plugin.xml import apple, dav

_MOST = 100
_FORMS: Mapping[str, re.Pattern[str]] = {
    dav("displayname"): re.compile(r".{1,255}", re.DOTALL),
    apple("calendar-color"): re.compile(r"#[0-9A-Fa-f]{3,8}|[A-Za-z]{1,30}"),
    apple("calendar-order"): re.compile(r"-?[0-9]{1,9}"),
}


def answer(visit: Visit) -> WSGIResponse:
    """Answer, and keep what was asked for."""
    place = visit.place()
    if place.name and not visit.calendar(place).named(visit.conn, [place.name]):
        raise not_found()
    values = read(visit.xml())
    path = visit.prefix + place.path + place.name
    refused = {name: reason for name in values if (reason := _refusal(place, name, values[name]))}
    if refused:
        return multistatus(xml.multistatus([_refuse(path, values, refused)]))
    if place.entry is not None:
        visit.afterwards = partial(
            overlays.keep,
            login=visit.principal.name,
            resource_id=place.entry.plan.id,
            collection=place.kind.value,
            values=values,
        )
    if visit.minimal:  # RFC 8144 section 2.3: all went well
        return 200, {"Preference-Applied": "return=minimal"}, None, None
    return multistatus(
        xml.multistatus([xml.response(path, xml.propstat(200, map(xml.element, values)))])
    )


def read(root: Element | None) -> dict[str, str | None]:
    """Read DAV:propertyupdate; the last word about a property counts.

    Raises:
        Refused: 400.
    """
    if root is None or root.tag != dav("propertyupdate"):
        raise Refused(400, reason="the body of a PROPPATCH is DAV:propertyupdate")
    values: dict[str, str | None] = {}
    for change in root:
        if change.tag not in (dav("set"), dav("remove")):
            continue
        for prop in change.findall(f"{dav('prop')}/*"):
            values[str(prop.tag)] = (
                "".join(prop.itertext()).strip() if change.tag == dav("set") else None
            )
    if not values or len(values) > _MOST:
        raise Refused(400, reason=f"a PROPPATCH names 1 to {_MOST} properties")
    return values


def _refusal(place: Place, name: str, value: str | None) -> str:
    """Say why a property cannot be set; empty when it can."""
    if name not in KEPT or place.kind not in CALENDARS or place.name:
        return "only the name, the colour and the order of a calendar can be set"
    if value and not _FORMS[name].fullmatch(value):
        return f"not a value that {name.rpartition('}')[2]} can have"
    return ""


def _refuse(path: str, values: Mapping[str, str | None], refused: Mapping[str, str]) -> str:
    others = [xml.element(name) for name in values if name not in refused]
    stats = [
        xml.propstat(
            403,
            [xml.element(name)],
            error="<D:cannot-modify-protected-property/>",
            reason=reason,
        )
        for name, reason in refused.items()
    ]
    if others:
        stats.append(xml.propstat(424, others))
    return xml.response(path, *stats)
