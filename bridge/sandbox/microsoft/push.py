"""Subscriptions, and the notifications to them.

https://learn.microsoft.com/graph/change-notifications-delivery-webhooks
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import quote, urlsplit

import httpx2

from bridge.sandbox.description import Description, Undescribed
from bridge.sandbox.microsoft import times
from bridge.sandbox.microsoft.calls import Call, Collection, Created
from bridge.sandbox.microsoft.directory import Directory
from bridge.sandbox.microsoft.errors import GraphError
from bridge.sandbox.microsoft.mailbox import Calendar, Item, Mailbox, event_id
from bridge.sandbox.microsoft.series import whole
from bridge.sandbox.microsoft.shown import etag
from bridge.sandbox.microsoft.times import Json
from bridge.sandbox.posting import Message, Poster

LIFECYCLE = ("missed", "subscriptionRemoved", "reauthorizationRequired")
_LONGEST, _SHORTER = timedelta(minutes=10_070), timedelta(minutes=4_230)
_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_CHANGES = ("created", "updated", "deleted")
_RESOURCE = re.compile(
    r"/?(?:me|users/(?P<user>[^/']+))(?:/calendar|/calendars/(?P<calendar>[^/]+))?/events/?",
    re.IGNORECASE,
)
_PATIENCE = 10.0


class Unvalidated(Exception):
    """Addresses have to prove first that they want notifications."""

    def __init__(self, addresses: frozenset[str]) -> None:
        super().__init__("not validated")
        self.addresses = addresses


@dataclass(slots=True)
class Subscription:
    """One of them."""

    id: str
    client: str
    creator: str
    tenant: str
    box: str
    """Object id of whose mailbox it is."""
    calendar: str
    """Empty for all calendars."""
    resource: str
    changes: frozenset[str]
    url: str
    lifecycle_url: str
    state: str
    expires: datetime
    is_immutable: bool
    is_halted: bool = False
    """Whether it waits to be authorised again."""


class Push:
    """All subscriptions."""

    def __init__(self, directory: Directory, description: Description) -> None:
        self._directory = directory
        self._world = directory.world
        self._description = description
        self._subscriptions: dict[str, Subscription] = {}
        self.poster = Poster(directory.world)
        directory.listeners.append(self._changed)

    def create(self, call: Call) -> Created:
        """Subscribe; the addresses are asked before the answer goes out."""
        body = call.body
        box, calendar = self._resource(call, body.get("resource") or "")
        urls = [body.get("notificationUrl") or "", body.get("lifecycleNotificationUrl") or ""]
        changes = frozenset(each.strip() for each in (body.get("changeType") or "").split(","))
        if not changes <= {*_CHANGES}:
            raise _invalid("The changeType is not valid.")
        if len(body.get("clientState") or "") > 128:
            raise _invalid("The clientState is too long.")
        expires = self._expiry(body, box)
        self._check(call, urls)
        if box.faults.happens("subscription_conflict"):
            raise GraphError(409, "Conflict", "A subscription for this resource exists already.")
        made = Subscription(
            self._directory.guid(),
            call.sender.client,
            call.sender.user.id if call.sender.user else call.sender.client,
            box.tenant,
            box.id,
            calendar,
            body["resource"],
            changes,
            urls[0],
            urls[1],
            body.get("clientState") or "",
            self._cut(expires, box),
            call.wishes.is_immutable,
        )
        self._subscriptions[made.id] = made
        return Created({**_shown(made), "clientState": made.state or None})

    def listing(self, call: Call) -> Collection:
        """List the sender's subscriptions."""
        mine = [each for each in list(self._subscriptions.values()) if self._is_mine(call, each)]
        return Collection([_shown(each) for each in mine])

    def get(self, call: Call) -> Json:
        """Show a subscription."""
        return _shown(self._found(call))

    def renew(self, call: Call) -> Json:
        """Let a subscription live longer; that authorises it again, too."""
        found = self._found(call)
        box = self._directory.mailboxes[found.box]
        expires = self._expiry(call.body, box)
        if url := call.body.get("notificationUrl"):
            self._check(call, [url])
            found.url = url
        found.expires, found.is_halted = self._cut(expires, box), False
        return _shown(found)

    def reauthorize(self, call: Call) -> None:
        """Authorise a subscription again."""
        self._found(call).is_halted = False

    def delete(self, call: Call) -> None:
        """End a subscription; messages on their way still arrive."""
        del self._subscriptions[self._found(call).id]

    def of(self, box: Mailbox) -> list[Subscription]:
        """Return the subscriptions of a mailbox that are alive."""
        every = self._subscriptions.values()
        return [each for each in every if each.box == box.id and each.expires > self._world.now]

    def tell(self, box: Mailbox, event: str) -> None:
        """Send a lifecycle event to everything that is subscribed to a mailbox.

        Args:
            box: whose.
            event: one of `LIFECYCLE`.
        """
        if event not in LIFECYCLE:
            raise ValueError(f"{event!r}: there are {', '.join(LIFECYCLE)}")
        for each in self.of(box):
            if event == "subscriptionRemoved":
                del self._subscriptions[each.id]
            each.is_halted = event == "reauthorizationRequired"
            if each.lifecycle_url:
                note = {**_note(each), "lifecycleEvent": event}
                self._post(box, each.lifecycle_url, [note])

    def validate(self, addresses: frozenset[str]) -> None:
        """Ask addresses whether they want notifications; call it without the world's lock.

        Raises:
            GraphError: 400: one does not answer with the token, as text.
        """
        with self._world.lock:
            identity = self._directory.guid()
        token = (
            "Validation: Testing client application reachability for subscription "
            f"Request-Id: {identity} (100% + 1)"
        )
        with httpx2.Client(timeout=_PATIENCE, trust_env=False) as http:
            for address in sorted(addresses):
                joint = "&" if urlsplit(address).query else "?"
                try:
                    answer = http.post(f"{address}{joint}validationToken={quote(token, safe='')}")
                    kind = answer.headers.get("content-type", "")
                    good = answer.status_code == 200 and kind.startswith("text/plain")
                    good = good and answer.text == token
                except httpx2.HTTPError:
                    good = False
                if not good:
                    raise _invalid(
                        "Subscription validation request failed. Notification endpoint must "
                        "respond with 200 OK to validation request."
                    )

    def _resource(self, call: Call, resource: str) -> tuple[Mailbox, str]:
        found = _RESOURCE.fullmatch(resource)
        if found is None:
            raise _invalid(f"The resource '{resource}' is not supported.")
        name = found["user"]
        box = self._directory.find(name) if name else call.sender.user
        if box is None or box.tenant != call.sender.tenant:
            raise GraphError(404, "ResourceNotFound", "The resource is not found.")
        if call.sender.user is not None and box is not call.sender.user:
            raise GraphError(403, "ErrorAccessDenied")
        calendar = found["calendar"] or ""
        if calendar and calendar not in box.calendars:
            raise GraphError(404, "ResourceNotFound", "The resource is not found.")
        return box, calendar

    def _expiry(self, body: Json, box: Mailbox) -> datetime:
        text = body.get("expirationDateTime")
        if not text:
            raise _invalid("The expirationDateTime is missing.")
        asked = times.bound(text, "expirationDateTime")
        longest = _SHORTER if box.faults.is_on("subscription_limit") else _LONGEST
        if asked <= self._world.now:
            raise _invalid("Subscription expiration is in the past.")
        if asked > self._world.now + longest:
            minutes = int(longest.total_seconds() // 60)
            # Seven days, the documentation says; the service takes ten minutes less.
            text = f"Subscription expiration can only be {minutes} minutes in the future."
            raise GraphError(400, "ExtensionError", text)
        return asked

    def _cut(self, expires: datetime, box: Mailbox) -> datetime:
        short = box.faults.happens("subscription_short")
        return self._world.now + timedelta(seconds=float(short)) if short else expires

    def _check(self, call: Call, urls: list[str]) -> None:
        if not urls[0]:
            raise _invalid("The notificationUrl is missing.")
        given = frozenset(each for each in urls if each)
        for each in given:
            parts = urlsplit(each)
            if not parts.hostname or (parts.scheme != "https" and parts.hostname not in _LOOPBACK):
                # Graph takes https alone; on loopback nobody has a certificate.
                raise _invalid("Notification endpoint must be HTTPS.")
        if not given <= call.validated:
            raise Unvalidated(given)

    def _is_mine(self, call: Call, each: Subscription) -> bool:
        if each.expires <= self._world.now:
            self._subscriptions.pop(each.id, None)
            return False
        sender = call.sender
        creator = sender.user.id if sender.user else sender.client
        return (each.client, each.creator) == (sender.client, creator)

    def _found(self, call: Call) -> Subscription:
        found = self._subscriptions.get(call.path["subscription"])
        if found is None or not self._is_mine(call, found):
            raise GraphError(404, "ResourceNotFound", "The object was not found.")
        return found

    def _changed(self, box: Mailbox, calendar: Calendar, item: Item, kind: str) -> None:
        notes: dict[str, list[Json]] = {}
        for each in self.of(box):
            wanted = each.calendar in ("", calendar.id) and kind in each.changes
            if wanted and not each.is_halted and not box.faults.happens("push_lost"):
                note = {**_note(each), **_resource_data(each, calendar, item, kind)}
                notes.setdefault(each.url, []).append(note)
        for url, every in notes.items():
            self._post(box, url, every)

    def _post(self, box: Mailbox, url: str, notes: list[Json]) -> None:
        document = {"value": notes}
        try:
            self._description.check("changeNotificationCollection", document)
        except Undescribed as err:
            self._world.defects.append(f"notification: {err}")
        due = self._world.now + timedelta(seconds=float(box.faults.happens("push_late") or 0))
        message = Message(
            url,
            {"Content-Type": "application/json; charset=utf-8"},
            json.dumps(document).encode(),
        )
        for _ in range(2 if box.faults.happens("push_duplicate") else 1):
            self.poster.enqueue(due, message)


def _note(each: Subscription) -> Json:
    made: Json = {
        "subscriptionId": each.id,
        "subscriptionExpirationDateTime": times.instant(each.expires),
        "tenantId": each.tenant,
    }
    return made | ({"clientState": each.state} if each.state else {})


def _resource_data(each: Subscription, calendar: Calendar, item: Item, kind: str) -> Json:
    identity = event_id(calendar, item, None, immutable=each.is_immutable)
    path = f"Users/{each.box}/Events/{identity}"
    return {
        "changeType": kind,
        "resource": path,
        "resourceData": {
            "@odata.type": "#Microsoft.Graph.Event",
            "@odata.id": path,
            "@odata.etag": etag(whole(item)),
            "id": identity,
        },
    }


def _shown(each: Subscription) -> Json:
    return {
        "id": each.id,
        "resource": each.resource,
        "applicationId": each.client,
        "changeType": ",".join(sorted(each.changes)),
        "clientState": None,
        "notificationUrl": each.url,
        "notificationQueryOptions": None,
        "lifecycleNotificationUrl": each.lifecycle_url or None,
        "expirationDateTime": times.instant(each.expires),
        "creatorId": each.creator,
        "includeResourceData": None,
        "latestSupportedTlsVersion": "v1_2",
        "encryptionCertificate": None,
        "encryptionCertificateId": None,
    }


def _invalid(text: str) -> GraphError:
    return GraphError(400, "InvalidRequest", text)
