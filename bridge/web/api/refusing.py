"""Why a booking was not made, as problem documents that programs can act on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from bridge.bookings.words import (
    BookingRefused,
    Clash,
    NameTaken,
    NoSuchBooking,
    NotBookable,
    NotNow,
    NotRead,
    Outcome,
    Outdated,
    Result,
    UidTaken,
    sentence,
)
from bridge.errors import InvalidCalendarObject
from bridge.model.interval import rfc3339
from bridge.web.problem import Problem

_SOON = 30
"""Seconds after which a calendar that could not be reached may be there again."""


def unknown_booking() -> Problem:
    """Say so of one that is not there and of one that the key may not see, in the same words."""
    return Problem(404, "resource_not_found", "No such booking, or none that this key may read.")


@contextmanager
def refusals() -> Iterator[None]:
    """Say in the words of the API why a booking is refused.

    Raises:
        Problem: it was.
    """
    try:
        yield
    except UidTaken as err:
        raise Problem(409, "conflict", sentence(err)) from err
    except InvalidCalendarObject as err:
        more = {"reason": err.precondition}
        raise Problem(422, "invalid_request", sentence(err), more=more) from err
    except Clash as err:
        spans = [{"start": rfc3339(it.start), "end": rfc3339(it.end)} for it in err.periods]
        raise Problem(409, "conflict", sentence(err), more={"periods": spans}) from err
    except NoSuchBooking as err:
        raise unknown_booking() from err
    except Outdated as err:
        raise Problem(412, "precondition_failed", sentence(err)) from err
    except NotBookable as err:
        raise Problem(409, "calendar_not_writable", sentence(err)) from err
    except NameTaken as err:
        raise Problem(409, "conflict", sentence(err)) from err
    except NotNow as err:
        code = "not_read_yet" if isinstance(err, NotRead) else "rate_limited"
        raise _later(code, sentence(err), err.retry_after) from err
    except BookingRefused as err:
        raise Problem(403, "not_allowed", sentence(err)) from err


def refuse_undone(outcome: Outcome) -> None:
    """Let pass what was done, or may have been.

    Raises:
        Problem: the provider said no, or nobody could ask it.
    """
    if outcome.result is Result.WITHDRAWN:
        raise _later("provider_error", sentence(outcome.reason), _SOON)
    if outcome.result is not Result.REFUSED:
        return
    detail = sentence(outcome.reason)
    if outcome.code == "conflict":
        raise Problem(409, "conflict", detail)
    if outcome.code == "calendar_not_writable":
        raise Problem(409, "calendar_not_writable", detail)
    raise Problem(422, "provider_error", detail, more={"reason": outcome.code})


def _later(code: str, detail: str, seconds: int) -> Problem:
    headers = [("Retry-After", str(seconds))]
    return Problem(503, code, detail, headers=headers, more={"retry_after": seconds})
