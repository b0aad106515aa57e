"""What is written to Outlook needs no second writing; and a body keeps what Outlook added to it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from html import escape

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from bridge.model.event import Alarm, Event
from bridge.providers.microsoft import body, differences, standing, teams, wire
from bridge.providers.microsoft import translate as t
from bridge.providers.microsoft.differences import PLACE
from bridge.providers.microsoft.recurrence import CannotBeSaid
from bridge.sandbox.microsoft.series import whole
from tests.property.outlook import kept, shown
from tests.property.test_microsoft import events
from tests.property.test_microsoft_series import series_of_ours

LINK = (
    "https://teams.microsoft.com/l/meetup-join/19%3ameeting_A%40thread.v2/0?context=%7b%22T%22%7d"
)
LINE = "_" * 80
_minutes = st.integers(0, 10_000).map(lambda each: Alarm(timedelta(minutes=each)))
_alarms = st.none() | st.just(()) | st.tuples(_minutes)
_names = st.lists(st.text(st.characters(exclude_categories=["C"]), min_size=1), max_size=3)
_pieces = st.sampled_from(
    ["<p>", "</p>", "<div class='x'>", "</div>", "<br>", "<b", "</", ">", "<!--", "-->", "a & b",
     "<td>", "</td>", "&lt;", "<hr/>", "\n", "_____", "<a href='https://example.com/'>", "</a>"]
)  # fmt: skip
_markup = st.lists(_pieces, max_size=12).map("".join)
_text = st.text(st.characters(exclude_categories=["C"], include_characters="\n\t"))


def there(event: Event) -> standing.Standing:
    """What stands in Outlook once an event was written, its text by a property of its own."""
    written = t.write_event(event, PLACE)
    written.body = wire.Body(content_type="text", content=differences.described(event))
    return standing.read(shown(whole(kept(msgspec.json.decode(wire.write(written))))))


@given(events(), _alarms, _names)
def test_what_was_written_is_written_no_second_time(
    event: Event, alarms: tuple[Alarm, ...] | None, names: list[str]
) -> None:
    event = replace(event, recurrence_id=None, alarms=alarms, categories=tuple(names))
    changes, text = differences.between(there(event).master, event)
    assert (changes, text) == ({}, None)


@given(series_of_ours())
def test_a_series_that_was_written_is_written_no_second_time(event: Event) -> None:
    try:
        made = there(event)
    except CannotBeSaid:
        return
    assert differences.between(made.master, event) == ({}, None)


@given(_text)
def test_a_text_as_html_shows_that_text_and_no_markup(text: str) -> None:
    shown_as = body.html(text)
    assert body.is_same(body.plain_text(shown_as), text)
    assert set(shown_as.replace("<br>", "")) & set("<>") == set()


@given(_markup, _markup, st.sampled_from(["div", "p", "section"]))
def test_the_part_about_a_meeting_is_found_in_any_body(before: str, after: str, name: str) -> None:
    part = (
        f'<{name}><div>{LINE}</div><div><b>Microsoft Teams</b></div><a href="{escape(LINK)}">Join'
        f"</a><div>{LINE}</div></{name}>"
    )
    found = teams.block(f"{before}-->{part}{after}", LINK)
    assert escape(LINK) in found
    assert found.count(LINE) == 2
    again = teams.block(f"<html><body>{body.html('New')}<br>{found}</body></html>", LINK)
    assert escape(LINK) in again


@given(_text.map(str.strip), _text)
def test_a_text_is_the_same_with_a_meeting_and_without(text: str, more: str) -> None:
    added = f"{LINE}\nMicrosoft Teams {more.replace('_', '')}\n{LINE}\n"
    assert teams.without(f"{text}\n{added}") == text
    assert teams.without(text) == text or "Microsoft Teams" in text


def test_what_outlook_adds_to_texts_in_other_languages_is_known() -> None:
    for words in ("Microsoft Teams-Besprechung", "Réunion Microsoft Teams", "Microsoft Teams 会議"):
        assert teams.without(f"Hi\r\n{LINE}\r\n{words}\r\nx<{LINK}>\r\n{LINE}\r\n") == "Hi"
    assert teams.without(f"a\n{LINE}\nb") == f"a\n{LINE}\nb"
    assert teams.without(f"{LINE}\nmine\n{LINE}\nMicrosoft Teams\n{LINE}") == f"{LINE}\nmine"


def test_a_body_without_a_meeting_has_no_such_part() -> None:
    assert teams.block("<p>Hi</p>", LINK) == ""
    assert teams.block("", "") == ""
    other = f'<p>{LINE}</p><a href="https://example.com/">Join</a><p>{LINE}</p>'
    assert teams.block(other, LINK) == ""
