"""A look through a source ends: after so many files, or when an answer is due."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from lsr.exceptions import CollectionError
from lsr.imports.imported import ImportRequest
from lsr.imports.planning import plan_import
from lsr.imports.readers.bounds import within


@pytest.fixture
def many(tmp_path: Path) -> Path:
    """A folder with ten files, none of them a picture, in ten folders."""
    for number in range(10):
        (tmp_path / "many" / f"{number}").mkdir(parents=True)
        (tmp_path / "many" / f"{number}" / "note.txt").write_text("x")
    return tmp_path / "many"


def test_more_files_than_may_be_looked_at_are_refused(many):
    with within(files=19, seconds=600), pytest.raises(CollectionError, match="more than 19 files"):
        plan_import(ImportRequest(str(many), "x"))
    with within(files=20, seconds=600), pytest.raises(Exception, match="Expected are"):
        plan_import(ImportRequest(str(many), "x"))


def test_a_zip_is_counted_too(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for number in range(20):
            archive.writestr(f"{number}.jpg", b"")
    with within(files=19, seconds=600), pytest.raises(CollectionError, match="more than 19 files"):
        plan_import(ImportRequest(str(tmp_path / "a.zip"), "x"))


@pytest.mark.parametrize("form", [None, "folder", "huggingface"])
def test_a_look_that_takes_too_long_ends(many, form):
    request = ImportRequest(str(many), "x", form=form)
    with within(files=1_000, seconds=-1), pytest.raises(CollectionError, match="Looking through"):
        plan_import(request)


def test_outside_the_block_nothing_is_bounded(many):
    with within(files=0, seconds=-1):
        pass
    with pytest.raises(Exception, match="Expected are"):
        plan_import(ImportRequest(str(many), "x"))
