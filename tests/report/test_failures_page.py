"""The page of a list: everything inside, pictures small, text as it is."""

from __future__ import annotations

import base64
import re
from html.parser import HTMLParser
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from lsr.failures.cases import find_cases
from lsr.failures.causes import find_causes
from lsr.failures.records import case_records
from lsr.failures.triage import Entry, add_entry, read_triage
from lsr.report import failures_page as made
from lsr.report.failures_page import PIXELS, failures_page
from lsr.sweep.laboratory import open_laboratory


def page(lab, cases, rows) -> str:
    causes = find_causes(cases, lab)
    told = case_records(cases, causes, rows, lab.model.vocabulary.terms, read_triage(lab))
    return failures_page(lab, cases, rows, told, 1)


@pytest.mark.parametrize("direction", ["text-to-image", "image-to-text"])
def test_the_page_has_every_query_its_pictures_and_no_address(collection, model, direction):
    lab = open_laboratory(collection, model, "test", direction)
    cases = find_cases(lab)
    rows = np.flatnonzero(cases.ranks != 1).tolist()
    note = "<script>alert(1)</script> & more"
    add_entry(lab, Entry(cases.ids[rows[0]], "other", note=note, tags=("odd",)))
    text = page(lab, cases, rows)
    HTMLParser().feed(text)
    assert all(cases.ids[row] in text for row in rows)
    assert "<script" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; more" in text
    assert "said: other" in text
    assert "http" not in text
    pictures = re.findall(r"src='data:image/jpeg;base64,([^']+)'", text)
    each = 2 if direction == "text-to-image" else 3
    assert len(pictures) == each * len(rows) == text.count("<img")
    for one in pictures:
        with Image.open(BytesIO(base64.b64decode(one))) as picture:
            assert max(picture.size) <= PIXELS


def test_a_long_list_is_cut_and_says_so(collection, model, monkeypatch):
    monkeypatch.setattr(made, "MOST_CASES", 3)
    lab = open_laboratory(collection, model, "test")
    cases = find_cases(lab)
    text = page(lab, cases, list(range(7)))
    assert text.count("<article") == 3
    assert "the first 3 of 7 queries of 24" in text


def test_a_picture_that_is_gone_leaves_its_place(collection, model):
    lab = open_laboratory(collection, model, "test")
    for path in (collection.folder / "images").iterdir():
        path.unlink()
    text = page(lab, find_cases(lab), [0])
    assert "<img" not in text
    assert text.count("no picture") == 2
