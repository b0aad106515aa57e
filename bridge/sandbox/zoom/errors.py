"""Errors in Zoom's form (https://developers.zoom.us/docs/api/errors)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any


class ZoomError(Exception):
    """An answer that is an error; `code` is Zoom's own number."""

    def __init__(
        self,
        status: int,
        code: int,
        message: str,
        *,
        fields: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.fields = dict(fields or {})
        """What is wrong with which field of the body."""
        self.headers = dict(headers or {})

    def __str__(self) -> str:
        wrong = "; ".join(f"{name}: {text}" for name, text in self.fields.items())
        return f"{self.message} {wrong}".strip()

    def document(self) -> dict[str, Any]:
        """Write the body."""
        made: dict[str, Any] = {"code": self.code, "message": self.message}
        if self.fields:
            every = self.fields.items()
            made["errors"] = [{"field": name, "message": text} for name, text in every]
        return made


def invalid(field: str, message: str = "Invalid field.") -> ZoomError:
    """Refuse the value of a field."""
    return ZoomError(400, 300, "Validation Failed.", fields={field: message})


def bad_request(message: str) -> ZoomError:
    """Refuse a request that makes no sense."""
    return ZoomError(400, 300, message)


def no_meeting(name: object) -> ZoomError:
    """Say that there is no such meeting, or no more."""
    return ZoomError(404, 3001, f"Meeting does not exist: {name}.")


def no_user(name: str) -> ZoomError:
    """Say that there is no such user in the account."""
    return ZoomError(404, 1001, f"User does not exist: {name}.")


def no_scopes(scopes: Iterable[str]) -> ZoomError:
    """Say what the token would have to permit."""
    wanted = ", ".join(sorted(scopes))
    text = f"Invalid access token, does not contain scopes:[{wanted}]."
    return ZoomError(400, 4711, text)


def no_token(message: str = "Invalid access token.") -> ZoomError:
    """Refuse a token."""
    return ZoomError(401, 124, message)
