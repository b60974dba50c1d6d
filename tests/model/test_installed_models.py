"""The models that are installed: what they say of themselves, and how one is deleted."""

import pytest

from lsr.exceptions import QueryError, UnknownNameError
from lsr.model.installed import model_overview, remove_model
from lsr.storage.places import ASSETS


def test_a_bundled_model_says_kind_origin_and_verdict():
    one = model_overview(ASSETS / "models" / "demo")
    assert (one.kind, one.bundled, one.n_terms) == ("projection", True, 30_522)
    assert one.origin.startswith("made here of collection demo (")
    assert one.verdict is not None
    assert {"sparse", "readable", "keeps_teacher", "change"} <= set(one.verdict)


def test_a_model_of_ones_own_is_deleted_whole_and_no_other(model, home):
    assert not model_overview(model.folder).bundled
    remove_model("tiny")
    assert list((home / "models").iterdir()) == []
    with pytest.raises(UnknownNameError, match="no model `tiny`"):
        remove_model("tiny")
    with pytest.raises(QueryError, match="bundled model"):
        remove_model("demo")
