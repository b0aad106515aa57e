"""What every route that sets something shares: who may, and what is wrong in a program's words."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from bridge.amending import Amending, ManagedByFile, Taken, Trial
from bridge.config.document import BY_API
from bridge.connecting import Connecting, Crowded, Invitations
from bridge.errors import BridgeError, ConfigError, ConfigProblem
from bridge.web.api.answers import crowded
from bridge.web.context import WebContext
from bridge.web.problem import Problem


@contextmanager
def explained(*ids: str | Callable[[], str]) -> Iterator[None]:
    """Turn what refuses a change into an answer.

    Args:
        ids: what is changed: their keys are named without them.

    Raises:
        Problem: 422 `invalid_config`, 409 `managed_by_file`, 409 `connection_exists`, 503.
    """
    try:
        yield
    except ConfigError as err:
        names = [each if isinstance(each, str) else each() for each in ids]
        errors = [
            {"field": _field(each, names), "message": _message(each, names)}
            for each in err.problems[:50]
        ]
        detail = "; ".join(f"{each['field']}: {each['message']}" for each in errors[:5])
        raise Problem(422, "invalid_config", detail, errors=errors) from err
    except Crowded as err:
        raise crowded() from err
    except ManagedByFile as err:
        raise Problem(409, "managed_by_file", f"{err}.") from err
    except Taken as err:
        kind = "connection_id" if "." in err.id else "resource_id"
        code = "connection_exists" if "." in err.id else "conflict"
        raise Problem(409, code, f"{err}.", more={kind: err.id}) from err


def amending(context: WebContext) -> Amending:
    """Give what changes the settings."""
    if context.amending is None:
        raise BridgeError("this process sets nothing")
    return context.amending


def trial(context: WebContext) -> Trial:
    """Give what asks providers before anything is stored."""
    if context.trial is None:
        raise BridgeError("this process asks no providers")
    return context.trial


def owners(context: WebContext) -> tuple[Connecting, Invitations]:
    """Give what asks owners."""
    if context.connecting is None or context.invitations is None:
        raise BridgeError("this process connects no accounts")
    return context.connecting, context.invitations


def _field(problem: ConfigProblem, ids: list[str]) -> str:
    """Name a key as the request did; what stands in the file, as there."""
    for id_ in ids:
        if problem.key == id_:
            return id_
        if problem.key.startswith(f"{id_}.") and problem.file in ("", BY_API):
            return problem.key.removeprefix(f"{id_}.")
    if problem.file in ("", BY_API) and not _is_of(problem.key, ids):
        # What was set of another resource clashes with this: not even its name is told (T49).
        return problem.key.rpartition(".")[2]
    return problem.key


def _is_of(key: str, ids: list[str]) -> bool:
    return key.partition(".")[0] in {id_.partition(".")[0] for id_ in ids}


def _message(problem: ConfigProblem, ids: list[str]) -> str:
    # Elsewhere in the file a hint names what is like it, which may be anybody's (T49).
    is_near = _is_of(problem.key, ids) or problem.key.startswith("resources[")
    return f"{problem.message} ({problem.hint})" if problem.hint and is_near else problem.message
