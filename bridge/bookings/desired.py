"""From a revision and the defaults of its resource to what its event is to be. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta, tzinfo

from bridge.bookings import revising
from bridge.bookings.draft import Draft, parse
from bridge.config.booking import EventDefaults, Meeting, Reminder, Visibility
from bridge.config.plan import ResourcePlan
from bridge.errors import InvalidCalendarObject
from bridge.ical.compose import series_text
from bridge.ical.parse import parse_calendar
from bridge.model.conference import Conference, ConferenceKind, ConferenceState
from bridge.model.event import (
    Alarm,
    Attendee,
    Class,
    Event,
    EventSeries,
    EventTime,
    Floating,
    PartStat,
    Period,
    ShowAs,
)
from bridge.model.remote import ETag, RemoteId
from bridge.sink import Desired, Written
from bridge.store.bookings import BookingRow

CLASSES: Mapping[Visibility, Class] = {
    Visibility.PRIVATE: Class.PRIVATE,
    Visibility.CONFIDENTIAL: Class.CONFIDENTIAL,
}
_ACTIONS = {"popup": "DISPLAY", "email": "EMAIL"}
_SHOWN = ("TRANSP", "STATUS", "X-MICROSOFT-CDO-BUSYSTATUS")
NOTIFY = "X-BUSYBRIDGE-NOTIFY"
"""TRUE or FALSE: whether guests are told of this booking, whatever its resource says."""
_RULE = "\n\n-- \n"
"""Begins what we add to a description; `plain` takes it away again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """What is to be done at the provider."""

    desired: Desired | None
    """None: the event is to go."""
    base: Written | None
    """What stands there, as it was last seen; None: nothing that is known. Whoever may have written
    before (`Claim.is_retry`) looks with `find` first."""
    meeting: ConferenceKind | None
    """Which meeting it is to have."""
    conference: Conference | None
    """The meeting that it has, of whatever kind: another one goes when it is of another kind."""
    notify: bool
    """Whether guests are mailed: `Desired.notify`, unless their client tells all of them itself."""

    @property
    def is_native(self) -> bool:
        """Whether the provider makes the meeting with the event."""
        return self.desired is not None and self.desired.conference is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Organizer:
    """Who invites, and for whom."""

    origin: str
    """The instance."""
    account: str
    """Mail address of the write account; empty where it is not known."""
    guest: str
    """Mail address of the login that booked; empty where it has none."""
    zone: tzinfo
    """Of floating times."""


def defaults(draft: Draft, plan: ResourcePlan) -> EventDefaults:
    """Settle the defaults of a booking: those of its type over those of its resource."""
    if draft.event_type is None:
        return plan.event_defaults
    own = draft.event_type.event_defaults
    update = {
        name: value for name in own.model_fields_set if (value := getattr(own, name)) is not None
    }
    return plan.event_defaults.model_copy(update=update)


def notifies(draft: Draft, plan: ResourcePlan) -> bool:
    """Tell whether the guests of a booking are told: as it says itself, else its defaults."""
    return _notified(draft.said, defaults(draft, plan).notify_attendees)


def _notified(said: Mapping[str, str], otherwise: bool) -> bool:  # noqa: FBT001 - of two
    """Tell whether guests are told, as their booking says, or otherwise."""
    word = said.get(NOTIFY, "").strip().upper()
    return word == "TRUE" if word in ("TRUE", "FALSE") else otherwise


def wanted_meeting(draft: Draft, plan: ResourcePlan, booking: BookingRow) -> Meeting:
    """Tell which meeting a booking is to have.

    What the client names itself wins; else the one that it has stays; else its type or its
    resource decides.
    """
    if draft.asked is not None:
        return draft.asked
    if booking.meeting_kind:
        return Meeting(booking.meeting_kind)
    if draft.event_type is not None and draft.event_type.conference is not None:
        return draft.event_type.conference
    return defaults(draft, plan).conference


def intent(
    draft: Draft | None,
    booking: BookingRow,
    plan: ResourcePlan,
    organizer: Organizer,
    natively: Collection[ConferenceKind],
) -> Intent:
    """Say what is to be done.

    Args:
        draft: the revision that is proposed; None: the booking goes.
        booking: as it stands.
        plan: of its resource.
        organizer: who invites.
        natively: meetings that the provider makes itself, the preferred one first.
    """
    conference = conference_of(booking)
    if draft is None:
        return Intent(
            desired=None,
            base=base_of(booking),
            meeting=None,
            conference=conference,
            notify=_tells_of_the_end(booking, plan, organizer),
        )
    settled = defaults(draft, plan)
    meeting = _kind(wanted_meeting(draft, plan, booking), natively)
    series = _settled(plain(draft.series, booking.meeting_url), draft, settled, organizer)
    told = _tells(series, draft, settled)
    native = meeting if meeting in natively else None
    if (
        native is None
        and conference is not None
        and conference.kind is meeting
        and conference.state is ConferenceState.READY
    ):
        series = with_link(series, conference)
    desired = Desired(
        token=booking.token,
        origin=organizer.origin,
        series=series,
        conference=native,
        notify=_notified(draft.said, settled.notify_attendees),
    )
    return Intent(
        desired=desired,
        base=base_of(booking),
        meeting=meeting,
        conference=conference,
        notify=told,
    )


def base_of(booking: BookingRow) -> Written | None:
    """Give what stood at the provider when it was last seen."""
    if not booking.remote_id or not booking.written:
        return None
    found = parse_calendar(booking.written, whole=True).series
    if not found:
        return None
    return Written(
        remote_id=RemoteId(booking.remote_id),
        etag=None if booking.remote_etag is None else ETag(booking.remote_etag),
        series=found[0].series,
        conference=conference_of(booking),
        uid=booking.remote_uid,
    )


def written_text(series: EventSeries) -> str:
    """Write what stands at the provider, as `base_of` reads it; empty where that cannot be said."""
    try:
        return series_text(series)
    except InvalidCalendarObject:  # a zone without a name: it is read anew before the next change
        return ""


def conference_of(booking: BookingRow) -> Conference | None:
    """Give the meeting that a booking has."""
    if not booking.meeting_kind or not booking.meeting_state:
        return None
    return Conference(
        ConferenceKind(booking.meeting_kind),
        ConferenceState(booking.meeting_state),
        booking.meeting_reference,
        booking.meeting_url,
        booking.meeting_details,
        booking.meeting_reason,
        booking.meeting_maker,
    )


def with_link(series: EventSeries, conference: Conference) -> EventSeries:
    """Put the link of a meeting where guests look for it, without harm to what is there.

    Its place is LOCATION where that is empty, else the end of the description.
    """

    def linked(event: Event) -> Event:
        event = replace(event, conference_url=conference.join_url)
        told = conference.details.strip()
        if not event.location.strip():
            event = replace(event, location=conference.join_url)
        else:
            told = f"{conference.join_url}\n{told}".strip()
        if told:
            event = replace(event, description=f"{event.description}{_RULE}{told}")
        return event

    return series.each(linked)


def plain(series: EventSeries, link: str) -> EventSeries:
    """Take out what we put in for a meeting: what is left is the client's own."""

    def unlinked(event: Event) -> Event:
        description = event.description.partition(_RULE)
        ours = link and link in description[2]
        return replace(
            event,
            conference_url="" if event.conference_url == link else event.conference_url,
            location="" if event.location == link else event.location,
            url="" if event.url == link else event.url,
            description=description[0] if ours else event.description,
        )

    return series.each(unlinked) if link else series


def _kind(meeting: Meeting, natively: Collection[ConferenceKind]) -> ConferenceKind | None:
    match meeting:
        case Meeting.NONE:
            return None
        case Meeting.AUTO:
            return next(iter(natively), ConferenceKind.ZOOM)
        case _:
            return ConferenceKind(meeting.value)


def _settled(
    series: EventSeries, draft: Draft, settled: EventDefaults, organizer: Organizer
) -> EventSeries:
    visibility = CLASSES.get(settled.visibility) if "CLASS" not in draft.said else None
    show_as = None
    if settled.show_as != "busy" and not any(name in draft.said for name in _SHOWN):
        show_as = ShowAs(settled.show_as)

    others = [
        guest
        for event in series.events()
        for guest in event.attendees
        if guest.address not in (_mailto(organizer.account), _mailto(organizer.guest))
    ]
    agent = "CLIENT" if others and all(it.is_told_elsewhere for it in others) else ""

    def change(event: Event) -> Event:
        return replace(
            _placed(event, organizer.zone),
            classification=visibility or event.classification,
            show_as=show_as or event.show_as,
            alarms=_alarms(event.alarms, settled.reminders),
            organizer=None,
            attendees=_guests(event, organizer, agent),
        )

    return series.each(change)


def _tells(series: EventSeries, draft: Draft, settled: EventDefaults) -> bool:
    return _notified(draft.said, settled.notify_attendees) and not series.is_told_elsewhere


def _tells_of_the_end(booking: BookingRow, plan: ResourcePlan, organizer: Organizer) -> bool:
    """Say whether guests hear that a booking goes: those who heard of it, and no stranger."""
    try:
        draft = parse(booking.text, plan)
    except InvalidCalendarObject:  # it has to go all the same
        return _notified(revising.said(booking.text), plan.event_defaults.notify_attendees)
    settled = defaults(draft, plan)
    return _tells(_settled(draft.series, draft, settled, organizer), draft, settled)


def _alarms(
    own: tuple[Alarm, ...] | None, reminders: tuple[Reminder, ...] | None
) -> tuple[Alarm, ...] | None:
    if own is not None or reminders is None:
        return own
    return alarms_of(reminders)


def alarms_of(reminders: Iterable[Reminder]) -> tuple[Alarm, ...]:
    """Give reminders as the VALARMs that they are."""
    return tuple(Alarm(timedelta(minutes=it.minutes), _ACTIONS[it.method]) for it in reminders)


def _mailto(address: str) -> str:
    return f"mailto:{address}" if address else ""


def _guests(event: Event, organizer: Organizer, agent: str) -> tuple[Attendee, ...]:
    """Give the guests: never the account itself; who booked by another address comes, too.

    Of those whom nobody mails they are one: a provider mails all guests, or none.
    """
    account, guest = _mailto(organizer.account), _mailto(organizer.guest)
    found = [it for it in event.attendees if it.address != account]
    if guest and guest != account:
        mine = next((it for it in found if it.address == guest), Attendee(guest))
        found = [it for it in found if it.address != guest]
        said = mine.schedule_agent or agent
        found.append(replace(mine, partstat=PartStat.ACCEPTED, rsvp=False, schedule_agent=said))
    return tuple(found)


def _placed(event: Event, zone: tzinfo) -> Event:
    """Give floating times the resource's zone: a provider would take its own."""

    def at(moment: EventTime) -> EventTime:
        return moment.wall.replace(tzinfo=zone) if isinstance(moment, Floating) else moment

    return replace(
        event,
        start=at(event.start),
        end=at(event.end),
        recurrence_id=None if event.recurrence_id is None else at(event.recurrence_id),
        rdates=tuple(
            replace(it, start=at(it.start)) if isinstance(it, Period) else at(it)
            for it in event.rdates
        ),
        exdates=tuple(map(at, event.exdates)),
    )
