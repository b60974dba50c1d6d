"""JSON objects become dataclasses only when every field is what it should be."""

from dataclasses import dataclass
from typing import Literal

import pytest

from lsr.storage.records import check_fields, fits, record_of
from lsr.storage.untrusted import UnexpectedError


@dataclass(frozen=True)
class Inner:
    step: int


@dataclass(frozen=True)
class Outer:
    name: str
    kind: Literal["a", "b"]
    rates: dict[str, float]
    models: tuple[str, ...] = ()
    inner: Inner | None = None
    limit: int | None = None


SOUND = {"name": "x", "kind": "a", "rates": {"R@1": 1}, "models": ["m"], "inner": {"step": 3}}


def test_a_sound_object_is_the_record_with_tuples_and_records_inside():
    assert record_of(Outer, SOUND) == Outer("x", "a", {"R@1": 1}, ("m",), Inner(3))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": 3}, "has 3 as `name`, not str"),
        ({"kind": "c"}, "has 'c' as `kind`, not typing.Literal"),
        ({"rates": {"R@1": "high"}}, "as `rates`, not dict"),
        ({"rates": [1]}, "as `rates`, not dict"),
        ({"models": "m"}, "has 'm' as `models`, not tuple"),
        ({"models": [1]}, "as `models`, not tuple"),
        ({"inner": {"step": True}}, "has True as `step`, not int"),
        ({"inner": {}}, "lacks `step`"),
        ({"limit": 10**30}, "as `limit`, not int"),
        ({"other": 1}, "has `other`, which is not known"),
    ],
)
def test_another_field_is_refused_by_name(change, message):
    with pytest.raises(UnexpectedError, match=message):
        record_of(Outer, SOUND | change)


def test_what_is_needed_must_be_there_and_what_is_optional_may():
    with pytest.raises(UnexpectedError, match="lacks `name`"):
        record_of(Outer, {"kind": "a", "rates": {}})
    with pytest.raises(UnexpectedError, match="holds a list, not an object"):
        record_of(Outer, [SOUND])
    check_fields({"a": 1}, {"a": int}, b=str)
    with pytest.raises(UnexpectedError, match="has 2 as `b`, not str"):
        check_fields({"a": 1, "b": 2}, {"a": int}, b=str)


@pytest.mark.parametrize(
    ("value", "kind", "expected"),
    [
        (1, float, True),
        (True, float, False),
        (True, int, False),
        (1.0, int, False),
        (None, int | None, True),
        ("a", int | None, False),
        ([["a"]], list[list[str]], True),
        ([["a", 1]], list[list[str]], False),
        ([1, 2, 3], tuple[int, int], False),
    ],
)
def test_a_value_fits_its_type(value, kind, expected):
    assert fits(value, kind) is expected
