"""What was done of a proposal already: what whoever goes on with it has to know. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from bridge.model.conference import Conference
from bridge.store.outbox import ProposalRow


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a proposal will be refused, once what was done for it is undone."""

    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class Progress:
    """What `proposals.progress` says of a dispatch; what others noted there stays."""

    made: Conference | None = None
    """A meeting that was made by itself for this proposal."""
    refusal: Refusal | None = None
    """The event that was written is to go, and the proposal is refused then."""
    cancel: str = ""
    """`Owed`, one a line: meetings that nobody needs any more."""
    update: str = ""
    """`Owed`: a meeting that is not in line with its event."""
    changed: str = ""
    """`Owed`: a meeting that is said to have been changed at its maker."""
    others: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def read(cls, noted: Mapping[str, Any]) -> Progress:
        """Read what was noted."""
        own = {name: value for name, value in noted.items() if name in _OWN}
        found = msgspec.convert(own, _Noted)
        others = {name: value for name, value in noted.items() if name not in _OWN}
        return cls(found.made, found.refusal, found.cancel, found.update, found.changed, others)

    @classmethod
    def of(cls, proposal: ProposalRow) -> Progress:
        """Read what was noted with a proposal."""
        return cls.read(json.loads(proposal.progress))

    def write(self) -> dict[str, object]:
        """Give what is to be noted."""
        noted = _Noted(self.made, self.refusal, self.cancel, self.update, self.changed)
        return {**self.others, **msgspec.to_builtins(noted)}


class _Noted(msgspec.Struct, omit_defaults=True):
    made: Conference | None = None
    refusal: Refusal | None = None
    cancel: str = ""
    update: str = ""
    changed: str = ""


_OWN = frozenset(_Noted.__struct_fields__)
