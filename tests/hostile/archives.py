"""Pictures with captions as others bring them: lists, folders, archives, data sets."""

from __future__ import annotations

import io
import json
import tarfile
import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.ipc as ipc
import pyarrow.parquet as pq

from lsr.exceptions import PictureError
from lsr.imports.imported import ImportRequest
from lsr.imports.planning import plan_import
from lsr.imports.running import run_import
from lsr.storage.pictures import read_picture
from tests.hostile.world import at_home, picture
from tests.imports.conftest import coco, karpathy

_NAMES = ("a.png", "b.png", "below/c.png")
_CAPTIONS = ("two dogs", "a cat, asleep", 'a "red" car')


def _photos(folder: Path) -> None:
    at_home(folder / "home")
    for number, name in enumerate(_NAMES):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        picture(number).save(path)


def make_csv(folder: Path) -> None:
    _photos(folder)
    rows = [
        f'{name},"{text.replace(chr(34), chr(34) * 2)}",train'
        for name, text in zip(_NAMES, _CAPTIONS, strict=True)
    ]
    (folder / "captions.csv").write_text("\n".join(["image,caption,split", *rows, ""]))


def make_tokens(folder: Path) -> None:
    _photos(folder)
    rows = [f"{name}#{n}\t{text}" for name in _NAMES for n, text in enumerate(_CAPTIONS)]
    (folder / "captions.token").write_text("\n".join([*rows, ""]))


def make_json_lines(folder: Path) -> None:
    _photos(folder)
    rows = [
        json.dumps({"image": name, "captions": [text, {"raw": text * 2}], "split": "test"})
        for name, text in zip(_NAMES, _CAPTIONS, strict=True)
    ]
    (folder / "captions.jsonl").write_text("\n".join(rows))


def make_karpathy(folder: Path) -> None:
    _photos(folder)
    (folder / "dataset.json").write_text(karpathy(_NAMES, ("train", "restval", "test")))


def make_coco(folder: Path) -> None:
    _photos(folder)
    (folder / "captions_val2014.json").write_text(coco(_NAMES))


def make_sidecars(folder: Path) -> None:
    _photos(folder)
    for name, text in zip(_NAMES, _CAPTIONS, strict=True):
        (folder / name).with_suffix(".txt").write_text(f"{text}\nanother\n")


def make_splits(folder: Path) -> None:
    make_tokens(folder)
    (folder / "Flickr_8k.trainImages.txt").write_text("a.png\nb.png\n")
    (folder / "Flickr_8k.testImages.txt").write_text("c.png\n")


def make_pictures(folder: Path) -> None:
    for kind, mode in (
        *(("png", one) for one in ("RGB", "RGBA", "LA", "P", "L", "1", "I;16")),
        *(("jpg", one) for one in ("RGB", "L", "CMYK")),
        *(("tiff", one) for one in ("RGB", "L", "CMYK", "F")),
        *(("gif", one) for one in ("P", "L")),
        *(("webp", one) for one in ("RGB", "RGBA")),
        *(("bmp", one) for one in ("RGB", "L", "P")),
    ):
        options = {"compression": "tiff_lzw"} if kind == "tiff" and mode == "RGB" else {}
        drawn = picture(7, size=(40, 30))
        drawn = drawn.convert("L").convert("I;16") if mode == "I;16" else drawn.convert(mode)
        drawn.save(folder / f"{mode.replace(';', '-')}.{kind}", **options)
    picture(8, size=(60, 50)).save(folder / "progressive.jpg", progressive=True)


def make_zip(folder: Path) -> None:
    make_csv(folder / "in")
    at_home(folder / "home")
    with zipfile.ZipFile(folder / "source.zip", "w", zipfile.ZIP_DEFLATED) as made:
        for name in ("captions.csv", *_NAMES):
            made.write(folder / "in" / name, name)


def make_tar(folder: Path) -> None:
    at_home(folder / "home")
    with tarfile.open(folder / "source.tar", "w") as made:
        for number, text in enumerate(_CAPTIONS):
            file = io.BytesIO()
            picture(number).save(file, "PNG")
            told = json.dumps({"caption": text, "split": "test"}).encode()
            for ending, content in (
                (".png", file.getvalue()),
                (".txt", text.encode()),
                (".json", told),
            ):
                one = tarfile.TarInfo(f"{number:04d}{ending}")
                one.size = len(content)
                made.addfile(one, io.BytesIO(content))


def make_shards(folder: Path) -> None:
    at_home(folder / "home")
    rows = []
    for number, text in enumerate(_CAPTIONS):
        file = io.BytesIO()
        picture(number).save(file, "PNG")
        rows.append(
            {
                "image": {"bytes": file.getvalue(), "path": f"{number}.png"},
                "caption": [text, "more"],
                "split": "test",
                "filename": f"{number}.png",
            }
        )
    table = pa.Table.from_pylist(rows)
    pq.write_table(table, folder / "train-0.parquet")
    with ipc.new_stream(folder / "val-0.arrow", table.schema) as writer:
        writer.write_table(table)


def imported(folder: Path) -> None:
    """The dry run and the import of a folder."""
    _imported(folder, folder)


def imported_file(folder: Path) -> None:
    """The same of an archive."""
    _imported(folder, next(folder.glob("source.*")))


def _imported(folder: Path, source: Path) -> None:
    at_home(folder / "home")
    plan = plan_import(ImportRequest(str(source), "mine", encoder="few"))
    for _ in run_import(plan):
        pass


def make_unfinished(folder: Path) -> None:
    """An import that was stopped when some pictures were stored and encoded."""
    make_csv(folder)
    at_home(folder / "home")
    running = run_import(plan_import(ImportRequest(str(folder), "mine", encoder="few")))
    for report in running:
        if report.stage == "encoding captions":
            break
    running.close()


def go_on(folder: Path) -> None:
    imported(folder)


def pictures(folder: Path) -> None:
    """Every picture of the folder, small and as it is; only one was changed."""
    problems = 0
    for file in sorted(folder.glob("*.*")):
        try:
            read_picture(file, most_pixels=200).tobytes()
            read_picture(file.read_bytes(), file.name).tobytes()
        except PictureError:
            problems += 1
    assert problems <= 1
