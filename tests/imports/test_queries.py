"""Query sets brought from files and taken along again: nothing lost, nothing skipped in silence."""

from __future__ import annotations

import json

import pytest

from lsr.cli.main import main
from lsr.collection.collection import load_collection
from lsr.collection.queries import QueryRow, write_query_set
from lsr.evaluation.projected import project_split
from lsr.exceptions import CollectionError, QueryError
from lsr.exports.query_sets import export_queries
from lsr.imports.query_files import read_trec, read_tsv
from lsr.imports.query_sets import import_queries

LINES = "q1\ttwo dogs\timage-03\nq2\ta cat  \timage-01\nq1\ttwo dogs\timage-00\n"


@pytest.fixture
def tsv(tmp_path):
    def write(content: str, name: str = "some.tsv"):
        path = tmp_path / name
        path.write_text(content, "utf-8")
        return path

    return write


@pytest.fixture
def complaint(capsys):
    def run(*arguments: str) -> str:
        assert main(list(arguments)) == 2
        (line,) = capsys.readouterr().err.splitlines()
        return line

    return run


def told(collection, name):
    """Of every query its id, text and image ids."""
    found = load_collection(collection.folder).query_set(name)
    spans = zip(found.starts[:-1], found.starts[1:], strict=True)
    return [
        (query, text, {collection.image_ids[row] for row in found.image_rows[start:stop]})
        for query, text, (start, stop) in zip(found.ids, found.texts, spans, strict=True)
    ]


def test_lines_of_id_text_and_image_become_a_query_set(collection, answer, tsv):
    for content, replaced in ((f"id\ttext\timage_id\n{LINES}", False), (f"\ufeff{LINES}\n", True)):
        names = ("--queries", "some", "--collection", "tiny")
        result = answer("queries", "import", str(tsv(content)), *names)
        assert result.pop("seconds") >= 0
        assert result == {
            "collection": "tiny", "queries": "some", "n_queries": 2, "n_answers": 3,
            "not_relevant": 0, "replaced": replaced,
        }  # fmt: skip
        assert told(collection, "some") == [
            ("q1", "two dogs", {"image-03", "image-00"}), ("q2", "a cat  ", {"image-01"})
        ]  # fmt: skip
    tiny = next(c for c in answer("collections")["collections"] if c["name"] == "tiny")
    assert tiny["query_sets"] == ["some"]
    assert load_collection(collection.folder).fingerprint == collection.fingerprint


def test_lines_without_ids_give_equal_texts_one_query(collection, tsv):
    read = read_tsv(tsv("a dog\timage-01\r\na cat\timage-02\r\na dog\timage-03\r\n"))
    import_queries(collection, "some", read)
    assert told(collection, "some") == [
        ("q1", "a dog", {"image-01", "image-03"}), ("q2", "a cat", {"image-02"})
    ]  # fmt: skip


TAGGED = (
    "<top>\n<num> Number: 301\n<title> Topic: two\n dogs\n<desc> Description:\nno\n</top>\n\n"
    "<top><num>302</num><title>a cat</title></top>\n"
)


BEIR = '{"_id": "301", "text": "two dogs", "metadata": {}}\n{"_id": "302", "text": "a cat"}\n'


def test_beirs_queries_and_judgements_become_a_query_set(collection, tsv):
    header = "query-id\tcorpus-id\tscore\n"
    qrels = tsv(f"{header}301\timage-01\t1\n301\timage-02\t0\n302\timage-03\t2\n", "qrels.tsv")
    read = read_trec(tsv(BEIR, "queries.jsonl"), qrels)
    assert read.not_relevant == 1
    import_queries(collection, "some", read)
    assert told(collection, "some") == [
        ("301", "two dogs", {"image-01"}), ("302", "a cat", {"image-03"})
    ]  # fmt: skip


@pytest.mark.parametrize("topics", ["qid\tquery\n301\ttwo dogs\n302\ta cat\n", TAGGED, BEIR])
def test_topics_and_judgements_become_a_query_set(collection, answer, tsv, topics):
    qrels = tsv("301 0 image-01 1\n301 0 image-02 0\n302 Q0 image-03 2\n302 0 x -1\n", "qrels")
    result = answer(
        "queries", "import", "--topics", str(tsv(topics)), "--qrels", str(qrels),
        "--queries", "some", "--collection", "tiny",
    )  # fmt: skip
    assert (result["n_queries"], result["n_answers"], result["not_relevant"]) == (2, 2, 2)
    assert told(collection, "some") == [
        ("301", "two dogs", {"image-01"}), ("302", "a cat", {"image-03"})
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "has 0 rows. Give every query an id"),
        ("a dog\n", "Line 1 of .* has 1 columns. Give every line an id"),
        (LINES + "a dog\timage-01\n", "Line 4 of .* has 2 columns"),
        (LINES + "\ta dog\timage-01\n", r"1 rows without an id: `a dog` \(line 4\)"),
        (LINES + "q9\t \timage-01\n", r"1 rows without a text: `q9` \(line 4\)"),
        (LINES + "q2\ta cow\timage-02\n", r"1 queries two texts: `q2` \(line 2 and line 4\)"),
        (LINES + "q1\ttwo dogs\timage-03\n", r"1 answers twice: `q1 image-03` \(line 4\)"),
        ("".join(f"q{n}\ta {n}\tx{n}\n" for n in range(5)),
         r"5 images that collection `tiny` does not have: `x0` \(line 1\), .* and 2 more"),
    ],
)  # fmt: skip
def test_a_line_that_cannot_be_placed_refuses_all(collection, tsv, content, message):
    with pytest.raises((CollectionError, QueryError), match=message):
        import_queries(collection, "some", read_tsv(tsv(content)))
    assert not (collection.folder / "queries").exists()


@pytest.mark.parametrize(
    ("topics", "qrels", "message"),
    [
        ("1 a dog\n", "", "Line 1 of .*, `1 a dog`, is not id<TAB>text, and the file has no <top>"),
        ("1\ta\n1\tb\n", "", "Line 2 of .* has the id `1` again"),
        ("<top><num>1<title>a</top><top><num>1<title>b", "", "Topic 2 of .* has the id `1` again"),
        ("<top><num>1</num></top>", "", "Topic 1 of .* has no <title>"),
        ("1\ta\n", "1 image-01 1\n", "Line 1 of .*, `1 image-01 1`, is no judgement"),
        ("1\ta\n", "1 0 image-01 high\n", "Line 1 of .* is no judgement"),
        ("1\ta\n", "1 0 image-01 1\n7 0 image-01 1\n",
         r"1 relevant images of topics that .* does not hold: `7` \(line 2\)"),
        ("1\ta\n2\tb\n3\tc\n", "1 0 image-01 1\n2 0 image-01 0\n",
         "2 of 3 topics of .* have no relevant image in .*: `2`, `3`"),
    ],
)  # fmt: skip
def test_topics_and_judgements_that_do_not_fit_are_refused(tsv, topics, qrels, message):
    with pytest.raises(QueryError, match=message):
        read_trec(tsv(topics, "topics"), tsv(qrels, "qrels"))


def test_a_file_that_is_not_there_or_no_text_is_told(tsv, tmp_path):
    with pytest.raises(QueryError, match="cannot be read .No such file"):
        read_tsv(tmp_path / "nothing.tsv")
    path = tsv("")
    path.write_bytes(b"d\xe9j\xe0\t1\n")
    with pytest.raises(QueryError, match="is not UTF-8 in line 1"):
        read_tsv(path)


@pytest.mark.parametrize("form", ["tsv", "trec"])
def test_what_was_exported_imports_as_the_same_set(queried, answer, tmp_path, form):
    before = queried.query_set("some")
    names = ("--collection", "queried", "--format", form, "--out", str(tmp_path / "out"))
    result = answer("queries", "export", "--queries", "some", *names)
    assert (result["n_queries"], result["n_answers"]) == (25, len(before.image_rows))
    files = {one["name"]: one["rows"] for one in result["files"]}
    for name, rows in files.items():
        assert len((tmp_path / "out" / name).read_text().splitlines()) == rows
    paths = [str(tmp_path / "out" / name) for name in files]
    given = paths if form == "tsv" else ["--topics", paths[0], "--qrels", paths[1]]
    answer("queries", "import", *given, "--queries", "again", "--collection", "queried")
    again = load_collection(queried.folder).query_set("again")
    assert (again.ids, again.texts) == (before.ids, before.texts)
    assert again.fingerprint == before.fingerprint


def test_what_a_format_cannot_hold_is_refused(collection, tmp_path):
    rows = [QueryRow("q 1", "a dog", "image-01"), QueryRow("q2", "a\ncat", "image-01")]
    for name, row in zip(("blank", "broken"), rows, strict=True):
        write_query_set(collection, name, [row])
    with pytest.raises(QueryError, match="1 ids hold white space.*`q 1`. Export as tsv"):
        export_queries(collection, "blank", tmp_path, "trec")
    assert export_queries(collection, "blank", tmp_path)[0].rows == 2
    with pytest.raises(QueryError, match="1 texts hold a tab or a line break.*`a cat`"):
        export_queries(collection, "broken", tmp_path)
    with pytest.raises(QueryError, match="`xml` is no format of a query set. Use tsv or trec"):
        export_queries(collection, "broken", tmp_path, "xml")


def test_a_run_with_judgements_and_topics_imports_as_the_queries_of_its_split(
    queried, model, answer, tmp_path
):
    out = tmp_path / "run"
    names = ("--collection", "queried", "--model", "tiny", "--out", str(out))
    result = answer("export", "--format", "trec", "--queries", "some", *names)
    assert result["queries"] == "some"
    card = json.loads((out / "export.json").read_text())
    assert card["queries"]["fingerprint"] == queried.query_set("some").fingerprint
    read = read_trec(out / "topics.tsv", out / "text-to-image.qrels")
    import_queries(queried, "test", read)
    pairs = project_split(queried, model, "test", queries="some").pairs
    kept = told(queried, "test")
    assert [query for query, _, _ in kept] == list(pairs.query_ids)
    assert [text for _, text, _ in kept] == pairs.texts
    assert sum(len(images) for _, _, images in kept) == len(pairs.relevant)


def test_a_run_over_all_splits_holds_the_whole_set(queried, model, answer, tmp_path):
    out = tmp_path / "run"
    names = ("--collection", "queried", "--model", "tiny", "--out", str(out), "--split", "all")
    answer("export", "--format", "trec", "--queries", "some", *names)
    read = read_trec(out / "topics.tsv", out / "text-to-image.qrels")
    again = import_queries(queried, "all", read).queries
    assert again.fingerprint == queried.query_set("some").fingerprint
    queries = {line.split()[0] for line in (out / "text-to-image.run").read_text().splitlines()}
    assert queries <= set(again.ids)


def test_a_format_of_vectors_alone_takes_no_query_set(queried, model, complaint, tmp_path):
    names = ("--collection", "queried", "--model", "tiny", "--out", str(tmp_path / "out"))
    line = complaint("export", "--format", "csv", "--queries", "some", *names)
    assert "Export `some` as trec" in line


def test_the_bundled_collection_is_copied_not_changed(complaint, answer, tsv, home):
    path = str(tsv("a lion\ttest-00003\n"))
    line = complaint("queries", "import", path, "--queries", "some")
    assert "`demo` is not one of your own, so it is not changed. Give the new one" in line
    result = answer("queries", "import", path, "--queries", "some", "--name", "mine")
    assert (result["collection"], result["n_queries"]) == ("mine", 1)
    assert "some" in load_collection(home / "collections" / "mine").query_sets
    line = complaint("queries", "import", path, "--queries", "more", "--name", "mine")
    assert "with --collection mine, without --name" in line


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["import"], "Give one file of lines, or both --topics and --qrels"),
        (["import", "a.tsv", "--topics", "b"], "Give one file of lines, or both"),
        (["import", "--topics", "b"], "Give one file of lines, or both"),
        (["import", "a.tsv", "--out", "b"], "`queries import` does not take --out"),
        (["export", "a.tsv", "--out", "b"], "`queries export` does not take a file"),
        (["export"], "Say with --out which folder"),
    ],
)
def test_options_that_do_not_go_together_are_told(complaint, arguments, message):
    assert message in complaint("queries", *arguments, "--queries", "some")
