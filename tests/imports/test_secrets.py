"""A file that is no list of captions is refused without a word of what it holds."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from lsr.exceptions import InputError
from lsr.imports.imported import ImportRequest
from lsr.imports.planning import plan_import

SECRET = "hunter2"
SHAPES = {
    "a line": f"{SECRET}\n",
    "settings": f"[db]\npassword = {SECRET}\n",
    "variables": f"PASSWORD={SECRET}\nTOKEN={SECRET}\n",
    "accounts": f"{SECRET}:x:0:0:{SECRET}:/root:/bin/sh\n",
    "commas": f"{SECRET},{SECRET}\n1,2\n",
    "tabs": f"{SECRET}\t{SECRET}\n1\t2\n",
    "a quotation": f'"{SECRET}\n{SECRET}\n',
    "a key": f"-----BEGIN {SECRET}-----\n{SECRET}\n",
    "a token": f"{SECRET}#0 {SECRET}\n",
    "an object": json.dumps({SECRET: SECRET}),
    "a list": json.dumps([SECRET, {SECRET: SECRET}]),
    "a text": json.dumps(SECRET),
    "images": json.dumps({"images": [{SECRET: SECRET}], SECRET: 1}),
    "sentences": json.dumps({"images": [{"sentences": SECRET, SECRET: SECRET}]}),
    "annotations": json.dumps({"images": [{SECRET: SECRET}], "annotations": [{SECRET: SECRET}]}),
    "lines of objects": f"{json.dumps({SECRET: SECRET})}\n" * 2,
    "broken": "{" + SECRET,
    "another encoding": f"{SECRET} \xe9\n",
}
NAMES = ("secret", "captions.csv", "captions.json", "captions.jsonl", "dataset.json", "x.token")


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    Image.new("RGB", (4, 4)).save(folder / "a.png")
    return folder


def told(request: ImportRequest) -> str:
    """All that a dry run says, be it a plan or why there is none."""
    try:
        plan = plan_import(request)
    except InputError as problem:
        return str(problem)
    left_out = (f"{one.file} {one.why}" for one in plan.skipped)
    return " ".join([*plan.notes, *left_out, *plan.splits])


@pytest.mark.parametrize("shape", SHAPES)
def test_what_is_named_as_captions_is_not_quoted(shape, photos, tmp_path):
    for name in NAMES:
        file = tmp_path / name
        file.write_text(SHAPES[shape], encoding="latin-1")
        for form in (None, "coco", "karpathy", "flickr"):
            said = told(ImportRequest(str(photos), "x", captions=str(file), form=form))
            assert name in said
            assert SECRET not in said


@pytest.mark.parametrize("shape", SHAPES)
def test_what_lies_beside_pictures_is_not_quoted(shape, photos):
    for name in NAMES:
        (photos / name).write_text(SHAPES[shape], encoding="latin-1")
        assert SECRET not in told(ImportRequest(str(photos), "x"))
        (photos / name).unlink()
