"""What pydantic found, in plain words: what is wrong, and what would be right."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from bridge.config.document import Document, KeyPath, show_path
from bridge.config.logins import ID_PATTERN
from bridge.config.schema import keys, model_at, nearest, spellings

_REMEDIES: dict[KeyPath, str] = {("version",): "write version: 1"}
_BOUNDS = {
    "greater_than_equal": ("ge", "at least"),
    "greater_than": ("gt", "more than"),
    "less_than_equal": ("le", "at most"),
    "less_than": ("lt", "less than"),
}
_FORMS = {
    ID_PATTERN: "must be lower-case letters, digits, - and _, and begin with a letter or a digit"
}


def report(
    document: Document, model: type[BaseModel], err: ValidationError, prefix: KeyPath = ()
) -> None:
    """Note every error of a model that describes the value at `prefix`."""
    for error in err.errors(include_url=False):
        path = (*prefix, *error["loc"])
        if path in document.reported:
            continue
        message, hint = _words(error, model)
        if (name := document.variables.get(path)) is not None:
            # The value is not in the file and may be meant for other eyes.
            message, hint = f"the value of ${{{name}}} is not valid here", ""
        document.problem(path, message, hint or _REMEDIES.get(path, ""))


def told(err: ValidationError, model: type[BaseModel]) -> list[str]:
    """Say what is wrong with a model that does not come from a file."""
    lines = []
    for error in err.errors(include_url=False):
        message, hint = _words(error, model)
        key = show_path(error["loc"])
        lines.append(f"{key}: {message} ({hint})" if hint else f"{key}: {message}")
    return lines


def plain(error: Mapping[str, Any]) -> str:
    """Say what is wrong with one value of a body or a query, whose model is not at hand."""
    message, hint = _words(error, BaseModel)
    return f"{message} ({hint})" if hint else message


def refuse_unknown(
    document: Document, data: dict[str, Any], path: KeyPath, known: list[str], others: list[str]
) -> None:
    """Note each key that is not among the known ones, and take it out of the data.

    `others` are keys that may be meant although they are read elsewhere.
    """
    for name in [name for name in data if name not in known]:
        del data[name]
        document.problem((*path, name), "unknown key", nearest(name, [*known, *others]))


def _words(error: Mapping[str, Any], model: type[BaseModel]) -> tuple[str, str]:
    kind, context = error["type"], error.get("ctx", {})
    if kind in _SPECIAL:
        return _SPECIAL[kind](error, model)
    if kind in _BOUNDS:
        name, words = _BOUNDS[kind]
        return f"must be {words} {context[name]}", ""
    if kind.endswith(("_parsing", "_type", "_from_float")):
        return _TYPES.get(kind.partition("_")[0], f"is not right here: {error['msg']}"), ""
    return str(error["msg"][:1].lower() + error["msg"][1:]), ""


def _missing(error: Mapping[str, Any], model: type[BaseModel]) -> tuple[str, str]:
    *parents, name = error["loc"]
    parent = model_at(model, tuple(parents))
    for key in keys(parent) if parent else ():
        if key.name == name and key.is_secret:
            return "is missing", f"give {name}_env or {name}_file"
    return "is missing", ""


def _unknown(error: Mapping[str, Any], model: type[BaseModel]) -> tuple[str, str]:
    *parents, name = error["loc"]
    parent = model_at(model, tuple(parents))
    return "unknown key", nearest(str(name), spellings(parent)) if parent else ""


def _own(error: Mapping[str, Any], _model: type[BaseModel]) -> tuple[str, str]:
    message, _, hint = str(error["ctx"]["error"]).partition("; ")
    return message, hint


def _choice(error: Mapping[str, Any], _model: type[BaseModel]) -> tuple[str, str]:
    given, expected = error["input"], error["ctx"]["expected"]
    words = [word for word in expected.replace(" or ", ", ").replace("'", "").split(", ") if word]
    shown = repr(given) if isinstance(given, str | int | float) else "this"
    return f"{shown} is not one of {', '.join(words)}", nearest(str(given), words)


def _form(error: Mapping[str, Any], _model: type[BaseModel]) -> tuple[str, str]:
    pattern = error["ctx"]["pattern"]
    return _FORMS.get(pattern, f"does not have the form {pattern}"), ""


def _too_short(error: Mapping[str, Any], _model: type[BaseModel]) -> tuple[str, str]:
    least = error["ctx"]["min_length"]
    return ("must not be empty" if least == 1 else f"must have at least {least} characters"), ""


def _too_long(error: Mapping[str, Any], _model: type[BaseModel]) -> tuple[str, str]:
    return f"must have at most {error['ctx']['max_length']} characters", ""


def _text(error: Mapping[str, Any], _model: type[BaseModel]) -> tuple[str, str]:
    return "must be text", "" if isinstance(error["input"], dict | list) else "put it in quotes"


_SPECIAL: dict[str, Callable[[Mapping[str, Any], type[BaseModel]], tuple[str, str]]] = {
    "missing": _missing,
    "extra_forbidden": _unknown,
    "value_error": _own,
    "enum": _choice,
    "literal_error": _choice,
    "string_pattern_mismatch": _form,
    "string_too_short": _too_short,
    "string_too_long": _too_long,
    "string_type": _text,
}
_TYPES = {
    "int": "must be a whole number",
    "float": "must be a number",
    "bool": "must be true or false",
    "tuple": "must be a list",
    "list": "must be a list",
    "dict": "must be a mapping of keys to values",
    "model": "must be a mapping of keys to values",
    "path": "must be the path of a file",
}
