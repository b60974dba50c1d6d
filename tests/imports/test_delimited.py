"""Rows of CSV as the standard library reads them, and none lost where a quotation mark is open."""

import csv
import random
from io import StringIO

import pytest

from lsr.imports.readers.delimited import header_of, rows_below
from tests.imports.conftest import captions_by_image


def rows(text: str) -> list[list[str]]:
    return [row.cells for row in rows_below(text, header_of(text))]


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_what_the_standard_library_writes_is_read_as_it_was(seed, end):
    letters, draw = 'ab ,;"\n', random.Random(seed)
    written = [
        [f"img_{n}.jpg", "".join(draw.choice(letters) for _ in range(draw.randrange(1, 12))), "x"]
        for n in range(30)
    ]
    file = StringIO(newline="")
    csv.writer(file, lineterminator=end).writerows([["image", "caption", "split"], *written])
    assert rows(file.getvalue()) == written


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ('u0.jpg,"a sign begins\nu1.jpg,a 36" screen\nu2.jpg,two\n',
         [["u0.jpg", '"a sign begins'], ["u1.jpg", 'a 36" screen'], ["u2.jpg", "two"]]),
        # The mark in the next row would close the cell, at the very end of it.
        ('u0.jpg,"a sign begins\nu1.jpg,a screen of 36"\nu2.jpg,two\n',
         [["u0.jpg", '"a sign begins'], ["u1.jpg", 'a screen of 36"'], ["u2.jpg", "two"]]),
        ('u0,"a sign begins\nu1,a screen of 36"\nu2,two\n',
         [["u0", '"a sign begins'], ["u1", 'a screen of 36"'], ["u2", "two"]]),
        ('u0.jpg,"a sign\n\nu1.jpg,one\n', [["u0.jpg", '"a sign'], ["u1.jpg", "one"]]),
        ('u0.jpg,"hello" he said\nu1.jpg,one\n',
         [["u0.jpg", '"hello" he said'], ["u1.jpg", "one"]]),
        ('u0.jpg,"on a beach,\nin the ""sun"""\nu1.jpg,one\n',
         [["u0.jpg", 'on a beach,\nin the "sun"'], ["u1.jpg", "one"]]),
        ('u0.jpg,"never closed', [["u0.jpg", '"never closed']]),
    ],
)  # fmt: skip
def test_an_open_quotation_mark_stays_in_its_row(body, expected):
    assert rows("image,caption\n" + body) == expected


def test_rows_keep_the_number_of_their_first_line():
    text = '\nimage,caption\na0.jpg,"x\ny"\n\na1.jpg,z\n'
    assert [row.number for row in rows_below(text, header_of(text))] == [3, 6]


def test_no_caption_is_swallowed_on_the_way_into_a_collection(photos, importing):
    (photos / "captions.csv").write_text(
        'image,caption\np0.jpg,"a sign begins\np1.jpg,a screen of 36"\np2.jpg,"two\nlines"\n'
    )
    made = importing(photos)
    found = {image: said for image, said in captions_by_image(made.collection).items() if said}
    assert found == {"p0": ['"a sign begins'], "p1": ['a screen of 36"'], "p2": ["two lines"]}
    assert made.skipped == []
