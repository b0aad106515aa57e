"""What goes wrong at Zoom on command."""

from __future__ import annotations

from collections.abc import Mapping

FAULTS: Mapping[str, str] = {
    # Listings
    "short_pages": "listings come two meetings a page, and every second page is empty",
    "endless_pages": "every page names a next one",
    "page_gone": "a next_page_token is refused: 300",
    "lists_late": "listings leave a meeting out until it is so many seconds old",
    "occurrences_listed": "listings name a series once for each of its occurrences",
    # Answers that get lost: what was asked for is done
    "create_lost": "a meeting is created, and the connection ends without an answer",
    "update_lost": "a meeting is changed, and the connection ends without an answer",
    "delete_lost": "a meeting is deleted, and the connection ends without an answer",
    "create_error": "a meeting is created, and the answer is 500",
    "delete_gone": "a meeting is deleted, and the answer is 404 (3001)",
    # Refusals
    "unauthorized": "401 (124) although the token is good",
    "forbidden": "403 (200): no permission, for good",
    "insufficient_scopes": "400 (4711): a scope is missing",
    "user_gone": "404 (1001): the user is no more",
    "meeting_gone": "404 (3001) for every meeting",
    "in_progress": "400 (3002): the meeting cannot be deleted, it is in progress",
    "too_many_requests": "429 for requests a second, with no time to wait",
    "daily_limit": "429 for creating and changing a meeting, until midnight of UTC",
    "bare_limits": "429 without the type of the limit and without Retry-After (as often at Zoom)",
    "server_error": "500 (5010)",
    "unavailable": "503 (5030)",
    "bad_gateway": "502 with an HTML page",
    "xml_errors": "errors come as XML",
    # Settings
    "waiting_room_locked": "the waiting room is on, whatever was asked for",
    # OAuth
    "invalid_grant": "refresh tokens are refused",
    "expired_tokens": "access tokens are refused until they are refreshed",
    "refresh_lost": "a refresh token is used up, and the connection ends without an answer",
    "no_refresh_token": "no refresh token is given",
    "single_token": "the next token of a program on its own ends the one before",
    "token_unavailable": "the token endpoint answers 503",
    # Webhooks
    "push_lost": "notifications are not sent",
    "push_late": "notifications come so many seconds late",
    "push_duplicate": "each notification comes twice",
    "push_forged": "notifications are signed with another secret",
    "push_old": "notifications bear a time that is so many seconds ago",
    # Broken answers
    "html": "an HTML page with 200 instead of JSON",
    "cut": "half of the body",
    "slow": "so many seconds before each answer",
}
"""The value is True, or a number where the text says `so many`."""
