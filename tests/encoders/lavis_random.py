"""Run by the Python of `.venv-lavis`: random weights, and what LAVIS itself makes of them.

    python lavis_random.py WORKER_FILE TOKENIZER TEXTS_AND_PICTURES.npz OUT

writes `OUT/FAMILY.pth` and `OUT/FAMILY.npz` (`texts`, `pictures`) for albef and blip.
"""

import importlib.util
import sys
from pathlib import Path

import numpy as np

worker_file, tokenizer, given, out = sys.argv[1:]
described = importlib.util.spec_from_file_location("lavis_worker", worker_file)
lavis_worker = importlib.util.module_from_spec(described)
described.loader.exec_module(lavis_worker)

inputs = np.load(given)
pictures = [inputs[name] for name in sorted(inputs.files) if name.startswith("picture")]
for family in ("albef", "blip"):
    model = lavis_worker.LavisModel(f"{family}/random", tokenizer)
    import torch

    torch.manual_seed(1)
    with torch.no_grad():
        for parameter in model._model.parameters():  # far from what networks begin with
            parameter += 0.02 * torch.randn_like(parameter)
    torch.save({"model": model._model.state_dict()}, Path(out) / f"{family}.pth")
    np.savez(
        Path(out) / f"{family}.npz",
        texts=model.texts(inputs["texts"].tolist()),
        pictures=model.pictures(pictures),
    )
