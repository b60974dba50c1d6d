import pytest

from lsr.exceptions import QueryError
from lsr.storage.places import check_name


@pytest.mark.parametrize("name", ["con", "NUL", "aux.photos", "Com1", "lpt9.v2.x", "prn", "mine."])
def test_a_name_that_windows_cannot_hold_is_refused(name):
    with pytest.raises(QueryError, match="cannot name a model: Windows could not hold"):
        check_name(name, "name a model")


@pytest.mark.parametrize("name", ["console", "my-con", "nul-1", "com", "com10", "v1.2", "a.con"])
def test_a_name_that_only_looks_like_it_is_taken(name):
    check_name(name)
