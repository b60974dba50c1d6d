"""Real photos: build the Flickr8k collection from local vectors, train a head, measure it.

    python -m benchmarks.flickr8k FOLDER      FOLDER holds captions.txt, photos/, vectors_local/

Writes collection and model `flickr8k` under $LEXISCOPE_HOME, where every command and page finds
them, and prints the figures of `python -m lsr evaluate --collection flickr8k --model flickr8k`.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import torch
from PIL import Image

from lsr.collection.collection import Collection
from lsr.collection.writing import write_collection
from lsr.storage.places import home
from lsr.training.recipes import COMPACT_RECIPE, with_overrides
from lsr.training.train_model import train_model

SPLIT_NAMES = {"train": "train", "dev": "val", "test": "test"}


def build(source: Path) -> Collection:
    """The collection of all 8,091 photos; those of dev and test have pictures."""
    vectors = source / "vectors_local"
    images = pd.read_csv(vectors / "images.csv")
    captions = pd.read_csv(vectors / "captions.csv", keep_default_na=False)
    known = {path.name for path in (source / "photos").glob("*.jpg")}
    kept = images["split"].isin(SPLIT_NAMES)
    images = images[kept].reset_index(drop=True)
    captions = captions[captions["image_row"].isin(images["row"])].reset_index(drop=True)
    names = dict(zip(images["row"], images["image"], strict=True))
    copied = Path(tempfile.mkdtemp()) / "images"
    copied.mkdir()
    for name in known & set(images["image"]):
        shutil.copy(source / "photos" / name, copied / name)
    sizes = {name: Image.open(copied / name).size for name in known & set(images["image"])}
    return write_collection(
        home() / "collections" / "flickr8k",
        card={
            "name": "flickr8k",
            "title": "Flickr8k photos",
            "licence": "Research use; the photos belong to their owners",
            "source": "Flickr8k, vectors of a small local encoder",
            "encoder": "flickr8k-local",
        },
        images=pa.table(
            {
                "id": images["image"].str.removesuffix(".jpg").tolist(),
                "file": [name if name in known else None for name in images["image"]],
                "url": pa.nulls(len(images), pa.string()),
                "width": [sizes.get(name, (224, 224))[0] for name in images["image"]],
                "height": [sizes.get(name, (224, 224))[1] for name in images["image"]],
                "split": images["split"].map(SPLIT_NAMES).tolist(),
            }
        ),
        captions=pa.table(
            {
                "id": [f"caption-{row:05d}" for row in captions["row"]],
                "image_id": [names[r].removesuffix(".jpg") for r in captions["image_row"]],
                "text": captions["caption"].tolist(),
                "split": captions["split"].map(SPLIT_NAMES).tolist(),
            }
        ),
        image_vectors=np.load(vectors / "image.npy")[images["row"]],
        caption_vectors=np.load(vectors / "text.npy")[captions["row"]],
        pictures=copied,
    )


def main() -> None:
    """Build, train, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--epochs", type=int)
    options = parser.parse_args()
    collection = build(options.folder)
    print(f"{len(collection.image_ids):,} images, {len(collection.caption_texts):,} captions")
    # Small real data overfits: noise on the inputs and softer targets, found on the val split.
    settings = with_overrides(
        COMPACT_RECIPE,
        temperature=0.03,
        noise=0.3,
        epochs=options.epochs,
        query_regularizer_weight=2.5e-3,
        document_regularizer_weight=2.5e-3,
    )
    folder = home() / "models" / "flickr8k"
    seconds = 0.0
    for report in train_model(collection, folder, settings, resume=True):
        seconds += report.seconds
        print(
            f"epoch {report.epoch}/{report.epochs}  validation R@1 {report.measures['R@1']:.3f}  "
            f"{report.active_terms_image:.0f} active terms an image"
        )
    print(f"trained in {seconds:.0f} s on {torch.get_num_threads()} threads")
    print(json.dumps(json.loads((folder / "metrics.json").read_text()), indent=1))


if __name__ == "__main__":
    main()
