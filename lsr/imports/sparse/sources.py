"""Which files of a source hold the vectors of images and of captions, and how each is read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lsr.exceptions import CollectionError, InputError, shorten
from lsr.imports.sparse.blocks import Blocks
from lsr.imports.sparse.json_lines import read_json_lines
from lsr.imports.sparse.matrices import read_embeddings, read_npz
from lsr.imports.sparse.tables import read_table
from lsr.imports.sparse.term_numbers import TermNumbers
from lsr.storage.records import fits
from lsr.storage.untrusted import DamagedError, parse_json

SIDES = ("images", "captions")
_LINES = (".jsonl", ".json", ".jsonl.gz", ".json.gz")
_ENDINGS = (*_LINES, ".parquet", ".npz", ".safetensors")
_STEMS = ("{}", "{}_terms", "{}_embeddings")
_PICKLES = (".pt", ".pth", ".pkl", ".pickle", ".bin")


@dataclass(frozen=True)
class SideFiles:
    """The files of one side, all of one format; ids: the list of whose rows they are."""

    paths: tuple[Path, ...]
    ids: Path | None = None

    @property
    def name(self) -> str:
        """For messages: of the file, or of the folder of several."""
        return self.paths[0].name if len(self.paths) == 1 else self.paths[0].parent.name

    @property
    def form(self) -> str:
        """`JSON lines`, `parquet`, `npz` or `safetensors`."""
        ending = _ending(self.paths[0])
        return "JSON lines" if ending in _LINES else ending.lstrip(".")

    def read(self, numbers: TermNumbers) -> tuple[Blocks, int | None]:
        """Its blocks, and the number of columns where the file says it.

        Raises:
            CollectionError: it is not what its name says.
        """
        match self.form:
            case "JSON lines":
                return read_json_lines(self.paths, numbers), None
            case "parquet":
                return read_table(self.paths[0], numbers), None
            case "npz":
                return read_npz(self.paths[0])
            case _:
                return read_embeddings(self.paths[0])

    def labels(self) -> dict[str, list[str]] | None:
        """The ids beside a file that has none, as `sentence-transformers` exports have them.

        Raises:
            CollectionError: they are no list of strings.
        """
        if self.ids is None:
            return None
        try:
            found = parse_json(self.ids.read_text("utf-8"))
        except (DamagedError, OSError, ValueError) as problem:
            raise CollectionError(f"`{self.ids.name}` cannot be read ({problem}).") from None
        if not fits(found, list[str]):
            raise CollectionError(f"`{self.ids.name}` is no list of ids. Restore the file.")
        return {"id": found}


@dataclass(frozen=True)
class SparseSource:
    """The files of a source. vocabulary: of a tokenizer that came with them."""

    name: str
    sides: dict[str, SideFiles]
    vocabulary: Path | None = None


def find_sparse(source: str, captions: str | None = None) -> SparseSource:
    """The files of sparse vectors at `source`.

    Args:
        source: a file with the vectors of images; or a folder, such as an export, that has those of
            images and captions under these names.
        captions: a file, or a folder of JSON lines, with the vectors of captions.

    Raises:
        InputError: there is nothing of that name. CollectionError: no format that is read.
    """
    path = Path(source).expanduser()
    sides: dict[str, SideFiles] = {}
    vocabulary = None
    if path.is_dir():
        for side in SIDES:
            if (found := _side_in(path, side)) is not None:
                sides[side] = found
        if not sides and (lines := _lines_in(path)):
            sides["images"] = SideFiles(lines)
        tokenizers = (path / "tokenizer.json", path / "query_encoder" / "tokenizer.json")
        vocabulary = next((one for one in tokenizers if one.is_file()), None)
    else:
        sides["images"] = _one_file(path, source)
    if captions is not None:
        place = Path(captions).expanduser()
        lines = _lines_in(place) if place.is_dir() else ()
        sides["captions"] = SideFiles(lines) if lines else _one_file(place, captions)
    if "images" not in sides:
        raise CollectionError(
            f"`{shorten(path.name)}` holds no sparse vectors of images. Give a file "
            f"({', '.join(_ENDINGS)}), or a folder with one named `images`."
        )
    return SparseSource(path.resolve().name, sides, vocabulary)


def has_images(folder: Path) -> bool:
    """Whether a folder holds sparse vectors of images under a name that says so."""
    return _side_in(folder, "images") is not None


def _one_file(path: Path, given: str) -> SideFiles:
    if not path.is_file():
        raise InputError(f"There is no file or folder `{shorten(given)}`. Check the path.")
    if path.suffix in _PICKLES:
        raise CollectionError(
            f"`{path.name}` is a pickled file, which can run code and is not read. Save the "
            "vectors with `scipy.sparse.save_npz`, or as JSON lines."
        )
    if _ending(path) not in _ENDINGS:
        raise CollectionError(
            f"`{path.name}` is in no format of sparse vectors that is read: {', '.join(_ENDINGS)}."
        )
    ids = path.with_name(path.name.replace("_embeddings.safetensors", "_ids.json"))
    return SideFiles((path,), ids if ids != path and ids.is_file() else None)


def _side_in(folder: Path, side: str) -> SideFiles | None:
    if (folder / side).is_dir() and (lines := _lines_in(folder / side)):
        return SideFiles(lines)
    for stem in _STEMS:
        for ending in _ENDINGS:
            path = folder / (stem.format(side) + ending)
            if path.is_file():
                return _one_file(path, str(path))
    return None


def _lines_in(folder: Path) -> tuple[Path, ...]:
    """The files of JSON lines in a folder, by name, as Anserini reads them."""
    found: Sequence[Path] = sorted(folder.iterdir())
    endings = tuple(one for one in _LINES if one.startswith(".jsonl"))
    return tuple(one for one in found if one.is_file() and one.name.endswith(endings))


def _ending(path: Path) -> str:
    name = path.name.lower()
    return next((one for one in sorted(_ENDINGS, key=len, reverse=True) if name.endswith(one)), "")
