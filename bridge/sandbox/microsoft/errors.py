"""Errors in Graph's form (https://learn.microsoft.com/graph/errors)."""

from __future__ import annotations

from collections.abc import Mapping

_MESSAGES: Mapping[str, str] = {
    "ErrorAccessDenied": "Access is denied. Check credentials and try again.",
    "Authorization_RequestDenied": "Insufficient privileges to complete the operation.",
    "ErrorItemNotFound": "The specified object was not found in the store.",
    "ErrorInvalidIdMalformed": "Id is malformed.",
    "Request_ResourceNotFound": "The resource does not exist or one of its queried reference-"
    "property objects are not present.",
    "MailboxNotEnabledForRESTAPI": "The mailbox is either inactive, soft-deleted, or is hosted "
    "on-premise.",
    "ErrorIrresolvableConflict": "The send or update operation could not be performed because the "
    "change key passed in the request does not match the current change key for the item.",
    "ErrorPropertyValidationFailure": "At least one property failed validation.",
    "ErrorCalendarEndDateIsEarlierThanStartDate": "The end date is earlier than the start date.",
    "ErrorOccurrenceCrossingBoundary": "Modified occurrence is crossing or overlapping adjacent "
    "occurrence.",
    "ErrorDuplicateTransactionId": "Your request can't be completed. The TransactionId specified "
    "in the request has already been used to create a different event.",
    "ErrorCalendarViewRangeTooBig": "The specified view range exceeds the maximum range.",
    "SyncStateNotFound": "The sync state generation is not found.",
    "resyncRequired": "Resync required. Replace any local items with the server's version.",
    "ApplicationThrottled": "Application is over its MailboxConcurrency limit.",
    "TooManyRequests": "Too Many Requests",
    "ErrorInternalServerError": "An internal server error occurred. The operation failed.",
    "ErrorInternalServerTransientError": "An internal server error occurred. Try again later.",
    "serviceNotAvailable": "Service unavailable.",
    "UnknownError": "",
}


class GraphError(Exception):
    """An answer that is an error."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str = "",
        *,
        headers: Mapping[str, str] | None = None,
        more: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message or code)
        self.status = status
        self.code = code
        self.message = message or _MESSAGES.get(code, code)
        self.headers = dict(headers or {})
        self.more = dict(more or {})
        """What the error says beside code and message."""


def bad_request(message: str) -> GraphError:
    """Refuse a request that makes no sense."""
    return GraphError(400, "BadRequest", message)


def bad_query(message: str) -> GraphError:
    """Refuse a query."""
    return GraphError(400, "ErrorInvalidUrlQuery", message)


def bad_property(message: str) -> GraphError:
    """Refuse the value of a property."""
    return GraphError(400, "ErrorPropertyValidationFailure", message)


def bad_body(message: str) -> GraphError:
    """Refuse a body that is not of its type."""
    return GraphError(400, "RequestBodyRead", message)


def not_found() -> GraphError:
    """Say that there is no such item, or not for this account."""
    return GraphError(404, "ErrorItemNotFound")
