"""What goes wrong at Microsoft on command."""

from __future__ import annotations

from collections.abc import Mapping

FAULTS: Mapping[str, str] = {
    # Listings
    "short_pages": "listings come two entries a page, and every second page is empty",
    "endless_pages": "every page names a next one",
    "sync_gone": "every delta link is answered 410 SyncStateNotFound",
    "resync_required": "every delta link is answered 410 resyncRequired, with a Location",
    "page_gone": "a next link within a round is answered 410 SyncStateNotFound",
    "bad_token": "every delta link is answered 400 as if it were none",
    "duplicates": "what changed comes twice in a round",
    "stale_duplicates": "what changed comes again in a round, the second time as it was before",
    "occurrence_tombstones": "each occurrence that is no more is reported, too",
    "single_occurrences": "what changed of a series is reported alone, without the rest of it",
    "lone_masters": "of a changed series the master is reported alone, without its occurrences",
    "typed_tombstones": "tombstones carry their type",
    "endless_series_times_out": "a delta round over a series without an end is answered 504",
    "custom_zones": "zones come as tzone://Microsoft/Custom",
    "null_fields": "subject, body, location and organizer are null",
    # Refusals
    "unauthorized": "401 InvalidAuthenticationToken although the token is good",
    "forbidden": "403 ErrorAccessDenied, for good",
    "mailbox_gone": "404 MailboxNotEnabledForRESTAPI",
    "calendar_gone": "404 ErrorItemNotFound for every calendar but the list",
    "too_many_requests": "429 with Retry-After",
    "concurrency": "503 over the MailboxConcurrency limit, with Retry-After",
    "server_error": "500 ErrorInternalServerError",
    "transient_error": "500 ErrorInternalServerTransientError",
    "unavailable": "503 serviceNotAvailable without Retry-After",
    "bad_gateway": "502 with an HTML page",
    "gateway_timeout": "504 with an empty message",
    # Signing in
    "invalid_grant": "refresh tokens are refused: AADSTS70008",
    "password_changed": "refresh tokens are refused: AADSTS50173",
    "conditional_access": "signing in and refreshing are blocked: AADSTS53003",
    "mfa_required": "refresh tokens are refused until one signs in again: AADSTS50076",
    "expired_tokens": "access tokens are refused until they are refreshed",
    "single_use_refresh": "a refresh token that was used already ends all of its sign-in",
    "no_refresh_token": "no refresh token is given",
    "qualified_scopes": "granted scopes come as addresses, in lower case",
    "token_unavailable": "the token endpoint answers 503: AADSTS90033",
    # Meetings
    "transaction_repeats": "a transactionId that was used gives the first event, not an error",
    "transaction_conflict": "a transactionId that was used is refused with 409 instead of 400",
    "join_url_late": "the link to a Teams meeting comes after so many more reads",
    "online_meeting_fails": "the link to a Teams meeting never comes",
    # Free-busy
    "schedule_errors": "getSchedule answers an error for each person",
    # Push
    "push_lost": "notifications are not sent",
    "push_late": "notifications come so many seconds late",
    "push_duplicate": "each notification comes twice",
    "subscription_conflict": "subscribing is refused: 409",
    "subscription_limit": "subscriptions of more than 4,230 minutes are refused",
    "subscription_short": "subscriptions end after so many seconds, whatever was asked for",
    # Broken answers
    "html": "an HTML page with 200 instead of JSON",
    "cut": "half of the body",
    "slow": "so many seconds before each answer",
    "lost_answers": "what is written stays, and the answer is 504 all the same",
}
"""The value is True, or a number where the text says `so many`."""
