"""Misbehaviour of Microsoft's authorization server that catches who does not expect it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import pytest

from bridge.authorizer import Grant
from bridge.provider import ProviderKind
from bridge.providers import microsoft
from bridge.providers.microsoft.consent import MicrosoftConsent
from tests.connecting.naive import (
    COMMON,
    HOUR,
    IT_ENDED,
    NOBODY_IS_ASKED,
    Case,
    Ground,
    Tried,
    asking,
    catches,
    it_goes_on,
    keeps_the_first_token,
    keeps_what_the_answer_says,
    named,
    takes_no_refusal_for_good,
    tells_all_alike,
    what_ends_is_told,
)
from tests.connecting.outlook import opened
from tests.connecting.owner import ANN


class _Literal(MicrosoftConsent):
    def granted(self, answer: Mapping[str, Any]) -> Grant:
        return self.entra.granted(answer)

    def lacks(self, granted: Sequence[str]) -> Sequence[str]:
        has = {*granted, "offline_access"}  # which no answer names
        return [purpose for scope, purpose in self.scopes.items() if scope not in has]


def compares_letters(kind: ProviderKind) -> ProviderKind:
    """What was granted is called what it was asked for as."""
    return asking(kind, lambda ours: _Literal(ours.http, ours.defaults, ours.wanted))


def what_was_granted_is_seen(there: Ground, misbehave: Callable[[], None]) -> None:
    """Try that an owner who ticked everything is connected, and read for as long as any."""
    misbehave()
    page = there.connect()
    assert page.is_success, f"not all is seen: {page.text}"
    there.wait(2 * HOUR)
    assert there.reads()


_ENDINGS: Mapping[str, Sequence[str]] = {
    "invalid_grant": ("expired", "connect the account again"),
    "password_changed": ("password was changed", "connect the account again"),
    "conditional_access": ("Conditional Access policy", "administrator", "sign-in logs"),
    "mfa_required": ("another proof", "the sign-in page asks for it"),
}
CASES = (
    *COMMON,
    *(
        Case(takes_no_refusal_for_good, fault, what_ends_is_told(*words), NOBODY_IS_ASKED)
        for fault, words in _ENDINGS.items()
    ),
    *(
        Case(tells_all_alike, fault, what_ends_is_told(*words), "nobody knows what to do")
        for fault, words in _ENDINGS.items()
        if fault != "invalid_grant"
    ),
    Case(keeps_the_first_token, "single_use_refresh", it_goes_on, IT_ENDED),
    Case(keeps_what_the_answer_says, "no_refresh_token", it_goes_on, IT_ENDED),
    Case(compares_letters, "qualified_scopes", what_was_granted_is_seen, "not all is seen"),
)
CAUGHT = frozenset(case.fault for case in CASES)
"""Misbehaviour that is tried here."""


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    tried = Tried(microsoft.KIND)
    with opened(tmp_path_factory.mktemp("office"), kinds=tried.known()) as office:
        sandbox = office.microsoft.sandbox
        box = sandbox.microsoft.directory.mailbox(ANN)
        yield Ground(office, tried, sandbox, box.faults, office.connect)


@pytest.mark.parametrize("case", CASES, ids=named)
def test_misbehaviour_of_signing_in_catches(there: Ground, case: Case) -> None:
    catches(there, case)
