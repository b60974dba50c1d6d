"""CSV and parquet: read with the csv module, pandas, and our own import."""

from __future__ import annotations

import csv

import numpy as np
import pandas as pd
import pytest

from lsr.imports.vectors.vector_table import read_vector_table


@pytest.fixture
def ids(collection):
    return {"images": collection.image_ids, "captions": collection.caption_ids}


@pytest.mark.parametrize("kind", ["images", "captions"])
def test_csv_holds_every_weight_above_0_once(exported, vocabulary, weights, ids, kind):
    with (exported("csv").folder / f"{kind}_terms.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    read = {(row["id"], row["term"]): float(row["weight"]) for row in rows}
    assert len(read) == len(rows)
    assert read == pytest.approx(
        {
            (ids[kind][row], vocabulary.terms[term]): weights[kind][row, term]
            for row, term in np.argwhere(weights[kind] > 0)
        },
        abs=1e-5,
    )


@pytest.mark.parametrize("kind", ["images", "captions"])
def test_parquet_holds_the_rows_of_csv(exported, kind):
    text = pd.read_csv(exported("csv").folder / f"{kind}_terms.csv", keep_default_na=False)
    columns = pd.read_parquet(exported("parquet").folder / f"{kind}_terms.parquet")
    assert columns["id"].tolist() == text["id"].tolist()
    assert columns["term"].tolist() == text["term"].tolist()
    assert columns["weight"].to_numpy() == pytest.approx(text["weight"].to_numpy())


def test_dense_vectors_are_the_collections_own(exported, collection, ids):
    stored = {"images": collection.image_vectors, "captions": collection.caption_vectors}
    for kind, vectors in stored.items():
        text = pd.read_csv(exported("csv").folder / f"{kind}_vectors.csv")
        assert text["id"].tolist() == ids[kind]
        assert (text.drop(columns="id").to_numpy(np.float32) == vectors).all()
        table = read_vector_table(exported("parquet").folder / f"{kind}_vectors.parquet")
        assert list(table.rows) == ids[kind]
        assert table.vectors == pytest.approx(np.asarray(vectors, np.float32), abs=1e-3)


def test_without_a_model_only_dense_vectors_are_written(exported):
    done = exported("csv", model=None)
    assert {one.name: one.rows for one in done.files} == {
        "images_vectors.csv": 12, "captions_vectors.csv": 24
    }  # fmt: skip
