"""What OAuth providers share: the code flow with PKCE, refreshing and giving back of grants.

RFC 6749, RFC 7636 and RFC 7009 are authlib's; everything that it sends leaves through `Http`.
"""

from __future__ import annotations

from bridge.oauth.answers import CLIENT, NOT_NOW, TIMEOUT, check, granted, unreadable, word
from bridge.oauth.assertion import AssertionRefused, Program, assume
from bridge.oauth.consenting import Consenting, ask_who
from bridge.oauth.flow import CodeFlow, Registration, application_of, lasting, unregistered

__all__ = [
    "CLIENT",
    "NOT_NOW",
    "TIMEOUT",
    "AssertionRefused",
    "CodeFlow",
    "Consenting",
    "Program",
    "Registration",
    "application_of",
    "ask_who",
    "assume",
    "check",
    "granted",
    "lasting",
    "unreadable",
    "unregistered",
    "word",
]
