"""No cell of a CSV is computed by the spreadsheet that opens it."""

import pandas as pd
import pyarrow.csv as pcsv
import pyarrow.parquet as pq
import pytest

from lsr.exports.cells import harmless, harmless_table
from lsr.exports.exporting import export


@pytest.mark.parametrize(
    "text", ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "=", "-x", "--"]
)
def test_what_begins_as_a_formula_gets_an_apostrophe(text):
    assert harmless(text) == (text if len(text) == 1 else f"'{text}")


@pytest.mark.parametrize("text", ["", "dog", "-", "+", "-0.5", "+12", "1=1", "##ing", "a@b"])
def test_words_signs_and_numbers_stay(text):
    assert harmless(text) == text


def test_a_table_is_made_harmless_and_its_numbers_stay():
    table = pd.DataFrame({"=a": ["=1", "dog"], "n": [-1.5, 2.0]})
    made = harmless_table(table)
    assert made.to_csv(index=False) == "'=a,n\n'=1,-1.5\ndog,2.0\n"


def test_an_export_as_csv_is_harmless_and_says_so(collection, tmp_path):
    path = collection.folder / "images.parquet"
    table = pq.read_table(path).to_pydict()
    changed = table["id"][0]
    for name, column in (("images", "id"), ("captions", "image_id")):
        file = collection.folder / f"{name}.parquet"
        rows = pq.read_table(file)
        ids = ["=cmd()" if one == changed else one for one in rows[column].to_pylist()]
        place = rows.column_names.index(column)
        pq.write_table(rows.set_column(place, column, [ids]), file)
    made = export(tmp_path / "out", "csv", "tiny", None)
    assert "1 ids and terms begin as formulas do" in " ".join(made.notes)
    written = pcsv.read_csv(tmp_path / "out" / "images_vectors.csv")["id"].to_pylist()
    assert written.count("'=cmd()") == 1
    assert "=cmd()" not in written
