from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from bridge.store.database import Database
from tests.scheduler.world import World, settings_of


@pytest.fixture
def build_world() -> Iterator[Callable[..., World]]:
    """Build worlds on any database; one that is `like` another is a second process to it."""
    made: list[World] = []

    def build(database: Database | None, count: int = 1, *, like: World | None = None, **sync: Any):
        if like is None:
            world = World(database, settings_of(count, **sync))
        else:
            world = World(Database(like.database.url), like.settings, like.clock, like.sources)
        made.append(world)
        return world

    yield build
    for world in made:
        world.close()
        world.database.close()


@pytest.fixture
def make_world(database: Database, build_world: Callable[..., World]) -> Callable[..., World]:
    """Build worlds on the test's database, of each kind."""
    return lambda *args, **keys: build_world(database, *args, **keys)
