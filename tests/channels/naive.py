"""Parts of a bridge that are deliberately naive about notifications: ours, but for one thing.

`tests.channels.telling` tries them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from bridge.channels.hearing import Hearing
from bridge.channels.keeper import Keeper
from bridge.channels.standing import Tended
from bridge.errors import RemoteRejected
from bridge.model.resource import ConnectionId
from bridge.notifier import Channel, News, Notice, Notifier, Watch
from bridge.providers.microsoft.push import _LONGEST, MicrosoftSubscriptions
from bridge.scheduler.pace import Verdict
from bridge.scheduler.pulls import Job, Pulls
from bridge.store import channels, schedule
from bridge.store.channels import ChannelRow, ChannelState
from tests.channels.house import DAY

Part: TypeAlias = type[Keeper] | type[Hearing] | type[Pulls]
"""Who keeps channels, who hears what is posted, or who decides when something is pulled."""
_USUAL = 6 * DAY
"""Seconds that channels last at providers that give what they were asked for; a little less."""


class NeverPolls(Pulls):
    """Whoever is told of every change need not look for any."""

    def _judge(self, job: Job, *args: Any) -> Verdict:
        verdict, tended = super()._judge(job, *args), args[-1]
        return verdict._replace(next_due=tended.due_at) if tended.healthy else verdict


class FailsWithItsChannels(Pulls):
    """What the provider refuses is a failure of the connection."""

    def _judge(self, job: Job, plan: Any, outcome: Any, *args: Any) -> Verdict:
        with self._ground.database.read() as conn:
            rows = channels.of_connection(conn, job.connection_id)
        for row in rows:
            if row.state is ChannelState.FAILED:
                outcome = None, RemoteRejected(row.error_message)
        return super()._judge(job, plan, outcome, *args)


class NeverDoubts(Keeper):
    """A channel that is open tells of everything."""

    def tend(self, connection_id: ConnectionId, *claim: Any, **_: Any) -> Tended:
        return super().tend(connection_id, *claim)


class DoubtsForGood(Keeper):
    """A channel that did not tell of a change before it was found never will."""

    is_deaf = False

    def tend(self, connection_id: ConnectionId, *claim: Any, surprised: bool = False) -> Tended:
        self.is_deaf = self.is_deaf or surprised
        tended = super().tend(connection_id, *claim, surprised=surprised)
        return Tended() if self.is_deaf else tended


class BelievesAtOnce(Keeper):
    """What the provider opened will be heard of."""

    def _keep(self, row: ChannelRow, latest: ChannelRow | None, opened: Channel) -> bool:
        return super()._keep(row, latest, replace(opened, confirmed=True))


class ReplacesTheSilent(Keeper):
    """A channel that has told nothing by the next pull is broken."""

    def _watch(self, work: Any, row: Any, known: Sequence[ChannelRow]) -> bool:
        return super()._watch(work, row, [each for each in known if each.confirmed_at])


class PullsForEachMessage(Hearing):
    """A message is a change, and a change is read at once."""

    def _take(self, row: ChannelRow, claim: Notice) -> bool:
        if claim.news is News.CONFIRMED:
            return super()._take(row, claim)
        with self._database.write() as conn:
            schedule.mark(conn, [row.connection_id], self._clock())
        return True


class AsksAgainAtOnce(Keeper):
    """A refusal may be a mistake."""

    def _pause(self, *_: Any) -> int:
        return 1


class GivesUpForGood(Keeper):
    """Who was refused will be refused again."""

    def _pause(self, *_: Any) -> int:
        return 3650 * DAY


class TakesItsEndForGranted(Keeper):
    """A channel lasts as long as it was asked for; its answer need not be read."""

    def _keep(self, row: ChannelRow, latest: ChannelRow | None, opened: Channel) -> bool:
        return super()._keep(row, latest, replace(opened, expires=row.made_at + _USUAL))


class RenewsWhenItPolls(Keeper):
    """The next poll is soon enough for whatever has to be renewed."""

    def tend(self, connection_id: ConnectionId, *claim: Any, **named: Any) -> Tended:
        return super().tend(connection_id, *claim, **named)._replace(due_at=None)


class TakesConflictForDone(Keeper):
    """If there is one already, it will be ours."""

    @dataclass
    class Content:
        notifier: Notifier

        def watch(self, wanted: Watch) -> Channel:
            try:
                return self.notifier.watch(wanted)
            except RemoteRejected:
                end = wanted.asked_at + _USUAL
                return Channel(wanted.id, wanted.calendar, "", end, confirmed=True)

        def renew(self, channel: Channel, wanted: Watch) -> Channel:
            return self.notifier.renew(channel, wanted)

        def stop(self, channel: Channel) -> None:
            self.notifier.stop(channel)

    def _notifier(self, connection_id: ConnectionId) -> Notifier | None:
        notifier = super()._notifier(connection_id)
        return notifier and self.Content(notifier)


class AsksForTheLongestAlone(Keeper):
    """What the documentation allows is given everywhere."""

    class Longest(MicrosoftSubscriptions):
        def _ask(self, method: str, path: str, asked: Any, now: int) -> Any:
            return self._ask_until(now + _LONGEST, method, path, asked)

    def _notifier(self, connection_id: ConnectionId) -> Notifier | None:
        notifier = super()._notifier(connection_id)
        assert isinstance(notifier, MicrosoftSubscriptions)
        return self.Longest(notifier._client)
