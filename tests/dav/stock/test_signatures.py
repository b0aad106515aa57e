"""Radicale's plugin interface as we know it: it changed three times in ten months.

A failure here means that Radicale changed something that we override or call. Read its changelog,
adapt the plugin, let every test in `tests/dav` pass, and record the new state with
`pytest tests/dav/stock/test_signatures.py --update-golden`.
"""

from __future__ import annotations

import ast
import difflib
import inspect
import textwrap
import tomllib
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import radicale
from radicale import auth, config, httputils, item, rights, storage
from radicale.app import Application
from radicale.app.base import ApplicationBase

import radicale_plugin
from radicale_plugin import application, collection

ROOT = Path(__file__).parents[3]
RECORD = ROOT / "tests" / "golden" / "radicale" / "signatures.txt"
METHODS = [name for name in dir(Application) if name.startswith("do_")]

KNOWN: dict[type, list[str]] = {
    storage.BaseStorage: [
        "__init__",
        "discover",
        "move",
        "create_collection",
        "acquire_lock",
        "verify",
    ],
    storage.BaseCollection: [
        "path",
        "owner",
        "is_principal",
        "etag",
        "tag",
        "sync",
        "get_multi",
        "get_all",
        "get_filtered",
        "has_uid",
        "upload",
        "delete",
        "get_meta",
        "set_meta",
        "last_modified",
        "serialize",
    ],
    item.Item: ["__init__", "serialize", "vobject_item"],
    auth.BaseAuth: [
        "__init__",
        "_login_ext",
        "_login_ext_with_groups",
        "_sleep_for_constant_exec_time",
        "get_external_login",
        "login",
    ],
    rights.BaseRights: ["__init__", "authorization"],
    ApplicationBase: ["__init__"],
    Application: ["__init__", "__call__", "_handle_request", *METHODS],
    config.Configuration: ["get", "options", "update"],
}
"""What we override, and what we call."""
OURS: dict[type, tuple[type, set[str]]] = {
    radicale_plugin.Storage: (storage.BaseStorage, set()),
    radicale_plugin.Auth: (auth.BaseAuth, set()),
    radicale_plugin.Rights: (rights.BaseRights, set()),
    collection.Collection: (storage.BaseCollection, set()),
    collection.CalendarCollection: (storage.BaseCollection, {"item", "_names", "_item"}),
    collection.LazyItem: (item.Item, set()),
    application.Application: (Application, {"visited", "_must_wait"}),
}
"""Our classes: what each stands in for, and the methods that it adds."""


def function_of(owner: type, name: str) -> Callable[..., Any]:
    found = inspect.getattr_static(owner, name)
    found = found.fget if isinstance(found, property) else found
    return inspect.unwrap(getattr(found, "__func__", found))


def written(owner: type, name: str) -> str:
    """A signature as it stands in the source, the same under every version of Python."""
    source = textwrap.dedent(inspect.getsource(function_of(owner, name)))
    node = ast.parse(source).body[0]
    assert isinstance(node, ast.FunctionDef)
    returns = f" -> {ast.unparse(node.returns)}" if node.returns else ""
    return f"{owner.__module__}.{owner.__name__}.{name}({ast.unparse(node.args)}){returns}"


def state() -> list[str]:
    lines = [written(owner, name) for owner, names in KNOWN.items() for name in names]
    lines += [
        f"radicale.httputils.NOT_ALLOWED = {httputils.NOT_ALLOWED!r}",
        f"radicale.config.load{inspect.signature(config.load)}".partition(" ->")[0],
        *(
            f"radicale.storage.BaseStorage.{name} = {getattr(storage.BaseStorage, name)}"
            for name in vars(storage.BaseStorage)
            if name.startswith(("_is_", "_supports_"))
        ),
    ]
    return lines


def test_radicale_is_as_it_was_recorded(update_golden: bool) -> None:
    if update_golden:
        RECORD.parent.mkdir(exist_ok=True)
        RECORD.write_text("\n".join(state()) + "\n")
    recorded = RECORD.read_text().splitlines()
    difference = list(
        difflib.unified_diff(
            recorded, state(), "recorded", f"radicale {version('radicale')}", lineterm="", n=0
        )
    )
    if difference:
        pytest.fail("Radicale's interface changed:\n" + "\n".join(difference), pytrace=False)


def test_radicale_is_of_the_version_that_is_pinned() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    [pin] = [each for each in project["dependencies"] if each.startswith("radicale")]
    assert pin == "radicale>=3.9,<3.10"
    assert version("radicale").startswith("3.9."), (
        "another minor release: its plugin interface has changed with most of them"
    )


@pytest.mark.parametrize("ours", OURS, ids=lambda each: each.__name__)
def test_every_method_that_is_overridden_is_still_there(ours: type) -> None:
    base, added = OURS[ours]
    own = {name for name, value in vars(ours).items() if callable(value) or is_descriptor(value)}
    own = {name for name in own if not name.startswith("__")}
    assert {name for name in own if not hasattr(base, name)} == added


def is_descriptor(value: object) -> bool:
    return isinstance(value, property | staticmethod | classmethod)


@pytest.mark.parametrize("ours", OURS, ids=lambda each: each.__name__)
def test_every_call_that_the_base_class_takes_is_taken(ours: type) -> None:
    base, _ = OURS[ours]
    for name, value in vars(ours).items():
        if name.startswith("__") or not callable(value) or not hasattr(base, name):
            continue
        theirs = inspect.signature(getattr(base, name))
        for args, kwargs in calls(theirs):
            assert binds(ours, name, args, kwargs), (name, theirs, args, kwargs)


def calls(signature: inspect.Signature) -> Iterator[tuple[int, list[str]]]:
    """The ways to call it: how many arguments by position, and which by name."""
    plain = [
        each
        for each in list(signature.parameters.values())[1:]
        if each.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD
    ]
    required = [each for each in plain if each.default is inspect.Parameter.empty]
    yield len(plain), []
    yield len(required), []
    yield len(required), [each.name for each in plain[len(required) :]]
    yield 0, [each.name for each in plain]


def binds(ours: type, name: str, args: int, kwargs: list[str]) -> bool:
    try:
        inspect.signature(getattr(ours, name)).bind(
            object(), *[None] * args, **dict.fromkeys(kwargs)
        )
    except TypeError:
        return False
    return True


class Call(NamedTuple):
    """A call in Radicale's source."""

    where: str
    receiver: str
    name: str
    args: int
    kwargs: tuple[str, ...]


RECEIVERS: dict[str, tuple[type, ...]] = {
    "self._storage": (radicale_plugin.Storage,),
    "self._rights": (radicale_plugin.Rights,),
    "self._auth": (radicale_plugin.Auth,),
    "collection": (collection.Collection, collection.CalendarCollection),
    "parent_item": (collection.Collection, collection.CalendarCollection),
    "to_collection": (collection.Collection, collection.CalendarCollection),
    "item": (collection.Collection, collection.CalendarCollection),
}


def radicale_calls() -> list[Call]:
    found = []
    for file in sorted((Path(radicale.__file__).parent / "app").glob("*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
                continue
            receiver = ast.unparse(node.func.value)
            if receiver in RECEIVERS:
                assert not any(isinstance(each, ast.Starred) for each in node.args)
                named = tuple(each.arg for each in node.keywords if each.arg)
                where = f"{file.name}:{node.lineno}"
                found.append(Call(where, receiver, node.func.attr, len(node.args), named))
    return found


def test_what_radicale_passes_is_what_we_take() -> None:
    made = radicale_calls()
    used = {(each.receiver, each.name) for each in made}
    assert used >= {
        ("self._storage", "discover"),
        ("self._storage", "acquire_lock"),
        ("self._storage", "create_collection"),
        ("self._storage", "move"),
        ("self._rights", "authorization"),
        ("self._auth", "login"),
        ("self._auth", "get_external_login"),
        ("collection", "sync"),
        ("collection", "get_filtered"),
        ("collection", "get_meta"),
    }
    refused = [
        each
        for each in made
        for ours in RECEIVERS[each.receiver]
        if hasattr(ours, each.name)
        and callable(getattr(ours, each.name))
        and not binds(ours, each.name, each.args, list(each.kwargs))
    ]
    assert refused == []


def test_a_request_reaches_every_method_with_what_radicale_passes() -> None:
    """`_handle_request` calls `function(environ, base_prefix, path, user, groups, info)`."""
    source = textwrap.dedent(inspect.getsource(Application._handle_request))
    [call] = [
        node
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "function"
    ]
    passed = [ast.unparse(each) for each in call.args]
    assert passed == ["environ", "base_prefix", "path", "user", "user_groups", "request_info"]
    assert not call.keywords
    for name in METHODS:
        assert binds(application.Application, name, len(passed), [])


def test_no_method_of_radicale_answers_behind_our_back() -> None:
    """A method that a new Radicale adds would be open without the refusals of ours."""
    inherited = {
        name
        for name in METHODS
        if getattr(application.Application, name) is getattr(Application, name)
    }
    assert inherited == set()
