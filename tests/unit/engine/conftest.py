from typing import Any

import pytest

from fxengine.engine import CoreType
from tests.fix_identities import fix_identities
from tests.unit.engine import flow

__all__ = ["fix_identities"]


@pytest.fixture(params=flow.core_types(), ids=lambda core_type: core_type.__module__)
def core_type(request: pytest.FixtureRequest) -> CoreType:
    chosen: Any = request.param
    core: CoreType = chosen
    return core
