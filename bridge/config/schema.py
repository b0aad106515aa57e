"""What the settings models say about themselves: their keys, the shapes and words of their values.

Secrets, error messages, the example and the reference page all read the models through this.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from enum import Enum
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

SUFFIXES = ("", "_env", "_file")
"""A secret `x` may be given as `x`, `x_env` or `x_file`."""


class Many(Enum):
    """How many values a key holds."""

    ONE = "one"
    LIST = "list"
    MAP = "map"


@dataclass(frozen=True, slots=True)
class Key:
    """One key of a mapping."""

    name: str
    many: Many
    type: Any
    """Of one value; Optional and Annotated are taken off."""
    info: FieldInfo

    @property
    def is_secret(self) -> bool:
        """Tell whether `name_env` and `name_file` exist, too."""
        return self.type is SecretStr

    @property
    def section(self) -> type[BaseModel] | None:
        """The model of a value that is a mapping of its own."""
        is_model = isinstance(self.type, type) and issubclass(self.type, BaseModel)
        return self.type if is_model else None

    @property
    def spellings(self) -> tuple[str, ...]:
        """Every name under which the key can be given."""
        return tuple(self.name + suffix for suffix in (SUFFIXES if self.is_secret else ("",)))

    @property
    def choices(self) -> tuple[str, ...]:
        """The words that the value can be; empty when it is free."""
        if isinstance(self.type, type) and issubclass(self.type, Enum):
            return tuple(str(member.value) for member in self.type)
        if get_origin(self.type) is Literal:
            return tuple(str(word) for word in get_args(self.type))
        return ()


def keys(model: type[BaseModel]) -> Iterator[Key]:
    """Yield the keys that a mapping of this model takes."""
    for name, info in model.model_fields.items():
        if not info.exclude:
            many, value = _shape(info.annotation)
            yield Key(info.alias or name, many, value, info)


def spellings(*models: type[BaseModel]) -> list[str]:
    """Every name under which any key of the models can be given."""
    return [name for model in models for key in keys(model) for name in key.spellings]


def nearest(name: str, known: list[str]) -> str:
    """Return the hint `did you mean "x"?`, or an empty one when nothing is near."""
    found = get_close_matches(name.lower(), known, n=1, cutoff=0.6)
    return f'did you mean "{found[0]}"?' if found else ""


def model_at(model: type[BaseModel], path: tuple[str | int, ...]) -> type[BaseModel] | None:
    """Follow a path through the models; None where it leaves them."""
    rest = list(path)
    while rest:
        name = rest.pop(0)
        key = next((key for key in keys(model) if key.name == name), None)
        if key is None or key.section is None:
            return None
        if key.many is not Many.ONE and rest:
            rest.pop(0)
        model = key.section
    return model


def _shape(annotation: Any) -> tuple[Many, Any]:
    origin = get_origin(annotation)
    if origin is Annotated:
        return _shape(get_args(annotation)[0])
    if origin in {Union, UnionType}:
        present = [each for each in get_args(annotation) if each is not type(None)]
        return _shape(present[0]) if len(present) == 1 else (Many.ONE, annotation)
    if origin in {tuple, list}:
        return Many.LIST, _shape(get_args(annotation)[0])[1]
    if origin is dict:
        return Many.MAP, _shape(get_args(annotation)[1])[1]
    return Many.ONE, annotation
