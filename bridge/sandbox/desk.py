"""Edits by hand: the forms of an account's page, sent by its owner's browser."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from flask import Blueprint, redirect, request
from flask.typing import ResponseReturnValue

from bridge.sandbox import agenda, pages
from bridge.sandbox.agenda import Shown
from bridge.sandbox.google import series, times
from bridge.sandbox.google.errors import ApiError
from bridge.sandbox.google.person import Person, When
from bridge.sandbox.google.server import Google
from bridge.sandbox.world import Calendar, Unknown

_DAY = timedelta(days=1)
Form = Mapping[str, str]


class Senseless(ValueError):
    """A form that no page of ours sends, or that was not filled in."""


def blueprint(google: Google) -> Blueprint:
    """Make the routes over one world."""
    routes = Blueprint("desk", __name__, url_prefix="/accounts/<email>/calendars/<calendar>")

    @routes.before_request
    def check() -> ResponseReturnValue | None:
        """Take forms of our own pages alone: any page of the web can have a browser send one."""
        if _is_ours():
            return None
        return "This is not sent from a page of the sandbox.", 403, {"Content-Type": "text/plain"}

    @routes.post("/events")
    def add(email: str, calendar: str) -> ResponseReturnValue:
        return _done(google, email, calendar, lambda me, there: _add(me, there, request.form))

    @routes.post("/events/<event>")
    def edit(email: str, calendar: str, event: str) -> ResponseReturnValue:
        return _done(
            google, email, calendar, lambda me, there: _edit(me, there, event, request.form)
        )

    return routes


def _done(
    google: Google, email: str, name: str, edit: Callable[[Person, Calendar], str]
) -> ResponseReturnValue:
    """Edit, and show the page again; with what was wrong."""
    with google.world.lock:
        try:
            account, calendar = google.world.account(email), google.world.calendar(name)
        except Unknown as err:
            return str(err), 404, {"Content-Type": "text/plain; charset=utf-8"}
        try:
            event = edit(google.person(email), calendar)
        except (ApiError, Senseless, ValueError) as err:
            status = err.status if isinstance(err, ApiError) else 400
            text = err.message if isinstance(err, ApiError) else str(err)
            return pages.account(google, account, text), status
    return redirect(f"{pages.address(email)}#{event}", 303)


def _add(person: Person, calendar: Calendar, form: Form) -> str:
    title, (start, end) = form.get("title", "").strip(), _times(form, calendar)
    more: dict[str, Any] = {}
    if form.get("repeats"):
        more["recurrence"] = [f"RRULE:FREQ={form['repeats']}"]
    return person.create(title, start, end, calendar=calendar.id, **more)


def _edit(person: Person, calendar: Calendar, event: str, form: Form) -> str:
    match form.get("action"):
        case "save":
            _save(person, calendar, event, form)
        case "delete":
            person.delete(event, calendar=calendar.id)
        case "accepted" | "tentative" | "declined" as answer:
            person.answer(event, answer, calendar=calendar.id)
        case _:
            raise Senseless("There is no such button.")
    return event


def _save(person: Person, calendar: Calendar, event: str, form: Form) -> None:
    """Change what differs from what stands: an event keeps its zone unless it is moved."""
    found = series.find(person.world, calendar, event)
    if found is not None and _given(form) != agenda.shown(found, calendar):
        person.move(event, *_times(form, calendar), calendar=calendar.id)
    title = form.get("title", "").strip()
    if found is None or title != found.get("summary", ""):
        person.change(event, calendar=calendar.id, summary=title)


def _given(form: Form) -> Shown:
    return Shown(form.get("start", ""), form.get("end", ""), "all_day" in form)


def _times(form: Form, calendar: Calendar) -> tuple[When, When]:
    place = times.zone(calendar.timezone)
    try:
        start, end = (
            datetime.fromisoformat(form.get(name, "")).replace(tzinfo=place)
            for name in ("start", "end")
        )
    except ValueError as err:
        raise Senseless("Say when it starts and when it ends.") from err
    if "all_day" in form:
        return start.date(), end.date() + _DAY
    return start, end


def _is_ours() -> bool:
    origin = request.headers.get("Origin")
    site = request.headers.get("Sec-Fetch-Site", "same-origin")
    return site == "same-origin" and origin in (None, request.host_url.rstrip("/"))
