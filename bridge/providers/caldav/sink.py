"""Writing events to a calendar on a CalDAV server.

An object's name is made of the booking's token, and so is a mark in its events, by which it is
known after a person has moved it. A change is made in the text that stands there.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from bridge.errors import (
    InvalidCalendarObject,
    RemoteChanged,
    RemoteNotFound,
    RemoteRejected,
    TemporarilyUnavailable,
    UnreadableAnswer,
)
from bridge.ical.amend import Writer
from bridge.ical.compose import series_text
from bridge.ical.contentline import text_value
from bridge.ical.parse import parse_calendar
from bridge.ical.tree import parts_of, read_tree, write_tree
from bridge.model.conference import ConferenceKind
from bridge.model.event import Attendee, Event, EventSeries, Status
from bridge.model.http import Response
from bridge.model.remote import CalendarId, ETag, RemoteId
from bridge.providers.caldav import wire
from bridge.providers.caldav.client import ServerFailed, href_of
from bridge.providers.caldav.home import Home
from bridge.providers.caldav.marks import Marks, Reading
from bridge.providers.caldav.pull import Pull
from bridge.providers.caldav.refusals import NO_UID_CONFLICT
from bridge.providers.caldav.translate import strong_etag
from bridge.sink import Desired, Marked, Written

TOKEN = "X-BUSYBRIDGE-TOKEN"  # noqa: S105 - the name of a property
ORIGIN = "X-BUSYBRIDGE-ORIGIN"
_WHAT = "the calendar"
"""To people; which one it is stands in the log."""
_MOST_FOUND = 20
"""Objects of a query that are looked at; a server that finds more did not understand it."""
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Standing:
    """An object as it stands at the server."""

    name: RemoteId
    etag: ETag | None
    text: bytes
    series: EventSeries
    token: str
    """Of the booking that it was written for; empty where it says none."""


class CaldavSink:
    """Writes events; see `EventSink`."""

    natively: Collection[ConferenceKind] = ()
    may_be_silent = False
    keeps_uids = True

    def __init__(self, home: Home, marks: Marks | None = None) -> None:
        """Open without touching the network.

        Args:
            home: the account.
            marks: what is remembered between two looks, as long as the account is open.
        """
        self._home = home
        self._client = home.client
        self._marks = marks or Marks()

    def ends_by_uid(self, calendar: CalendarId) -> bool:
        """Tell whether guests hear of an end by a UID of ours; see `EventSink`."""
        return self._home.schedules(calendar)

    def find(self, calendar: CalendarId, token: str) -> Written | None:
        """Find what was written under a token, wherever a person moved it in the calendar."""
        url = self._home.url(calendar)
        standing = self._look(url, _name(token))
        if standing is None:
            found = self._having(url, TOKEN, token)
            standing = next((it for it in found if it.token == token), None)
        return None if standing is None or _is_cancelled(standing) else self._written(standing)

    def read(self, calendar: CalendarId, remote_id: RemoteId) -> Written:
        """Read an event as it stands now."""
        standing = self._read(self._home.url(calendar), remote_id)
        if _is_cancelled(standing):
            raise RemoteNotFound(f"{_WHAT}: the event was cancelled")
        return self._written(standing)

    def marked(self, calendar: CalendarId, origin: str) -> Sequence[Marked]:
        """Find what an instance wrote; see `EventSink`.

        The server is not asked to look for the mark: some answer such a question with nothing.
        """
        url, owner = self._home.url(calendar), self._home.owner()

        def listing(reading: Reading) -> Pull:
            return Pull(self._client, calendar, url, owner, reading=reading)

        def read(name: RemoteId, etag: ETag | None, text: bytes) -> Marked | None:
            if not _is_written_by(text, origin):
                return None
            standing = self._standing(name, etag, text)
            if _is_cancelled(standing):
                return None
            return Marked(
                written=self._written(standing),
                origin=origin,
                token=standing.token,
                mirror=standing.series.events()[0].mirror,
            )

        return self._marks.look(calendar, origin, listing, read)

    def put(self, calendar: CalendarId, desired: Desired, base: Written | None) -> Written:
        """Make an event what is desired."""
        if desired.conference is not None:
            raise RemoteRejected(
                f"a calendar on a CalDAV server makes no {desired.conference.value} meeting itself",
                code="no_conference",
            )
        try:
            url = self._home.url(calendar)
            if base is None:
                return self._create(calendar, url, desired)
            standing = self._read(url, base.remote_id)
            if standing.series.uid != desired.series.uid:
                raise RemoteNotFound(f"{_WHAT}: another event is in its place")
            if not _is_same(self._written(standing), base):
                raise RemoteChanged(f"{_WHAT}: the event was changed meanwhile")
            return self._change(calendar, url, desired, standing)
        except InvalidCalendarObject as err:
            raise RemoteRejected(f"the event cannot be written: {err}") from err
        except RemoteRejected as err:
            logger.info("calendar %s: an event was refused: %s", calendar, err)
            raise
        finally:
            self._marks.touched(calendar)

    def delete(self, calendar: CalendarId, base: Written, *, notify: bool) -> None:
        """Delete an event; see `EventSink`.

        The server tells those guests whom it invited, whatever `notify` says: nothing in RFC 6638
        keeps it from that.
        """
        url = self._home.url(calendar)
        try:
            with suppress(RemoteNotFound):
                self._client.delete(self._url_of(url, base.remote_id), what=_WHAT)
        except RemoteRejected as err:
            logger.info("calendar %s: a deletion was refused: %s", calendar, err)
            raise
        finally:
            self._marks.touched(calendar)

    # Writing

    def _create(self, calendar: CalendarId, url: str, desired: Desired) -> Written:
        name = _name(desired.token)
        series = self._wanted(calendar, desired, None)
        text = self._writer(desired).object_text(series)
        response = self._client.put(self._url_of(url, name), text, new=True)
        refused = wire.preconditions(response.body) if response.status >= 400 else frozenset()
        if NO_UID_CONFLICT not in refused and response.status != 412:
            return self._settled(url, name, text, response)
        uid = desired.series.uid
        standing = self._look(url, name) or self._with_uid(url, uid)
        if standing is None and NO_UID_CONFLICT not in refused:
            raise TemporarilyUnavailable(f"{_WHAT}: the event was there, and then it was not")
        if standing is None or not _is_ours(standing, desired):
            raise RemoteRejected(
                f"{_WHAT}: there is another event with the same UID {uid[:100]!r}",
                code="uid_taken",
                hint="it was copied or invited there by other means; save the booking as a new one",
            )
        return self._change(calendar, url, desired, standing)

    def _change(
        self, calendar: CalendarId, url: str, desired: Desired, standing: _Standing
    ) -> Written:
        series = self._wanted(calendar, desired, standing.series)
        text = self._writer(desired).amended_text(standing.text, series)
        if text == write_tree(read_tree(standing.text)):
            return self._written(standing)
        response = self._client.put(self._url_of(url, standing.name), text, base=standing.etag)
        return self._settled(url, standing.name, text, response)

    def _settled(self, url: str, name: RemoteId, text: str, response: Response) -> Written:
        """Read back what was written: servers change it, with and without an ETag that says so."""
        refusal = self._client.refusal(response, _WHAT)
        if refusal is not None:
            raise refusal
        (ours,) = parse_calendar(text, owner=self._home.owner(), whole=True).series
        # some servers name a new object as they please (RFC 5995 has the same for POST)
        standing = self._look(url, name) or self._with_uid(url, ours.series.uid)
        if standing is None:
            raise TemporarilyUnavailable(f"{_WHAT}: the event was written and is not there")
        etag = strong_etag(response.headers.get("etag", ""))
        if etag is None or standing.etag is None or etag == standing.etag:
            return self._written(standing)
        # somebody else changed it already: what we wrote is what the next change is compared with
        return self._written(replace(standing, etag=etag, series=ours.series))

    def _writer(self, desired: Desired) -> Writer:
        return Writer(own=self._home.addresses(), marks={TOKEN: desired.token})

    def _wanted(
        self, calendar: CalendarId, desired: Desired, standing: EventSeries | None
    ) -> EventSeries:
        """Say who invites, and who is mailed; put the link of a meeting where guests look."""
        own = self._home.addresses()
        inviting = next((it for it in own if it.startswith("mailto:")), "")
        events = desired.series.events()
        quiet = (
            any(event.attendees for event in events)
            and not desired.notify
            and self._home.schedules(calendar)
        )
        invited = set() if standing is None else _invited(standing)

        def guest(it: Attendee) -> Attendee:
            # RFC 6638 section 3.2.1: taking the server its part away tells the guest that all is
            # off; whom it invited it goes on to tell
            silent = quiet and not it.schedule_agent and it.address not in invited
            return replace(it, schedule_agent="NONE") if silent else it

        def written(event: Event) -> Event:
            guests = tuple(guest(it) for it in event.attendees if it.address not in own)
            organizer = Attendee(inviting) if inviting else event.organizer
            return _with_link(
                replace(
                    event,
                    uid=desired.series.uid,
                    origin=desired.origin,
                    mirror=desired.mirror,
                    attendees=guests,
                    organizer=organizer if guests else None,
                )
            )

        return desired.series.each(written)

    # Reading

    def _read(self, url: str, name: RemoteId) -> _Standing:
        response = self._client.get(self._url_of(url, name), what=_WHAT)
        return self._standing(name, strong_etag(response.headers.get("etag", "")), response.body)

    def _standing(self, name: RemoteId, etag: ETag | None, text: bytes) -> _Standing:
        try:
            parsed = parse_calendar(text, owner=self._home.owner(), whole=True)
            token = _mark(text, TOKEN)
        except InvalidCalendarObject as err:
            raise UnreadableAnswer(f"{_WHAT}: the event cannot be understood: {err}") from err
        if parsed.broken or len(parsed.series) != 1:
            reason = parsed.broken[0].reason if parsed.broken else "it is not one event"
            raise UnreadableAnswer(f"{_WHAT}: the event cannot be understood: {reason}")
        return _Standing(name, etag, text, parsed.series[0].series, token)

    def _look(self, url: str, name: RemoteId) -> _Standing | None:
        try:
            return self._read(url, name)
        except RemoteNotFound:
            return None

    def _having(self, url: str, name: str, value: str) -> list[_Standing]:
        """Return the objects whose events have a text in a property."""
        try:
            found = self._client.query(url, name, value, what=_WHAT)
        except (RemoteRejected, ServerFailed):
            return []  # some look for UIDs alone; the name was looked for already
        names = [RemoteId(it) for it, reply in found.members(_WHAT) if reply.status != 404]
        if len(names) > _MOST_FOUND:
            return []
        return [it for each in names if (it := self._look(url, each)) is not None]

    def _with_uid(self, url: str, uid: str) -> _Standing | None:
        found = self._having(url, "UID", uid)
        return next((it for it in found if it.series.uid == uid), None)

    def _written(self, standing: _Standing) -> Written:
        own = self._home.addresses()

        def guests_alone(event: Event) -> Event:
            return replace(
                event, attendees=tuple(it for it in event.attendees if it.address not in own)
            )

        series = standing.series.each(guests_alone)
        return Written(remote_id=standing.name, etag=standing.etag, series=series)

    def _url_of(self, url: str, name: RemoteId) -> str:
        return self._client.resolve(url, href_of(url, name))


def _name(token: str) -> RemoteId:
    return RemoteId(f"{token}.ics")


def _is_written_by(text: bytes, origin: str) -> bool:
    """Tell whether an object carries an instance's mark; one that cannot be read might."""
    if ORIGIN.encode() not in text.upper():
        return False
    try:
        return _mark(text, ORIGIN) == origin
    except InvalidCalendarObject:
        return origin.encode() in text


def _mark(text: bytes, name: str) -> str:
    lines = (line for event in read_tree(text).every("VEVENT") for line in event.named({name}))
    return next((text_value(parts_of(line)[1]) for line in lines), "")


def _is_ours(standing: _Standing, desired: Desired) -> bool:
    """Tell whether an object was written for the booking; some servers drop what marks it."""
    if standing.series.uid != desired.series.uid:
        return False
    return standing.token == desired.token or (
        not standing.token and standing.name == _name(desired.token)
    )


def _is_same(now: Written, base: Written) -> bool:
    """Tell whether an event is as it was, by what it says where there is no ETag to tell."""
    if now.etag is not None and base.etag is not None:
        return now.etag == base.etag
    return _told(now.series) == _told(base.series)


def _told(series: EventSeries) -> str:
    """Write what a series says; some servers set its stamps to the time of asking."""

    def unstamped(event: Event) -> Event:
        return replace(event, created=None, last_modified=None)

    return series_text(series.each(unstamped))


def _is_cancelled(standing: _Standing) -> bool:
    master = standing.series.master
    return master is not None and master.status is Status.CANCELLED


def _invited(series: EventSeries) -> set[str]:
    """Return the guests whom the server invites."""
    everyone = (it for event in series.events() for it in event.attendees)
    return {it.address for it in everyone if it.schedule_agent in ("", "SERVER")}


def _with_link(event: Event) -> Event:
    """Put the link of a meeting where programs look that do not know CONFERENCE."""
    link = event.conference_url
    # Radicale 3.9 cuts that property at the first of these, and leaves all others whole
    event = replace(event, conference_url=link.replace(",", "%2C").replace(";", "%3B"))
    if not link or any(link in text for text in (event.url, event.location, event.description)):
        return event
    if not event.url:
        return replace(event, url=link)
    return event if event.location else replace(event, location=link)
