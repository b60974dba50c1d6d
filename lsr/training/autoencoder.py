"""A top-k sparse autoencoder over dense vectors, trained in minutes and resumable.

Every vector is written with its k strongest latents. What the k cannot rebuild is asked of latents
that have died (AuxK), so that they come back; where there are captions, those of an image are asked
to share its latents (contrastive).

Source: Gao et al., arXiv 2406.04093 (top-k, AuxK); CSR, arXiv 2503.01776 (4k, contrastive).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import numpy as np

from lsr.collection.collection import Collection
from lsr.exceptions import CollectionError
from lsr.model.card import SAE
from lsr.model.centred import centred
from lsr.storage.files import write_json
from lsr.storage.folders import remove_folder
from lsr.training.autoencoder_run import Run
from lsr.training.autoencoder_settings import AutoencoderReport, AutoencoderSettings
from lsr.training.latent_names import named_latents
from lsr.training.lexical.settings import LexicalReport
from lsr.training.other_kinds import means, training_captions, training_images, write_other
from lsr.training.run_folder import PROGRESS, is_followed, run_folder, run_to_itself


def make_autoencoder(
    collection: Collection,
    folder: Path,
    settings: AutoencoderSettings | None = None,
    *,
    title: str = "",
    resume: bool = False,
) -> Iterator[AutoencoderReport]:
    """Train an autoencoder on the training images and captions; write the model in `folder`.

    The unfinished run lives beside `folder` until the model is written.

    Raises:
        CollectionError: there are fewer than two images. QueryError: settings that are none.
        ModelError: an unfinished run of that name is there and `resume` is false, or it has other
            settings, or somebody is at it.
        DiskFullError: there is no room.
    """
    settings = settings or AutoencoderSettings()
    settings.check()
    images = training_images(collection)
    if len(images) < 2:
        raise CollectionError(f"There are {len(images):,} images to learn from. Give two or more.")
    settings = settings.for_images(len(images))
    texts, captions, owners = training_captions(collection)
    of_images, of_texts = means(images, captions)
    sides = centred(images, of_images), centred(captions, of_texts)
    work = run_folder(folder)
    with run_to_itself(work):
        run = Run(settings, sides, owners, work)
        run.begin(collection, resume=resume)
        for report in run.steps():
            if is_followed(work):
                left = report.seconds_left
                told = LexicalReport("steps", report.step, report.steps, seconds_left=left)
                write_json(work / PROGRESS, asdict(told))
            yield report
        tensors = {name: one.detach().half().numpy() for name, one in run.parts.items()}
        shift = run.parts["encoder"].detach() @ run.parts["input_bias"].detach()
        bias = (run.parts["encoder_bias"].detach() - shift).numpy()
        tensors = {
            "image_mean": of_images,
            "text_mean": of_texts,
            "encoder": tensors["encoder"],
            "encoder_bias": bias,
            "decoder": tensors["decoder"],
            "k": np.array([settings.k], np.int32),
        }
        vocabulary = named_latents(tensors, sides[1], texts)
        training = {
            "settings": asdict(settings),
            "n_pairs": len(texts),
            "dead_latents": run.n_dead,
            "explained_variance": run.explained,
            "named_latents": sum(map(bool, vocabulary.words)),
        }
        write_other(collection, folder, SAE, tensors, vocabulary, training, title)
        remove_folder(work)
