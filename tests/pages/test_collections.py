"""The Collections page: what is installed, importing by form, encoding, exporting, deleting."""

from __future__ import annotations

import io
import json
import zipfile

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from lsr.collection.collection import load_collection
from lsr.collection.installed import remove_collection
from lsr.imports.imported import ImportRequest
from lsr.imports.planning import plan_import
from lsr.imports.running import run_import
from lsr.storage.places import find
from pages.parts import background
from pages.parts.collections.tasks import Task
from pages.parts.download import zipped
from tests.pages.test_pages import mistake, opened, tiles

COLOURS = ("red", "green", "blue", "white", "black", "gray", "orange", "purple", "brown", "pink")


@pytest.fixture(autouse=True)
def _no_tasks():
    background._WORKS.clear()
    yield
    background._WORKS.clear()


@pytest.fixture
def photos(tmp_path):
    """Ten pictures with captions, one caption of a picture that is not there."""
    folder = tmp_path / "photos"
    folder.mkdir()
    lines = ["image,caption"]
    for colour in COLOURS:
        Image.new("RGB", (40, 30), colour).save(folder / f"{colour}.png")
        lines.append(f"{colour}.png,a {colour} picture")
    (folder / "captions.csv").write_text("\n".join([*lines, "gone.png,nothing"]) + "\n")
    return folder


@pytest.fixture
def mine(photos):
    """The pictures as a collection of the user's."""
    for _ in run_import(plan_import(ImportRequest(str(photos), "mine"))):
        pass
    return load_collection("mine")


def ended(task: Task, seconds: float = 60) -> AppTest | None:
    work = background.known(task)
    work.wait(seconds)
    assert not work.running
    return work.latest


def texts(app: AppTest) -> str:
    said = [*app.caption, *app.markdown, *app.success, *app.warning, *app.info]
    return " ".join(one.value for one in said).replace("\\", "")


def test_what_is_installed_is_listed_with_its_facts_and_pictures(mine):
    app = opened("collections", collection="mine")
    assert not app.exception
    assert not app.error
    labels = [link.proto.label for link in app.get("page_link")]
    assert any("Drawn scenes" in label for label in labels)
    assert any("10 images, 10 captions, encoder bundled" in label for label in labels)
    figures = {metric.label: metric.value for metric in app.metric}
    assert (figures["Images"], figures["Captions"], figures["Dense size"]) == ("10", "10", "256")
    assert len(tiles(app)) == 6


def test_a_dry_run_says_what_will_happen_and_the_import_does_it(photos):
    app = opened("collections", view="import", source=str(photos), name="mine")
    app.button[0].click().run()
    assert not app.exception
    figures = {metric.label: metric.value for metric in app.metric}
    # The list names a picture that is not there, which is nothing lost of the source.
    assert (figures["Images"], figures["Captions"], figures["Left out"]) == ("10", "10", "0")
    assert "Of the 11 images that the list names, 10 are here" in texts(app)
    titles = [one.label for one in app.expander]
    assert "Named by the list, but not in the source: 1" in titles
    assert not any("chart" in title or title.startswith("Left out") for title in titles)
    assert not (find("collections", "demo").parent / "mine").exists()
    app.button(key="import").click().run()
    ended(Task("Importing", "mine"))
    app.run()
    assert not app.exception
    assert "Collection **mine** is ready: 10 images." in texts(app)
    made = load_collection("mine")
    assert (len(made.images), len(made.captions)) == (10, 10)
    assert "Named by the list, but not in the source: 1" in [one.label for one in app.expander]


def test_what_is_not_read_is_counted_as_left_out_and_listed(photos):
    (photos / "more.xlsx").write_bytes(b"PK")
    app = opened("collections", view="import", source=str(photos), name="mine")
    app.button[0].click().run()
    assert {metric.label: metric.value for metric in app.metric}["Left out"] == "1"
    assert "Left out, and why: 1" in [one.label for one in app.expander]


def test_a_source_that_is_not_there_is_one_sentence(tmp_path):
    app = opened("collections", view="import", source=str(tmp_path / "nowhere"))
    app.button[0].click().run()
    assert "There is no folder" in mistake(app)


def test_the_form_is_in_the_address_and_the_command_says_the_same(photos):
    app = opened("collections", view="import", source=str(photos), splits="made")
    command = app.code[0].value
    assert command.startswith(f"python -m lsr import {photos} --name photos")
    assert command.endswith("--splits made")
    app.text_input(key="address-name").set_value("other").run()
    assert app.query_params["name"] == "other"
    assert "--name other" in app.code[0].value


def test_the_form_takes_shares_vectors_and_a_code_page(tmp_path, home):
    (tmp_path / "list.csv").write_text("image,caption\na.jpg,a dog\nb.jpg,a cat\nc.jpg,a cow\n")
    np.save(tmp_path / "images.npy", np.eye(3, 8, dtype=np.float32))
    wish = {
        "source": str(tmp_path / "list.csv"),
        "name": "bare",
        "images": f"{tmp_path}/images.npy",
    }
    app = opened("collections", view="import", **wish, splits="0/0/100")
    app.button[0].click().run()
    assert "Say what computed the vectors" in mistake(app)
    app = opened("collections", view="import", **wish, splits="0/0/100", encoder="my-clip")
    command = app.code[0].value
    assert command.endswith(f"--encoder my-clip --splits 0/0/100 --images {tmp_path}/images.npy")
    app.button[0].click().run()
    app.button(key="import").click().run()
    made = ended(Task("Importing", "bare"))
    assert made.imported.collection.splits == ["test"]
    # Pages show a neutral tile in the place of each picture.
    app = opened("collections", collection="bare")
    assert not app.exception
    assert len(tiles(app)) == 3
    app = opened("image", collection="bare", id="a")
    assert not app.exception
    app = opened("collections", view="import", **{"code-page": "cp932"})
    assert "--code-page cp932" in app.code[0].value


def test_an_export_is_of_the_split_that_the_form_shows(mine):
    app = opened("collections", collection="mine", model="demo")
    for split in ("train", "test", "val"):
        app.selectbox(key="address-export-split").set_value(split).run()
        shown = app.selectbox(key="address-export-split").value
        command = next(one.value for one in app.code if " export " in one.value)
        assert (shown, f"--split {split} " in command) == (split, True)
        app.button(key="export").click().run()
        name = command.rpartition("/")[2].strip("'")
        made = ended(Task("Exporting", name))
        card = json.loads((made.folder / "export.json").read_text())
        assert card["split"] == split
        assert made.folder.name == name


def test_deleting_asks_first_and_leads_back_to_the_bundled_collection(mine):
    app = opened("collections", collection="mine")
    assert "Deletes **mine** for good: 10 images" in texts(app)
    app.button(key="delete-for-good").click().run()
    assert not app.exception
    assert not mine.folder.exists()
    assert "collection" not in app.query_params
    assert not app.error


def imported_and_then(photos, happens) -> AppTest:
    """The page after a visitor's import, once `happens` was called."""
    app = opened("collections", view="import", source=str(photos), name="mine")
    app.button[0].click().run()
    app.button(key="import").click().run()
    ended(Task("Importing", "mine"))
    happens()
    return opened("collections")


def test_an_import_whose_collection_is_deleted_is_a_task_that_ended(photos):
    app = imported_and_then(photos, lambda: remove_collection("mine"))
    assert not app.exception
    assert not app.error
    assert "Importing **mine** is done, and its collection is not there any more." in texts(app)
    assert app.header[0].value == "demo"
    app.button(key="forget-Importing-mine").click().run()
    assert background.known(Task("Importing", "mine")) is None


def test_a_task_whose_result_is_damaged_says_so_and_the_page_goes_on(photos, home):
    card = home / "collections" / "mine" / "collection.json"
    app = imported_and_then(photos, lambda: card.write_text("{"))
    assert not app.exception
    assert any("is not readable JSON" in error.value for error in app.error)
    assert app.header[0].value == "demo"


def test_a_defect_in_a_task_is_told_and_logged_and_the_page_goes_on(caplog):
    def broken():
        raise ZeroDivisionError
        yield 1

    task = Task("Exporting", "x")
    with pytest.raises(ZeroDivisionError):
        background.follow(task, broken, 20, pool="collections")
    app = opened("collections")
    assert not app.exception
    assert "broke off by a mistake of Lexiscope's own (ZeroDivisionError)" in mistake(app)
    assert "ZeroDivisionError" in caplog.text
    assert app.header[0].value == "demo"


def test_where_no_model_fits_dense_vectors_can_still_be_exported(mine):
    card = mine.folder / "collection.json"
    card.write_text(card.read_text().replace('"encoder": "bundled"', '"encoder": "elsewhere"'))
    app = opened("collections", collection="mine", **{"export-split": "all"})
    assert "--dense-only --format csv" in app.code[0].value
    app.button(key="export").click().run()
    made = ended(Task("Exporting", "mine-csv-all"))
    assert {one.name: one.rows for one in made.files}["images_vectors.csv"] == 10


def test_photos_under_the_bundled_encoder_come_with_a_warning(mine, photos):
    app = opened("collections", collection="mine")
    assert "has only seen drawn scenes" in texts(app)
    assert "has only seen drawn scenes" in texts(opened("term", collection="mine"))
    assert "has only seen drawn scenes" not in texts(opened("collections"))


def test_a_name_that_is_taken_is_proposed_with_a_number(mine, tmp_path):
    app = opened("collections", view="import", source=str(tmp_path / "mine"))
    assert app.text_input(key="address-name").value == "mine-2"


def test_a_bundled_collection_cannot_be_deleted_or_encoded_anew():
    app = opened("collections")
    keys = {button.key for button in app.button}
    assert "export" in keys
    assert not keys & {"delete-for-good", "encode"}


def test_a_collection_is_encoded_anew_under_another_name(mine, home):
    (home / "encoders").mkdir()
    (home / "encoders" / "other.py").write_text(
        "from lsr.encoders.loading import load_encoder\n"
        "def load():\n    return load_encoder('bundled')\n"
    )
    app = opened("collections", collection="mine")
    assert app.button(key="encode").disabled  # it has the bundled encoder's vectors
    other = {"new-encoder": "other", "new-name": "again"}
    app = opened("collections", collection="mine", **other)
    app.button(key="encode").click().run()
    made = ended(Task("Encoding", "again"))
    assert (made.collection.name, len(made.collection.images)) == ("again", 10)
    assert made.collection.encoder == "other"
    app.run()
    assert "Collection **again** is ready: 10 images." in texts(app)


def test_an_export_can_be_taken_away_as_one_file(mine, home):
    app = opened("collections", collection="mine", format="csv", **{"export-split": "all"})
    app.button(key="export").click().run()
    made = ended(Task("Exporting", "mine-demo-csv-all"))
    app.run()
    assert not app.exception
    archive = zipfile.ZipFile(io.BytesIO(zipped(made.folder)))
    names = {name.partition("/")[2] for name in archive.namelist()}
    assert {one.name for one in made.files} <= names
    assert made.folder.is_relative_to(home)
    assert len(app.get("download_button")) == 1


def test_a_damaged_collection_is_named_and_the_others_stay(mine):
    (mine.folder / "images.parquet").write_bytes(b"PAR1")
    app = opened("collections")
    assert not app.exception
    assert "truncated or not a parquet file" in texts(app)
    assert app.header[0].value == "demo"


def test_without_a_model_that_fits_the_pages_say_where_to_get_one(mine):
    card = mine.folder / "collection.json"
    card.write_text(card.read_text().replace('"encoder": "bundled"', '"encoder": "elsewhere"'))
    app = opened("search", collection="mine")
    assert "No model reads the vectors of collection `mine` yet" in mistake(app)
    for page in ("collections", "train"):
        app = opened(page, collection="mine")
        assert not app.exception
        assert not [error for error in app.error if "No model" in error.value]


def test_a_split_whose_name_leads_elsewhere_stays_in_the_folder_of_exports(mine, home):
    for name in ("images", "captions"):
        path = mine.folder / f"{name}.parquet"
        table = pq.read_table(path)
        place = table.column_names.index("split")
        names = pa.array(["../../../outside"] * len(table))
        pq.write_table(table.set_column(place, "split", names), path)
    card = mine.folder / "collection.json"
    content = json.loads(card.read_text())
    card.write_text(json.dumps({**content, "caption_vector_splits": ["../../../outside"]}))
    app = opened(
        "collections", collection="mine", format="csv", **{"export-split": "../../../outside"}
    )
    app.button(key="export").click().run()
    [(task, _)] = background.works_of(Task)
    made = ended(task)
    assert made.folder.parent == (home / "exports").resolve()
    assert made.folder.name.startswith("mine-demo-csv--outside-")
