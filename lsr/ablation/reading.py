"""Reading the tables of an ablation, and placing a user's own models beside them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from lsr.exceptions import CollectionError, ModelError
from lsr.storage.files import read_json
from lsr.storage.places import ASSETS, folders
from lsr.storage.records import check_fields
from lsr.storage.untrusted import DamagedError, parsed
from lsr.training.settings import settings_from_json

SHIPPED = ASSETS / "ablation"


@dataclass(frozen=True)
class AblationTables:
    """What `ablate` wrote: rows of runs.parquet and mismatch.parquet, and its command lines."""

    runs: list[dict[str, Any]]
    mismatch: list[dict[str, Any]]
    command: str

    def study(self, name: str) -> list[dict[str, Any]]:
        """The runs of one study."""
        return [row for row in self.runs if row["study"] == name]


def read_ablation(folder: Path = SHIPPED) -> AblationTables | None:
    """The tables in a folder; None where there are none.

    Raises:
        CollectionError: a file is damaged.
    """
    if not (folder / "runs.parquet").exists():
        return None
    card = read_json(folder / "ablation.json", CollectionError)
    try:
        with parsed():
            runs = pq.read_table(folder / "runs.parquet").to_pylist()
            path = folder / "mismatch.parquet"
            mismatch = pq.read_table(path).to_pylist() if path.exists() else []
            check_fields(card, {}, commands=list[str])
            for row in mismatch:
                row.setdefault("queries", "")  # of a grid measured on captions alone
            for row in runs:
                check_fields(row, dict.fromkeys(("study", "run", "control"), str))
    except (DamagedError, OSError) as problem:
        raise CollectionError(
            f"The ablation in `{folder}` cannot be read ({problem}). Run `python -m lsr ablate "
            "--out FOLDER` anew."
        ) from None
    return AblationTables(runs, mismatch, "\n".join(card.get("commands", [])))


def _trained_with(training: dict[str, Any]) -> tuple[str, float | None]:
    """Control and regularizer weight of a model, trained freely or tuned; a closed form has none.

    Raises:
        KeyError, ModelError: another version wrote it.
    """
    if "method" in training:
        tuning = training.get("tuning", {})
        return tuning.get("control", training["method"]), tuning.get("regularizer_weight")
    settings = settings_from_json(training["settings"])
    return str(settings.control), settings.document_regularizer_weight


def trained_models(collection_fingerprint: str) -> list[dict[str, Any]]:
    """Rows like those of runs.parquet for the models trained on a collection, one each.

    `control` is the model's name. Models without settings or metrics are left out.
    """
    rows = []
    for folder in folders("models"):
        try:
            training = read_json(folder / "training.json", ModelError)
            metrics = read_json(folder / "metrics.json", ModelError)
            config = read_json(folder / "config.json", ModelError)
            control, weight = _trained_with(training)
            if training["collection"]["fingerprint"] != collection_fingerprint:
                continue
            rows.append(
                {
                    "control": folder.name,
                    "trained with": control,
                    "regularizer_weight": weight,
                    "hidden_size": config["hidden_size"],
                    "R@1": metrics["sparse"]["R@1"],
                    "literal_R@1": metrics["literal"]["R@1"],
                    "exact@20": metrics["exact@20"],
                    "semantic@20": metrics.get("semantic@20"),
                    "overlap@10": metrics["overlap@10"],
                    "flops": metrics["flops"],
                    "active_terms_query": metrics["active_terms"]["query"],
                    "active_terms_image": metrics["active_terms"]["image"],
                }
            )
        except (ModelError, KeyError, TypeError, json.JSONDecodeError):
            continue
    return rows
