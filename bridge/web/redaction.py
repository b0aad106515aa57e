"""What no log may hold, found by its form, its name or its place; and one line for one text.

Pure, and linear in the length of the text: paths and event titles are written by strangers.
"""

from __future__ import annotations

import re
from urllib.parse import unquote, unquote_plus

HIDDEN = "***"

_NAMES = frozenset({"token", "code", "state", "key", "password", "access_token", "sig"})
_NAMED = "|".join(sorted(_NAMES))
# Of our own making: 52 letters are the 256 bits of a feed's token, wherever it turns up.
_TOKEN = re.compile(r"[a-z2-7]{52,}+", re.IGNORECASE)
_KEY = re.compile(r"(bbk?_[a-z2-7]{8}_)[a-z2-7]{32,}+", re.IGNORECASE)
# Before each pattern, words of which any text that it matches holds one, in lower case.
_PATTERNS = (
    # A header, however it was written down.
    (
        ("authorization",),
        re.compile(r"(?i)(authorization\W{1,5}(?:basic|bearer|digest)\s+)[^\s'\",]+"),
        r"\1***",
    ),
    (
        ("basic", "bearer"),
        re.compile(r"(?i)\b((?:basic|bearer)\s+)[A-Za-z0-9+/._~-]{8,}=*"),
        r"\1***",
    ),
    (("bb_", "bbk_"), _KEY, r"\1***"),
    (("",), _TOKEN, HIDDEN),
    (("/feeds/", "/connect/"), re.compile(r"(?i)(/(?:feeds|connect)/+)[^/\s?]+"), r"\1***"),
    # Userinfo and query of a URL of somebody else: private calendar addresses have such.
    (("://",), re.compile(r"(?i)\b([a-z][a-z0-9+.-]{1,20}://)[^/\s@'\"]+@"), r"\1***@"),
    (
        tuple(f"{name}=" for name in sorted(_NAMES)),
        re.compile(rf"(?i)([?&;](?:{_NAMED})=)[^&;\s'\"]*"),
        r"\1***",
    ),
)
# Without a query it matches too: what was looked at is not looked at again.
_URL = re.compile(r"(?i)(https?://[^\s?'\"<>]++\??+)([^\s'\"<>]*+)")
_WORD = re.compile(r"\S++")
_SEPARATOR = re.compile(r"([&;])")
_DEEPEST = 3


def clean(text: str) -> str:
    """Return a text without what looks like a secret."""
    # Most lines of a log hold no secret, and to look for a word costs a tenth of a pattern. Beyond
    # ASCII the patterns know more ways to write a letter.
    lower = text.lower() if text.isascii() else None
    for words, pattern, replacement in _PATTERNS:
        if lower is None or any(word in lower for word in words):
            text = pattern.sub(replacement, text)
    if "://" in text:
        text = _URL.sub(lambda match: match[1] + (HIDDEN if match[2] else ""), text)
    return _WORD.sub(_unveiled, text) if "%" in text else text


def target(path: str, query: str) -> str:
    """Return what was asked for, without the secrets in it, on one line.

    Args:
        path: percent-decoded.
        query: as it came in; names of parameters are decoded before they are judged.
    """
    shown = path
    if query:
        shown += "?" + "".join(map(_parameter, _SEPARATOR.split(query)))
    return escaped(clean(shown))


def escaped(text: str) -> str:
    """Write as escapes what does not print: line ends, and what turns the direction of text."""
    if text.isprintable():
        return text
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape").decode("ascii")
        for each in text
    )


def _parameter(text: str) -> str:
    name, equals, _ = text.partition("=")
    return f"{name}={HIDDEN}" if equals and unquote_plus(name).lower() in _NAMES else text


def _unveiled(word: re.Match[str]) -> str:
    """Hide a whole word whose percent-encoding hid one of our secrets."""
    plain = word[0]
    for _ in range(_DEEPEST):
        if "%" not in plain:
            break
        plain = unquote(plain)
        if _TOKEN.search(plain) or _KEY.search(plain):
            return HIDDEN
    return word[0]
