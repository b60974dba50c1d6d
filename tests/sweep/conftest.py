from __future__ import annotations

import pytest

from lsr.evaluation.task import Task, make_task
from tests.sweep.brute import DIRECTIONS, World, make_world


@pytest.fixture(scope="session", params=[2, 10])
def world(request: pytest.FixtureRequest) -> World:
    return make_world(request.param)


@pytest.fixture(params=DIRECTIONS)
def direction(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def task(world: World, direction: str) -> Task:
    return make_task(world.projected(), direction, world.vectors)
