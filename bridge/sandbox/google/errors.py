"""Errors in Google's form (https://developers.google.com/workspace/calendar/api/guides/errors)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_MESSAGES: Mapping[str, str] = {
    "rateLimitExceeded": "Rate Limit Exceeded",
    "userRateLimitExceeded": "User Rate Limit Exceeded",
    "insufficientPermissions": "Request had insufficient authentication scopes.",
    "forbidden": "Forbidden",
    "requiredAccessLevel": "You need to have writer access to this calendar.",
    "forbiddenForNonOrganizer": "Shared properties can only be changed by the organizer.",
    "forbiddenForServiceAccounts": "Service accounts cannot invite attendees without "
    "Domain-Wide Delegation of Authority.",
    "quotaExceeded": "Quota exceeded.",
    "channelIdNotUnique": "Channel id is not unique.",
    "push.webhookUrlNotHttps": "WebHook callback must be HTTPS.",
    "push.webhookUrlUnauthorized": "Unauthorized WebHook callback channel.",
    "accessNotConfigured": "Google Calendar API is not enabled for this project.",
    "authError": "Invalid Credentials",
    "notFound": "Not Found",
    "duplicate": "The requested identifier already exists.",
    "deleted": "Resource has been deleted",
    "fullSyncRequired": "Sync token is no longer valid, a full sync is required.",
    "updatedMinTooLongAgo": "The requested minimum modification time lies too far in the past.",
    "conditionNotMet": "Precondition Failed",
    "timeRangeEmpty": "The specified time range is empty.",
    "required": "Required",
    "invalid": "Bad Request",
    "backendError": "Backend Error",
}
_DOMAINS: Mapping[str, str] = {
    "rateLimitExceeded": "usageLimits",
    "userRateLimitExceeded": "usageLimits",
    "accessNotConfigured": "usageLimits",
    "fullSyncRequired": "calendar",
    "updatedMinTooLongAgo": "calendar",
    "timeRangeEmpty": "calendar",
    "requiredAccessLevel": "calendar",
    "forbiddenForNonOrganizer": "calendar",
    "forbiddenForServiceAccounts": "calendar",
    "quotaExceeded": "usageLimits",
}


class ApiError(Exception):
    """An answer that is an error."""

    def __init__(
        self,
        status: int,
        reason: str,
        message: str = "",
        *,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message or reason)
        self.status = status
        self.reason = reason
        self.message = message or _MESSAGES.get(reason, reason)
        self.headers = dict(headers or {})

    def document(self) -> dict[str, Any]:
        """Write the body."""
        entry = {
            "domain": _DOMAINS.get(self.reason, "global"),
            "reason": self.reason,
            "message": self.message,
        }
        return {"error": {"errors": [entry], "code": self.status, "message": self.message}}


def invalid(message: str) -> ApiError:
    """Refuse a request that makes no sense."""
    return ApiError(400, "invalid", message)


def not_found() -> ApiError:
    """Say that there is no such thing, or not for this account."""
    return ApiError(404, "notFound")
