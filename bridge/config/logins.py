"""The section `auth`: logins, and what they may do."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from bridge.config.oauth import OAuth
from bridge.config.section import Section, section
from bridge.config.values import Email, FilePath, PasswordHash
from bridge.model.resource import Access

ID_PATTERN = r"^[a-z0-9][a-z0-9_-]{0,62}$"
Id = Annotated[str, Field(pattern=ID_PATTERN)]
"""Ids and logins: lower case, no dots (a dot joins the ids of a resource and a connection)."""


class Grant(Section):
    """What a login may do with the resources that one entry of `access` names."""

    level: Access = Field(description="what is granted", examples=["free-busy"])
    list: bool = Field(
        default=False, description="the login's home shows the resources that a glob names"
    )

    @model_validator(mode="before")
    @classmethod
    def _short(cls, value: object) -> object:
        return {"level": value} if isinstance(value, str) else value


class User(Section):
    """A login."""

    name: Id = Field(description="login name", examples=["alice"])
    email: Email = Field(
        default="", description="address of the person", examples=["alice@example.com"]
    )
    role: Literal["user", "admin"] = Field(
        default="user", description="an admin may do everything with every resource"
    )
    password_hash: PasswordHash | None = Field(
        default=None,
        description="bcrypt or argon2 hash; without one only app passwords work",
        examples=["ALICE_HASH"],
    )
    access: dict[str, Grant] = Field(
        default_factory=dict,
        description="resource or glob -> free-busy | read | write | manage",
        examples=[{"room-a": "write", "*": "free-busy"}],
    )


class Auth(Section):
    """Who may log in."""

    users: tuple[User, ...] = ()
    htpasswd_file: FilePath | None = Field(
        default=None,
        description="more logins, bcrypt or argon2; each may use the resource of its own name",
        examples=["/etc/busybridge/htpasswd"],
    )
    oauth: OAuth = section()
