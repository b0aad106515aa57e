"""A Zoom account as a maker of meetings.

Zoom has no idempotency key and no search. What a meeting was made for stands in its agenda, of
which listings show the beginning; but a listing may lack a meeting for some moments after it was
made. Nothing here waits for that: an error after which nobody knows whether a meeting was made asks
for a pause that is long enough (`retry_after`), and whoever tries again asks `find` first.
"""

from __future__ import annotations

import logging
from datetime import timedelta

from bridge.config.booking import ZoomMeeting
from bridge.errors import (
    ProviderError,
    RateLimited,
    RemoteNotFound,
    TemporarilyUnavailable,
    UnreadableAnswer,
)
from bridge.model.conference import Conference, ConferenceKind
from bridge.model.event import EventSeries
from bridge.provider import Account, Provider
from bridge.providers.zoom import translate, wire
from bridge.providers.zoom.client import Client
from bridge.providers.zoom.refusals import NoSuchTimes, Over
from bridge.providers.zoom.translate import Plan

_LISTED = timedelta(minutes=1)
"""After which a listing has what was made."""
logger = logging.getLogger(__name__)


def open_account(account: Account, api_url: str, settings: ZoomMeeting) -> Provider:
    """Open an account without touching the network."""
    client = Client(account.http, api_url, account.acts_for)

    def reach() -> None:
        client.user()

    return Provider(conferences=ZoomMeetings(client, settings), reach=reach)


class ZoomMeetings:
    """Implements `bridge.sink.ConferenceMaker`."""

    kind = ConferenceKind.ZOOM

    def __init__(self, client: Client, settings: ZoomMeeting) -> None:
        """Open without touching the network.

        Args:
            client: speaks for the host.
            settings: how meetings are held.
        """
        self._client = client
        self._settings = settings

    def find(self, token: str) -> Conference | None:
        """Find the meeting that an earlier try made; of several the first one."""
        marked = [it for it in self._client.listing() if translate.is_marked(it, token)]
        for each in sorted(marked, key=lambda it: (it.created_at, it.id)):
            try:
                return translate.conference(self._client.meeting(str(each.id)))
            except RemoteNotFound:  # deleted between the two questions
                continue
        return None

    def create(self, token: str, series: EventSeries) -> Conference:
        """Make a meeting; see `ConferenceMaker`."""
        wanted = translate.plan(series)
        try:
            try:
                made = self._client.create(self._whole(wanted, token))
            except NoSuchTimes:
                wanted = wanted.timeless()
                made = self._client.create(self._whole(wanted, token))
        except RateLimited:
            raise
        except (TemporarilyUnavailable, UnreadableAnswer) as err:
            text = f"nobody knows whether the meeting was made: {err}"
            raise TemporarilyUnavailable(text, retry_after=_LISTED) from err
        try:
            self._check_times(made, wanted)
        except ProviderError as err:
            # It is made, and its link is good: an error would say that it is not.
            logger.warning("a meeting at Zoom keeps times that its event has not: %s", err)
        return translate.conference(made)

    def update(self, reference: str, series: EventSeries) -> Conference:
        """Bring title and times in line; how it is held may be the host's own decision by now."""
        wanted = translate.plan(series)
        try:
            self._client.change(reference, wanted.meeting)
        except NoSuchTimes:
            wanted = wanted.timeless()
            self._client.change(reference, wanted.meeting)
        made = self._client.meeting(reference)
        self._check_times(made, wanted)
        return translate.conference(made)

    def is_in_line(self, reference: str, series: EventSeries) -> bool:
        """Look whether title and times are the event's; see `ConferenceMaker`."""
        return translate.is_as_planned(self._client.meeting(reference), translate.plan(series))

    def cancel(self, reference: str) -> bool:
        """Delete a meeting; one that is over, or gone already, is no error."""
        try:
            self._client.delete(reference)
        except RemoteNotFound:
            return False
        except Over:
            return True
        return True

    def _whole(self, wanted: Plan, token: str) -> wire.Meeting:
        settings = translate.settings(self._settings)
        return translate.with_more(wanted.meeting, agenda=translate.mark(token), settings=settings)

    def _check_times(self, made: wire.Made, wanted: Plan) -> None:
        """Take times away that are not those of the event.

        Zoom makes the present of a start that has passed, or keeps the one before.
        """
        if wanted.starts and not translate.takes_place_at(made, wanted.starts):
            self._client.change(str(made.id), wanted.timeless().meeting)
