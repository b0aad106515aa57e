"""One listing of one calendar: what is there, or what changed, and the objects themselves.

Objects are asked for in batches. One object can spoil its batch, by characters that XML has none
for, by its size, or by a defect of the server; then the batch is halved until the others are read,
and the one is called unreadable and asked for again with the next pull.

A server that fails on everything is not taken for one with unreadable objects.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import islice
from typing import NamedTuple, TypeVar

from bridge.errors import ProviderError, RemoteNotFound, RemoteRejected, UnreadableAnswer
from bridge.provider import (
    CalendarId,
    ETag,
    Item,
    Page,
    RemoteId,
    SeriesRemoved,
    Unchanged,
    Unreadable,
)
from bridge.providers.caldav import translate, wire
from bridge.providers.caldav.client import Client, ServerFailed, href_of
from bridge.providers.caldav.envelope import Envelope, mark, same_content, same_etag
from bridge.providers.caldav.wire import (
    CALENDAR_DATA,
    DAV,
    GETCTAG,
    GETETAG,
    RESOURCETYPE,
    SUPPORTED_REPORTS,
    SYNC_COLLECTION,
    SYNC_TOKEN,
    Reply,
)

_BATCH = 64
_MAX_ROUNDS = 200
"""Of a sync that the server cuts into parts."""
_MAX_STUMBLES = 40
"""Batches that may fail in one pull before the server, not an object, is at fault."""
_MAX_SINGLES = 100
"""Objects that are fetched one by one in one pull, where a multiget leaves them out."""
_MAX_AGAIN = 50
"""Objects that are asked for again; the others wait until they change or all are listed."""
_GONE = {404, 410}
_INSUFFICIENT_STORAGE = 507

_T = TypeVar("_T")


class Member(NamedTuple):
    """An object as a listing names it."""

    href: str
    """As the server spells it."""
    etag: str
    """As it came, empty where there is none."""


class Object(NamedTuple):
    """An object as it was delivered."""

    item: Item
    mark: str
    """Empty where it is to be asked for again."""
    failure: ServerFailed | None = None


class Pull:
    """One listing; make a new one for each."""

    def __init__(
        self,
        client: Client,
        calendar: CalendarId,
        url: str,
        owner: str,
        *,
        reading: Callable[[RemoteId, ETag | None, str | bytes], Item] | None = None,
    ) -> None:
        """Make a listing without touching the network.

        Args:
            client: sends.
            calendar: its id.
            url: where it is.
            owner: mail address whose replies count.
            reading: reads an object by its name, ETag and text; None: as events to be pulled.
        """
        self._client = client
        self._calendar = calendar
        self._url = url
        self._reading = reading or partial(translate.calendar_object, owner=owner)
        self._what = f"calendar {calendar}"
        self._stumbles = 0
        self._singles = 0

    def everything(self) -> Iterator[Page]:
        """Yield all objects.

        The token is older than the listing: what changes meanwhile is told once more, never lost.
        """
        state = self._state()
        members = self._members()
        marks: dict[str, str] = {}
        unreadable: list[Unreadable] = []
        for objects in self._fetch(members):
            marks |= {name: each.mark for name, each in objects.items()}
            items = [each.item for each in objects.values()]
            unreadable += [
                item for item in items if isinstance(item, Unreadable) and not item.remains
            ]
            yield Page([item for item in items if not isinstance(item, SeriesRemoved)], full=True)
        if unreadable and len(unreadable) == len(members):
            raise UnreadableAnswer(
                f"{self._what}: none of its objects can be read; {unreadable[0].reason}"
            )
        synced = SYNC_COLLECTION in state.tags(SUPPORTED_REPORTS)
        sync_token = state.text(SYNC_TOKEN) if synced else ""
        missed = tuple(name for name, content in marks.items() if not content)
        if sync_token:
            envelope = Envelope(self._calendar, sync_token, again=missed)
        else:
            ctag = "" if missed else state.text(GETCTAG)
            envelope = Envelope(self._calendar, ctag=ctag, marks=marks)
        yield Page(token=envelope.write(), full=True)

    def since(self, known: Envelope) -> Iterator[Page]:
        """Yield what changed since a sync token (RFC 6578)."""
        changed, token = self._synced(known.sync_token)
        gone = [name for name, member in changed.items() if member is None]
        if gone:
            yield Page([SeriesRemoved(RemoteId(name)) for name in gone])
        again = {
            name: Member(href_of(self._url, name), "")
            for name in known.again
            if name not in changed
        }
        asked = {name: member for name, member in changed.items() if member is not None}
        missed: list[str] = []
        for objects in self._fetch({**asked, **again}, failing=again):
            missed += [name for name, each in objects.items() if not each.mark]
            yield Page([each.item for each in objects.values()])
        yield Page(token=Envelope(self._calendar, token, again=tuple(missed)).write())

    def by_etags(self, known: Envelope) -> Iterator[Page]:
        """Yield what changed since a listing of ETags; nothing is listed while the ctag stands.

        What a listing leaves out is not known to be deleted, so that it comes as a full listing,
        which may be doubted, and never as deletions, which are believed.
        """
        ctag = self._state().text(GETCTAG)
        if ctag and ctag == known.ctag:
            yield Page(token=known.write())
            return
        members = self._members()
        marks = {name: content for name, content in known.marks.items() if name in members}
        full = len(marks) < len(known.marks)
        asked = {
            name: member
            for name, member in members.items()
            if not same_etag(marks.get(name, ""), member.etag)
        }
        if full:
            yield Page([Unchanged(RemoteId(name)) for name in marks.keys() - asked], full=True)
        failing = [name for name, content in known.marks.items() if not content]
        for objects in self._fetch(asked, failing=failing):
            # An ETag that changed by itself, or is missing, is no change of the object.
            yield Page(
                [
                    each.item
                    for name, each in objects.items()
                    if full or not each.mark or not same_content(marks.get(name, ""), each.mark)
                ],
                full=full,
            )
            marks |= {name: each.mark for name, each in objects.items()}
        complete = all(marks.values())
        token = replace(known, ctag=ctag if complete else "", marks=marks).write()
        yield Page(token=token, full=full)

    def _state(self) -> Reply:
        names = (GETCTAG, SYNC_TOKEN, SUPPORTED_REPORTS)
        found = self._client.propfind(self._url, names, depth=0, what=self._what)
        own = found.own()
        self._refuse_missing(own)
        if own is None:
            raise UnreadableAnswer(f"{self._what}: the server says nothing of the calendar itself")
        return own

    def _members(self) -> dict[str, Member]:
        found = self._client.propfind(self._url, (GETETAG, RESOURCETYPE), depth=1, what=self._what)
        self._refuse_missing(found.own())
        if any(reply.status == _INSUFFICIENT_STORAGE for reply in found.replies):
            raise UnreadableAnswer(f"{self._what}: the server lists only a part of the calendar")
        return {
            name: Member(reply.href, reply.text(GETETAG))
            for name, reply in found.members(self._what)
            if reply.status not in _GONE and f"{DAV}collection" not in reply.tags(RESOURCETYPE)
        }

    def _refuse_missing(self, own: Reply | None) -> None:
        # Xandikos 0.4 answers 207 and hides the 404 inside.
        if own is not None and own.status in _GONE:
            raise RemoteNotFound(f"{self._what} is not there", hint="it may have been deleted")

    def _synced(self, token: str) -> tuple[dict[str, Member | None], str]:
        """Follow a sync to its end; None stands for objects that are gone."""
        changed: dict[str, Member | None] = {}
        for _ in range(_MAX_ROUNDS):
            found = self._client.sync(self._url, token, what=self._what)
            for name, reply in found.members(self._what):
                gone = reply.status in _GONE
                changed[name] = None if gone else Member(reply.href, reply.text(GETETAG))
            before, token = token, found.answer.sync_token
            # RFC 6578 section 3.6: 507 for the collection means that there is more.
            if not any(reply.status == _INSUFFICIENT_STORAGE for reply in found.replies):
                break
            if token == before:
                raise UnreadableAnswer(f"{self._what}: the server repeats a part of its changes")
        else:
            raise UnreadableAnswer(f"{self._what}: the server's changes have no end")
        if not token:
            raise UnreadableAnswer(f"{self._what}: the server gives no sync token")
        return changed, token

    def _fetch(
        self, members: Mapping[str, Member], *, failing: Iterable[str] = ()
    ) -> Iterator[dict[str, Object]]:
        """Yield the objects in batches.

        Args:
            members: what is asked for.
            failing: objects of which it is known that they cannot be delivered.

        Raises:
            ProviderError: a batch failed, or the server failed on everything that is new.
        """
        known = frozenset(failing)
        delivered = missed = 0
        failure: ServerFailed | None = None
        for batch in _batches(members.items(), _BATCH):
            objects = self._batch(batch)
            for name, each in objects.items():
                if each.mark:
                    delivered += 1
                    continue
                missed += 1
                if missed > _MAX_AGAIN:
                    objects[name] = each._replace(mark=mark(members[name].etag, ""))
                if name not in known:
                    failure = failure or each.failure
            yield objects
        if failure is not None and not delivered:
            raise failure

    def _batch(self, batch: Sequence[tuple[str, Member]]) -> dict[str, Object]:
        try:
            hrefs = [member.href for _, member in batch]
            found = self._client.multiget(self._url, hrefs, what=self._what)
        except ProviderError as err:
            self._stumbles += 1
            if not _may_be_one_object(err) or self._stumbles > _MAX_STUMBLES:
                raise
            if len(batch) == 1:
                return {batch[0][0]: _undelivered(batch[0][0], err)}
            half = len(batch) // 2
            return self._batch(batch[:half]) | self._batch(batch[half:])
        replies = dict(found.members(self._what))
        return {name: self._object(name, member, replies.get(name)) for name, member in batch}

    def _object(self, name: str, member: Member, reply: Reply | None) -> Object:
        remote_id = RemoteId(name)
        if reply is None:
            return self._single(remote_id, member)
        if reply.status in _GONE:
            return Object(SeriesRemoved(remote_id), mark("", ""))
        data = reply.text(CALENDAR_DATA)
        if not data:
            return Object(Unreadable(remote_id, "the server withholds its content"), "")
        return self._read(remote_id, reply.text(GETETAG) or member.etag, data)

    def _single(self, name: RemoteId, member: Member) -> Object:
        """Fetch an object that a multiget left out: Xandikos 0.4 misreads hrefs with `%23`."""
        self._singles += 1
        if self._singles > _MAX_SINGLES:
            return Object(Unreadable(name, "the server lists it and does not deliver it"), "")
        try:
            url = self._client.resolve(self._url, member.href)
            response = self._client.get(url, what=self._what)
        except RemoteNotFound:
            return Object(SeriesRemoved(name), mark("", ""))
        except (RemoteRejected, UnreadableAnswer, ServerFailed) as err:
            return _undelivered(name, err)
        etag = response.headers.get("etag", "") or member.etag
        return self._read(name, etag, response.body)

    def _read(self, name: RemoteId, etag: str, data: str | bytes) -> Object:
        item = self._reading(name, translate.strong_etag(etag), data)
        return Object(item, mark(etag, data))


def _undelivered(name: str, err: ProviderError) -> Object:
    item = Unreadable(RemoteId(name), f"cannot be delivered: {err}")
    return Object(item, "", err if isinstance(err, ServerFailed) else None)


def _may_be_one_object(err: ProviderError) -> bool:
    return isinstance(err, wire.BrokenXml | ServerFailed) or err.code == "too_large"


def _batches(items: Iterable[_T], size: int) -> Iterator[list[_T]]:
    rest = iter(items)
    while batch := list(islice(rest, size)):
        yield batch
