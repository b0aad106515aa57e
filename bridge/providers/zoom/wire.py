"""What is read of Zoom's JSON, and written of it; everything else is ignored.

https://developers.zoom.us/docs/api/meetings/. Secrets of the host are among what is ignored:
`start_url` holds a token.
"""

from __future__ import annotations

import re
from typing import TypeVar

import msgspec
from msgspec import Struct


class _Wire(Struct, omit_defaults=True, kw_only=True):
    """A missing value is an empty one, on the way in and on the way out."""


class Recurrence(_Wire):
    """When a meeting of type 8 takes place; days of the week are numbered from Sunday, 1."""

    type: int
    """1 daily, 2 weekly, 3 monthly."""
    repeat_interval: int
    weekly_days: str = ""
    monthly_day: int = 0
    monthly_week: int = 0
    """1 to 4, or -1: the last."""
    monthly_week_day: int = 0
    end_times: int = 0


class Settings(Struct, kw_only=True):
    """Of a meeting; each is said, whatever the host's own are."""

    join_before_host: bool
    mute_upon_entry: bool
    waiting_room: bool
    auto_recording: str
    use_pmi: bool = False
    """The host's personal room: everybody who was there before has its link."""


class Meeting(_Wire):
    """What a meeting is to be."""

    topic: str
    type: int
    """2 scheduled, 3 recurring without fixed times, 8 recurring with fixed times."""
    start_time: str = ""
    """`2026-03-02T09:00:00Z`, or without the Z on the clock of `timezone`."""
    duration: int = 0
    """Minutes."""
    timezone: str = ""
    recurrence: Recurrence | None = None
    agenda: str = ""
    settings: Settings | None = None


class Occurrence(_Wire):
    """One of a meeting of type 8."""

    start_time: str = ""
    status: str = ""


class Made(_Wire):
    """A meeting as Zoom has it."""

    id: int
    join_url: str
    password: str | None = ""
    type: int = 0
    topic: str | None = ""
    start_time: str = ""
    """Of a scheduled one, `2026-03-02T09:00:00Z`."""
    duration: int = 0
    occurrences: list[Occurrence] = []


class Listed(_Wire):
    """A meeting in a listing."""

    id: int
    topic: str | None = ""
    agenda: str | None = ""
    """Its first 250 characters."""
    created_at: str = ""


class Page(_Wire):
    """A page of a listing."""

    meetings: list[Listed] = []
    next_page_token: str = ""


class User(_Wire):
    """Who is asked as."""

    id: str
    email: str = ""


class Wrong(_Wire):
    """A field that is refused, and why."""

    field: str = ""
    message: str = ""


class Refusal(_Wire):
    """An error; `code` is Zoom's own number, 0 where there is none."""

    code: int = 0
    message: str = ""
    errors: list[Wrong] = []


class Changed(_Wire):
    """The meeting of a notification; its id is a text in some."""

    id: int | str = 0


class Payload(_Wire):
    """What a notification is about."""

    plain_token: str = msgspec.field(default="", name="plainToken")
    object: Changed | None = None
    # Of app_deauthorized
    user_id: str = ""
    client_id: str = ""
    deauthorization_time: str = ""
    """RFC 3339."""
    user_data_retention: str | bool = ""
    """`true` as a text in some; missing by now in others."""


class Notification(_Wire):
    """What Zoom posts."""

    event: str
    payload: Payload = msgspec.field(default_factory=Payload)


class Proof(Struct, rename="camel"):
    """The answer to `endpoint.url_validation`."""

    plain_token: str
    encrypted_token: str


_Shape = TypeVar("_Shape", Made, Page, User, Notification)

_CODE = re.compile(rb"<code>\s*(\d{1,9})\s*</code>")
_MESSAGE = re.compile(rb"<message>([^<]{0,2000})</message>")


class NotThatShape(Exception):
    """An answer that is none of Zoom's."""


def read(body: bytes, shape: type[_Shape]) -> _Shape:
    """Read a body.

    Raises:
        NotThatShape: it is something else.
    """
    try:
        return msgspec.json.decode(body, type=shape)
    except (msgspec.MsgspecError, UnicodeDecodeError) as err:
        raise NotThatShape from err


def refusal(body: bytes) -> Refusal:
    """Read an error, which comes as XML at times, or as the page of a gateway."""
    try:
        return msgspec.json.decode(body, type=Refusal)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        code, message = _CODE.search(body), _MESSAGE.search(body)
        said = message[1].decode("utf-8", "replace") if message else ""
        return Refusal(code=int(code[1]) if code else 0, message=said)


def write(document: Struct) -> bytes:
    """Write a body."""
    return msgspec.json.encode(document)
