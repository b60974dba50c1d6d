"""What the authors of Dense2Sparse publish: checkpoints, and dense vectors of captioned images.

Source: github.com/thongnt99/lsr-multimodal, and the repositories `lsr42/…` on huggingface.co.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from lsr.exceptions import ModelError, shorten
from lsr.imports.imported import ImportedModel
from lsr.imports.listing import GivenVectors, ListedImage, Listing
from lsr.imports.readers.karpathy import read_karpathy
from lsr.imports.vectors.joining import join
from lsr.imports.vectors.local_pictures import find_pictures
from lsr.imports.vectors.vector_table import read_vector_table
from lsr.model.checkpoint import load_head, save_model
from lsr.model.expansion_thresholds import ENTRY, ExpansionThresholds
from lsr.model.vocabulary import Vocabulary
from lsr.storage.files import read_json
from lsr.storage.hub import Source
from lsr.storage.places import BUNDLED_ENCODER

CHECKPOINT_FILES = ("config.json", "model.safetensors")
DATA_FILES = ("dataset_meta.json", "img_embs.parquet", "text_embs.parquet")
# `blip` and `albef` as words of a name; BLIP-2 is another encoder.
_ENCODER_IN_NAME = re.compile(r"(?<![a-z])(blip|albef)(?![a-z]|[-_]?2(?!\d))")


def encoder_named_in(name: str) -> str:
    """`blip` or `albef` where the name of a checkpoint or data set says so, else `unknown`."""
    found = _ENCODER_IN_NAME.search(name.lower())
    return found[1] if found else "unknown"


def import_checkpoint(source: Source, target: Path, encoder: str = "") -> ImportedModel:
    """The published head as a model in `target`, with the very weights.

    Thresholds for added terms, which a head made here may have, come with it.

    Without a tokenizer.json, a head of as many terms as the bundled BERT vocabulary gets that
    one: it is what the authors trained on.

    Raises:
        ModelError: a file is damaged, sizes differ, or the vocabulary is not known.
    """
    config = read_json(source.folder / "config.json", ModelError)
    head = load_head(source.folder)
    if config.get("dense_size", head.dense_size) != head.dense_size:
        raise ModelError(
            f"The config.json of `{source.name}` says that it reads vectors of "
            f"{config['dense_size']} numbers, but its weights read {head.dense_size}. Restore the "
            "file that is wrong."
        )
    vocabulary = _vocabulary_of(source, head.vocabulary_size)
    card: dict[str, Any] = {
        "title": source.name,
        "encoder": encoder or config.get("encoder") or encoder_named_in(source.name),
        "imported": {"format": "Dense2Sparse checkpoint", "source": source.name},
    }
    if thresholds := ExpansionThresholds.from_card(source.folder, config):
        card[ENTRY] = thresholds.as_json()
    training = {"source": source.name, "published_config": config}
    model = save_model(target, head, vocabulary, card=card, training=training, metrics={})
    return ImportedModel(model)


def _vocabulary_of(source: Source, n_terms: int) -> Vocabulary:
    own = source.folder / "tokenizer.json"
    vocabulary = Vocabulary.load(own if own.is_file() else BUNDLED_ENCODER / "tokenizer.json")
    if len(vocabulary) == n_terms:
        return vocabulary
    if own.is_file():
        raise ModelError(
            f"Checkpoint `{source.name}` weighs {n_terms:,} terms but its tokenizer.json has "
            f"{len(vocabulary):,}. Give it the tokenizer.json that it was trained with."
        )
    raise ModelError(
        f"Checkpoint `{source.name}` weighs {n_terms:,} terms and holds no tokenizer.json; the "
        f"bundled BERT vocabulary has {len(vocabulary):,}. Put the tokenizer.json that it was "
        "trained with into its folder."
    )


def read_vectors(source: Source, encoder: str = "") -> Listing:
    """The published vectors with their images and captions.

    Pictures are taken over where the folder holds them; COCO's images keep their address.

    Args:
        encoder: what made the vectors; by default what the name of the source says.

    Raises:
        CollectionError: a file is damaged, or the three files do not fit together.
    """
    meta, image_file, caption_file = (source.folder / name for name in DATA_FILES)
    listed = read_karpathy(meta)
    image_vectors, caption_vectors = map(read_vector_table, (image_file, caption_file))
    joined = join(listed, image_vectors, caption_vectors)
    name = encoder or encoder_named_in(source.name)
    title = shorten(listed.dataset or source.name)
    return Listing(
        "vectors",
        [
            ListedImage(
                image.filename or image.id, captions, image.split, image.id, place, image.url
            )
            for image, captions, place in zip(
                joined.images,
                joined.captions,
                find_pictures(source.folder, joined.images),
                strict=True,
            )
        ],
        title if name == "unknown" else f"{title}, {name} vectors",
        joined.skipped,
        joined.notes,
        GivenVectors(
            name,
            image_vectors.vectors[joined.image_rows],
            caption_vectors.vectors[joined.caption_rows],
        ),
    )
