import threading

import pytest

from lsr.index.memory import segment
from lsr.kernels.search import FEW_ROWS


@pytest.fixture(scope="module", params=[FEW_ROWS, 0], ids=["few images", "candidates"])
def each_way(request):
    """Small indexes are searched as few images are, then as many are."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(segment, "FEW_ROWS", request.param)
        patch.setattr(segment, "_OWN", threading.local())
        yield
