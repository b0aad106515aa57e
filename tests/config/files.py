"""Configuration files for tests."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent

from pydantic import Field

from bridge.config.load import load
from bridge.config.section import Section
from bridge.config.settings import Settings
from bridge.config.values import Secret
from bridge.errors import ConfigError
from bridge.provider import Account, Provider, ProviderKind
from bridge.providers.ics import KIND as ICS


class ShedConnection(Section):
    url: str = Field(description="where the shed is")
    password: Secret | None = Field(default=None, description="opens it")


class ShedDefaults(Section):
    shelves: int = Field(default=3, description="shelves")
    token: Secret | None = Field(default=None, description="for all sheds")


def _open(account: Account) -> Provider:
    return Provider()


SHED = ProviderKind(
    name="shed",
    title="A shed",
    connection_settings=ShedConnection,
    provider_settings=ShedDefaults,
    open=_open,
    synonyms=("hut",),
)
KINDS: Mapping[str, ProviderKind] = {"ics": ICS, "shed": SHED}


def write(directory: Path, text: str) -> Path:
    path = directory / "busybridge.yaml"
    path.write_text(dedent(text).lstrip("\n"))
    return path


def read(
    directory: Path,
    text: str,
    *,
    kinds: Mapping[str, ProviderKind] | None = KINDS,
    environ: Mapping[str, str] | None = None,
) -> Settings:
    return load(write(directory, text), kinds, environ or {})


def problems(
    directory: Path,
    text: str,
    *,
    kinds: Mapping[str, ProviderKind] | None = KINDS,
    environ: Mapping[str, str] | None = None,
) -> list[str]:
    """Every problem as `line: key: message (hint)`; empty when there is none."""
    try:
        read(directory, text, kinds=kinds, environ=environ)
    except ConfigError as err:
        prefix = str(directory / "busybridge.yaml") + ":"
        return [str(problem).removeprefix(prefix) for problem in err.problems]
    return []
