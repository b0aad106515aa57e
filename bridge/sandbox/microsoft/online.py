"""Teams meetings of events, and how easily they are lost.

https://learn.microsoft.com/graph/outlook-calendar-online-meetings
"""

from __future__ import annotations

from html import escape, unescape
from urllib.parse import quote

from bridge.sandbox.faults import Faults
from bridge.sandbox.microsoft.errors import bad_property
from bridge.sandbox.microsoft.mailbox import Mailbox
from bridge.sandbox.microsoft.times import Json
from bridge.sandbox.world import World

TEAMS = "teamsForBusiness"
_LINE = "_" * 80


def providers(box: Mailbox) -> list[str]:
    """Name the kinds of online meetings that a mailbox may have."""
    return [] if box.is_personal else [TEAMS]


def settle(
    world: World, box: Mailbox, faults: Faults, before: Json | None, event: Json
) -> tuple[Json, int]:
    """Give an event the online meeting that it asks for, or what is left of the one it has.

    Returns:
        The event, and how many reads the link takes to appear.
    """
    if before and before["isOnlineMeeting"]:
        return _kept(before, event), 0
    if not event["isOnlineMeeting"]:
        return {**event, "onlineMeetingProvider": "unknown"}, 0
    allowed = providers(box)
    if not allowed:
        # Personal accounts: the wish is ignored.
        return {**event, "isOnlineMeeting": False, "onlineMeetingProvider": "unknown"}, 0
    asked = event["onlineMeetingProvider"]
    if asked not in ("unknown", *allowed):
        raise bad_property(f"The calendar has no online meetings of {asked}.")
    made = {**event, "isOnlineMeeting": True, "onlineMeetingProvider": TEAMS}
    if faults.happens("online_meeting_fails"):
        return made, 0
    url = _url(world, box)
    made["onlineMeeting"] = {"joinUrl": url, "conferenceId": world.token(9)}
    made["body"] = {"contentType": "html", "content": _with_blob(event["body"], url)}
    return made, int(faults.happens("join_url_late") or 0)


def _kept(before: Json, event: Json) -> Json:
    """Keep a meeting: provider and switch never change; a body without the link ends it."""
    made = {**event, "isOnlineMeeting": True, "onlineMeetingProvider": TEAMS}
    meeting = before.get("onlineMeeting")
    if meeting is None or meeting["joinUrl"] in unescape(str(event["body"]["content"])):
        return made
    made.pop("onlineMeeting", None)
    return {**made, "isOnlineMeeting": False, "onlineMeetingProvider": "unknown"}


def _url(world: World, box: Mailbox) -> str:
    meeting = quote(f"19:meeting_{world.token(40)}@thread.v2", safe="")
    context = quote(f'{{"Tid":"{box.tenant}","Oid":"{box.id}"}}', safe="")
    return f"https://teams.microsoft.com/l/meetup-join/{meeting}/0?context={context}"


def _with_blob(body: Json, url: str) -> str:
    content = str(body["content"])
    if body["contentType"] != "html":
        content = escape(content).replace("\n", "<br>")
    head, end, rest = content.rpartition("</body>")
    if not end:
        head, rest = content, ""
    return (
        f'{head}<br><div class="me-email-text" lang="en-US"><div aria-hidden="true">{_LINE}</div>'
        '<div><span class="me-email-text">Microsoft Teams</span> '
        '<a href="https://aka.ms/JoinTeamsMeeting?omkt=en-US">Need help?</a></div>'
        f'<div><a id="meet_invite_block.action.join_link" href="{escape(url)}">'
        "Join the meeting now</a></div><div><hr></div>"
        f'<div aria-hidden="true">{_LINE}</div></div>{end}{rest}'
    )
