"""What of an event may leave through the `details` projection: an allow list of fields. Pure.

A field that is not named here never leaves. Private and confidential events show their times only,
in every mode (RFC 5545 section 3.8.1.3). A meeting link counts as location: where the location is
hidden, links are taken out of title and description too, since Teams and Zoom write theirs there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TypeAlias

from bridge.config.policy import Privacy, PrivacyMode
from bridge.model.event import Attendee, Class, Event

Details: TypeAlias = dict[str, object]
"""Keys, each only where it may be shown and is not empty: `title` (always), `description`,
`location`, `url`, `conference_url`, `organizer`, `attendees` (list of `{address, name, partstat}`),
`categories`, `status`."""

NEUTRAL_TITLE = "Busy"

# Looked for only where a word begins and never given back: a description is 32,000 letters of
# somebody else's choice, and every look at them must be the only one.
_LINK = re.compile(r"(?<![a-z0-9+.-])[a-z0-9+.-]*+://\S+|\bwww\.\S+", re.IGNORECASE)
_PLACEHOLDER = re.compile(r"\{\{\s*(\w+)\s*\}\}")


def details(event: Event, calendar_name: str, privacy: Privacy) -> Details:
    """Take from an event what its calendar's privacy lets show."""
    if is_reserved(event, privacy):
        return reserved(calendar_name, privacy)
    full = privacy.mode is PrivacyMode.FULL
    place = full or privacy.show_location

    def shown(text: str) -> str:
        return text if place else _LINK.sub("", text).strip()

    name = shown(event.summary) if full or privacy.show_title else ""
    fields: Details = {"title": title(privacy, calendar_name=calendar_name, event_name=name)}
    if full or privacy.show_description:
        fields["description"] = shown(event.description)
    if place:
        fields |= {
            "location": event.location,
            "url": event.url,
            "conference_url": event.conference_url,
        }
    if full or privacy.show_attendees:
        fields["organizer"] = _person(event.organizer) if event.organizer else None
        fields["attendees"] = [_person(attendee) for attendee in event.attendees]
    if full:
        fields["categories"] = list(event.categories)
        fields["status"] = event.status.value if event.status else ""
    return {key: value for key, value in fields.items() if value}


def is_reserved(event: Event, privacy: Privacy) -> bool:
    """Tell whether nothing of an event may show but its time."""
    return event.classification is not Class.PUBLIC or privacy.mode is PrivacyMode.BUSY_ONLY


def reserved(calendar_name: str, privacy: Privacy) -> Details:
    """Give what shows of such an event."""
    return {"title": title(privacy, calendar_name=calendar_name)}


def title(privacy: Privacy, *, calendar_name: str = "", event_name: str = "") -> str:
    """Fill the title template; what may not be shown leaves no trace in it.

    `{{event_name}}` is the event's title where that may be shown. A template without it gives way
    to the title where the mode shows titles: someone who asks for them wants to read them.
    """
    if event_name and "event_name" not in _PLACEHOLDER.findall(privacy.title):
        return event_name
    words = {"calendar_name": calendar_name, "event_name": event_name}
    text = _PLACEHOLDER.sub(lambda match: words.get(match[1], ""), privacy.title)
    return " ".join(text.split()).strip(" :-") or NEUTRAL_TITLE


def narrowed(fields: Mapping[str, object], mode: PrivacyMode, privacy: Privacy) -> Details:
    """Reduce details that one view may show to what a more reserved view may.

    A feed of detail `private` shows of a calendar whose mode is `full` only what `show_*` allows;
    one of detail `busy_only` shows nothing but the neutral title.
    """
    if mode is PrivacyMode.FULL:
        return dict(fields)
    if mode is PrivacyMode.BUSY_ONLY:
        return {"title": title(privacy)}
    allowed = {
        "title": privacy.show_title,
        "description": privacy.show_description,
        "location": privacy.show_location,
        "url": privacy.show_location,
        "conference_url": privacy.show_location,
        "organizer": privacy.show_attendees,
        "attendees": privacy.show_attendees,
    }
    kept: Details = {key: value for key, value in fields.items() if allowed.get(key)}
    if not privacy.show_location:
        kept |= {
            key: _LINK.sub("", value).strip()
            for key, value in kept.items()
            if isinstance(value, str)
        }
    return {"title": title(privacy)} | {key: value for key, value in kept.items() if value}


def _person(person: Attendee) -> dict[str, str]:
    return {
        "address": person.address,
        "name": person.common_name,
        "partstat": person.partstat.value,
    }
