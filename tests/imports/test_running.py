"""What an import makes: pictures, splits, duplicates; and that a kill costs nothing."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lsr.cli.main import build_parser, main
from lsr.collection.collection import load_collection
from lsr.exceptions import CollectionError, InputError
from lsr.imports.formats import FORM_NAMES
from lsr.imports.imported import ImportRequest
from lsr.imports.listing import ListedCaption, ListedImage
from lsr.imports.planning import plan_import
from lsr.imports.readers.containers import scan_folder
from lsr.imports.readers.duplicates import first_copies
from lsr.imports.readers.splits import with_splits
from lsr.imports.running import run_import
from lsr.imports.thumbnails import LARGE, SMALL
from lsr.storage.locks import exclusive
from tests.imports.conftest import captions_by_image, photo, write_photos, write_zip

ROOT = Path(__file__).resolve().parents[2]


def opened(place: Path) -> Image.Image:
    with Image.open(place) as picture:
        assert picture.format == "WEBP"
        return picture.copy()


def test_pictures_are_stored_upright_at_two_widths(tmp_path, importing):
    source = tmp_path / "x"
    source.mkdir()
    exif = Image.Exif()
    exif[0x0112] = 6
    for name, size in (("large", (1500, 1000)), ("middle", (400, 500)), ("small", (320, 200))):
        (source / f"{name}.jpg").write_bytes(photo(1 + len(name), size))
    left_red = Image.new("RGB", (900, 600), "blue")
    left_red.paste("red", (0, 0, 450, 600))
    left_red.save(source / "turned.jpg", exif=exif, quality=95)
    collection = importing(source).collection
    sizes = {}
    for row, image_id in enumerate(collection.image_ids):
        places = [collection.picture(row, pixels) for pixels in (None, LARGE, SMALL, 100)]
        sizes[image_id] = [opened(place).size for place in places]
    assert sizes == {
        "large": [(640, 427), (640, 427), (320, 213), (320, 213)],
        "middle": [(400, 500), (400, 500), (256, 320), (256, 320)],
        "small": [(320, 200)] * 4,
        "turned": [(427, 640), (427, 640), (213, 320), (213, 320)],
    }
    table = collection.images.to_pydict()
    full = dict(zip(table["id"], zip(table["width"], table["height"], strict=True), strict=True))
    assert (full["large"], full["turned"]) == ((1500, 1000), (600, 900))
    top = np.asarray(opened(collection.picture(collection.image_row("turned"))))[10, 200]
    assert top[0] > 200 > 100 > top[2]
    assert not any(p.suffix != ".webp" for p in (collection.folder / "images").rglob("*.*"))


def test_a_copy_is_taken_once_and_gives_its_captions_to_the_first(photos, importing):
    for name in ("p1.jpg", "P7.JPG"):
        (photos / f"z{name}").write_bytes((photos / name).read_bytes())
    (photos / "captions.csv").write_text(
        "image,caption,split\np1.jpg,a dog,train\nzp1.jpg,a dog,test\nzp1.jpg,a cat,test\n"
    )
    made = importing(photos)
    assert captions_by_image(made.collection)["p1"] == ["a dog", "a cat"]
    assert {one.file: one.why for one in made.skipped} == {
        "zp1.jpg": "The same picture as `p1.jpg`, which gets 1 of its 2 captions; it was in "
        "split `test`, that one stays in `train`.",
        "zP7.JPG": "The same picture as `P7.JPG`.",
    }
    both = importing(photos, merge_duplicates=False)
    assert (len(both.collection.images), both.skipped) == (12, [])


def test_copies_are_found_by_content_alone(tmp_path):
    rng = np.random.default_rng(3)
    same_start = rng.bytes(5000)
    files = {
        "a": b"1" * 9000, "b": b"1" * 9000, "c": b"2" * 9000, "d": same_start + b"x",
        "e": same_start + b"y", "f": same_start + b"x", "g": b"", "h": b"",
    }  # fmt: skip
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    container = scan_folder(tmp_path, "x")
    names = list(container.files)
    firsts = first_copies(list(container.files.values()))
    copies = {names[row]: names[first] for row, first in enumerate(firsts) if row != first}
    assert copies == {"b": "a", "f": "d"}


def test_copies_in_a_zip_are_found_too(tmp_path, importing):
    path = write_zip(tmp_path / "x.zip", {"a.jpg": photo(1), "b.jpg": photo(2), "c.jpg": photo(1)})
    made = importing(path)
    assert (made.collection.image_ids, made.skipped[0].file) == (["a", "b"], "c.jpg")


@pytest.mark.parametrize(
    ("n", "counts"),
    [
        (1, {"test": 1}),
        (2, {"test": 2}),
        (3, {"train": 1, "val": 1, "test": 1}),
        (40, {"train": 32, "val": 4, "test": 4}),
        (11_000, {"train": 9_000, "val": 1_000, "test": 1_000}),
    ],
)
def test_made_splits_leave_a_share_for_each(n, counts):
    images = [ListedImage(f"{k}.jpg", (ListedCaption("a dog"),)) for k in range(n)]
    made, notes = with_splits(images, "kept", 4)
    splits = [image.split for image in made]
    assert {name: splits.count(name) for name in sorted(set(splits), reverse=True)} == dict(
        sorted(counts.items(), reverse=True)
    )
    assert notes[0].startswith("Splits were made with seed 4:")
    again = [image.split for image in with_splits(images, "made", 4)[0]]
    other = [image.split for image in with_splits(images, "made", 5)[0]]
    assert splits == again
    if n >= 40:  # fewer may fall alike by chance
        assert splits != other


@pytest.mark.parametrize(
    ("shares", "n", "counts"),
    [
        ("80/10/10", 40, (32, 4, 4)),
        ("0/0/100", 7, (0, 0, 7)),
        ("100/0/0", 7, (7, 0, 0)),
        ("90/0/10", 30, (27, 0, 3)),
        ("0/50/50", 5, (0, 2, 3)),
        ("33.4/33.3/33.3", 10, (4, 3, 3)),
        ("98/1/1", 3, (1, 1, 1)),
        ("1/1/98", 4, (1, 1, 2)),
        ("80/10/10", 20_000, (16_000, 2_000, 2_000)),  # no limit where shares are asked for
        ("50/25/25", 2, (0, 0, 2)),
    ],
)
def test_splits_are_made_by_the_shares_that_are_asked_for(shares, n, counts):
    images = [ListedImage(f"{k}.jpg", (ListedCaption("a"),), "val") for k in range(n)]
    made, _ = with_splits(images, shares, 0)
    splits = [image.split for image in made]
    found = tuple(splits.count(name) for name in ("train", "val", "test"))
    assert sum(found) == n
    assert all(abs(one - other) <= 1 for one, other in zip(found, counts, strict=True)), found
    assert all((one == 0) == (other == 0) for one, other in zip(found, counts, strict=True)), found
    again = [image.split for image in with_splits(images, shares, 0)[0]]
    assert splits == again


def test_shares_hold_for_images_without_captions_where_none_has_any():
    images = [ListedImage(f"{k}.jpg") for k in range(10)]
    made, _ = with_splits(images, "50/0/50", 0)
    assert sorted(image.split for image in made) == ["test"] * 5 + ["train"] * 5
    mixed = [*images, ListedImage("x.jpg", (ListedCaption("a"),))]
    assert {image.split for image in with_splits(mixed, "0/0/100", 0)[0]} == {"test"}


@pytest.mark.parametrize(
    ("shares", "says"),
    [
        ("80/10", "is no way to split"),
        ("80/10/20", "add up to 110"),
        ("-10/10/100", "is no way to split"),
        ("drawn", "`drawn` is no way to split. Use kept, made, or the shares"),
    ],
)
def test_shares_that_cannot_be_are_refused(shares, says, photos, encoder):
    with pytest.raises(InputError, match=says):
        plan_import(ImportRequest(str(photos), "mine", encoder="fake", splits=shares))


def test_only_images_with_captions_are_set_apart():
    images = [ListedImage(f"{k}.jpg", (ListedCaption("x"),) if k < 5 else ()) for k in range(50)]
    made, _ = with_splits(images, "made", 0)
    assert {image.split for image in made[5:]} == {"train"}
    assert sorted(image.split for image in made[:5]) == ["test", "train", "train", "train", "val"]


def test_made_splits_replace_those_of_the_source(photos, importing):
    rows = "".join(f"p{n}.jpg,a dog {n},test\n" for n in range(6))
    (photos / "captions.csv").write_text("image,caption,split\n" + rows)
    kept = importing(photos)
    assert any("No image is in `val`, so training cannot choose" in one for one in kept.notes)
    made = importing(photos, splits="made", seed=1).collection
    assert {"train", "val", "test"} == set(made.splits)


def test_an_import_that_was_stopped_goes_on(photos, importing, encoder, home, monkeypatch):
    whole = importing(photos).collection
    expected = (whole.fingerprint, whole.image_ids)
    (photos / "captions.csv").write_text("image,caption\np0.jpg,a dog\n")
    plan = plan_import(ImportRequest(str(photos), "mine", encoder="fake"))
    run = run_import(plan)
    for report in run:
        if report.stage == "encoding images":
            break
        assert report.per_second == 0
    assert report.per_second > 0
    run.close()
    assert load_collection(home / "collections" / "mine").fingerprint == expected[0]
    calls = []
    monkeypatch.setattr("lsr.imports.thumbnails._store", lambda *one: calls.append(one))
    *_, last = run_import(plan)
    assert calls == []
    assert last.imported.collection.captions_of(0) == ["a dog"]
    assert [p.name for p in (home / "collections").iterdir()] == ["mine"]


def test_unfinished_work_of_another_plan_is_thrown_away(photos, importing, encoder, home, tmp_path):
    run = run_import(plan_import(ImportRequest(str(photos), "mine", encoder="fake")))
    next(run)
    run.close()
    other = write_photos(tmp_path / "other", ["only.jpg"])
    assert importing(other).collection.image_ids == ["only"]


def test_two_imports_of_one_name_do_not_mix(photos, encoder, home):
    plan = plan_import(ImportRequest(str(photos), "mine", encoder="fake"))
    taken = InputError("taken")
    with (
        exclusive(home / "collections" / ".mine-import" / "lock", taken),
        pytest.raises(InputError, match="`mine` is being imported already"),
    ):
        list(run_import(plan))


# Where it is told to, it stays at a batch in the middle, so that it is killed there on any machine.
STAYING_ENCODER = """
import os
import threading
import numpy as np

class Staying:
    name, dense_size, fingerprint = "staying", 4, "staying-1"

    def _unit(self, rows, kind):
        rows = np.asarray(rows, np.float32)
        if os.environ.get("STAYS_AT") == kind and len(rows) > 8 and self.begun(kind):
            threading.Event().wait()
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)

    def begun(self, kind, seen=set()):
        first = kind not in seen
        seen.add(kind)
        return not first

    def encode_images(self, pictures):
        means = [np.asarray(p, float).mean(axis=(0, 1)) for p in pictures]
        return self._unit([[*mean, 1] for mean in means], "images")

    def encode_texts(self, texts):
        rows = [[len(t), t.count("1") + 1, t.count("2") + 1, 1] for t in texts]
        return self._unit(rows, "captions")

def load():
    return Staying()
"""


def test_a_killed_import_gives_the_collection_of_an_undisturbed_one(tmp_path, home, monkeypatch):
    members = {f"{n:03}.jpg": photo(n, (12, 9)) for n in range(300)}
    rows = [f"{n:03}.jpg,photo {n} no {k}" for n in range(300) for k in range(3)]
    members["captions.csv"] = "\n".join(["image,caption", *rows])
    source = write_zip(tmp_path / "x.zip", members)
    (home / "encoders").mkdir(parents=True)
    (home / "encoders" / "staying.py").write_text(STAYING_ENCODER)
    command = [sys.executable, "-m", "lsr", "import", str(source), "--name", "mine"]
    for stage, kind in (("pictures", "images"), ("encoding captions", "captions")):
        monkeypatch.setenv("STAYS_AT", kind)
        with subprocess.Popen(
            [*command, "--encoder", "staying"], cwd=ROOT, text=True, stderr=subprocess.PIPE
        ) as process:
            assert any(line.startswith(stage) for line in process.stderr)
            process.send_signal(signal.SIGKILL)
        assert process.returncode == -signal.SIGKILL
    monkeypatch.delenv("STAYS_AT")
    made = []
    for name in ("mine", "undisturbed"):
        *_, last = run_import(plan_import(ImportRequest(str(source), name, encoder="staying")))
        made.append(last.imported.collection)
    assert made[0].fingerprint == made[1].fingerprint
    assert len(made[0].captions) == 900
    files = [sorted(p.relative_to(c.folder) for p in c.folder.rglob("*")) for c in made]
    assert files[0] == files[1]
    assert {p.name for p in (home / "collections").iterdir()} == {"mine", "undisturbed"}


def test_a_collection_without_captions_works_except_for_accuracy(
    photos, importing, model, answer, capsys
):
    importing(photos)
    both = ("--collection", "mine", "--model", "tiny")
    seen = answer("inspect", "p3", *both)
    assert seen["captions"] == []
    assert {one["support"] for one in seen["terms"]} == {"unsupported"}
    assert answer("term", "dog", *both)["document_frequency"] >= 0
    refused = [
        ["evaluate", *both],
        ["sweep", "--steps", "2", *both],
        ["cheapest", *both],
        ["report", "--out", str(photos.parent / "report"), *both],
        ["train", "--collection", "mine", "--out", "new", "--method", "trained"],
        ["ablate", "--collection", "mine", "--out", str(photos.parent / "grid")],
    ]
    for command in refused:
        assert main(command) == 2, command
        said = capsys.readouterr().err
        assert "Collection `mine` has 10 images but no captions, so nothing can be" in said, command
        assert len(said.splitlines()) == 1
    collection = load_collection(importing(photos).collection.folder)
    with pytest.raises(CollectionError, match="10 images but no captions"):
        collection.check_captions()


def test_the_help_names_every_format():
    said = build_parser().parse_args(["import", "x", "--name", "y"]).run.__globals__["_FORMATS"]
    assert {word.strip(",") for word in said.split()} - {"or"} == set(FORM_NAMES)


def test_what_a_killed_write_left_is_removed(photos, importing, encoder, home, monkeypatch):
    def killed(*_arguments, **_named):
        raise SystemExit

    (home / "collections" / ".mine-other-12345678").mkdir(parents=True)
    with monkeypatch.context() as patched:
        patched.setattr("lsr.storage.folders.shutil.rmtree", lambda *_, **__: None)
        patched.setattr("lsr.collection.writing.load_collection", killed)
        with pytest.raises(SystemExit):
            importing(photos)
    left = [path.name for path in (home / "collections").iterdir()]
    assert len(left) == 3  # the other's, the unfinished import and its half-written folder
    importing(photos)
    left = {path.name for path in (home / "collections").iterdir()}
    assert left == {"mine", ".mine-other-12345678"}


def test_the_command_answers_with_what_the_issue_asks_for(photos, home, answer, capsys):
    (photos / "captions.csv").write_text("image,caption\np0.jpg,a dog\ngone.jpg,a cat\n")
    planned = answer("import", str(photos), "--name", "mine", "--dry-run")
    assert (planned["dry_run"], planned["n_images"], planned["format"]) == (True, 10, "folder")
    assert not (home / "collections").exists()
    started = time.perf_counter()
    result = answer("import", str(photos), "--name", "mine", "--encoder", "bundled")
    assert set(result) == {"collection", "n_images", "n_captions", "notes", "skipped", "seconds"}
    assert (result["n_images"], result["n_captions"]) == (10, 1)
    assert [one["file"] for one in result["skipped"]] == ["gone.jpg"]
    assert 0 < result["seconds"] <= time.perf_counter() - started
    known = load_collection(home / "collections" / "mine").image_ids
    hits = answer("search", "a dog", "--collection", "mine")["hits"]
    assert {hit["image_id"] for hit in hits} <= set(known)
