"""Descriptions: plain text comes back to the letter, and what people format is read as text."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.providers.google.markup import read_markup, write_markup


@given(
    st.text(st.characters(exclude_categories=["C"], include_characters="\n\t"))
    | st.text("<>&;/a b\n")
)
def test_plain_text_comes_back_to_the_letter_and_holds_no_tag(text: str) -> None:
    written = write_markup(text)
    assert read_markup(written) == text
    assert "<" not in written


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<b>Agenda</b><br>1. Welcome", "Agenda\n1. Welcome"),
        ("<p>one</p><p>two</p>", "one\ntwo"),
        ("<p>one</p>\n<p>two</p>", "one\ntwo"),
        ("one<br>\ntwo<br><br>four", "one\ntwo\n\nfour"),
        ("<ul><li>a</li><li>b</li></ul>c", "- a\n- b\nc"),
        ('see <a href="https://a.example/?b=1&amp;c=2">this</a>!',
         "see this (https://a.example/?b=1&c=2)!"),
        ('<a href="https://a.example/">https://a.example/</a>', "https://a.example/"),
        ("<a name='x'>there</a>", "there"),
        ("a<script>alert('x')</script>b<STYLE>p {}</STYLE>c", "abc"),
        ("1 &lt; 2 &amp;amp; 3", "1 < 2 &amp; 3"),
        ("5 < 6 and 7 > 6", "5 < 6 and 7 > 6"),
        ("<b>x</b> line\nother", "x line\nother"),
        ("<", "<"),
        ("", ""),
    ],
)  # fmt: skip
def test_what_people_see_is_read(html: str, text: str) -> None:
    assert read_markup(html) == text


@pytest.mark.parametrize("part", ["<", "<a", "<a ", "<a href=", "<b>", "</", "<li>x", "&lt;", "\n"])
def test_no_description_takes_long(part: str) -> None:
    started = time.process_time()
    read_markup(f"<b>{part * (1_000_000 // len(part))}")
    assert time.process_time() - started < 5
