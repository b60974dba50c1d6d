import pytest

from lsr.cli.main import main
from lsr.exceptions import IndexFileError, QueryError, UnknownNameError
from lsr.index.memory.files import CARD, index_folder, index_origin, save_index, stored_index
from lsr.search.query import check_text
from lsr.search.searcher import Searcher, SearchSettings, projected_index
from lsr.search.trec_run import Query, read_queries, write_run

TEXTS = ["two dogs on the beach", "a red car", "🦊", "a cat in the snow", "small boat"]


@pytest.fixture
def searcher(collection, model, fake_encoder) -> Searcher:
    return Searcher(collection, model, encoder=fake_encoder)


def test_a_run_has_the_hits_of_every_query_in_order(searcher, tmp_path):
    queries = [Query(f"q{i}", text) for i, text in enumerate(TEXTS)]
    settings = SearchSettings(k=4, mute=("red",), boost={"dog": 2.0}, exclude=("fish",))
    reports = list(write_run(searcher, queries, tmp_path / "a.run", settings, batch_size=2))
    assert [(report.done, report.total) for report in reports] == [(2, 5), (4, 5), (5, 5)]
    lines = [line.split(" ") for line in (tmp_path / "a.run").read_text().splitlines()]
    assert len(lines) == reports[-1].hits > 10
    for query in queries:
        expected = searcher.search_text(query.text, settings).hits
        found = [line for line in lines if line[0] == query.query_id]
        assert [(line[2], int(line[3])) for line in found] == [
            (h.image_id, h.rank) for h in expected
        ]
        assert [float(line[4]) for line in found] == pytest.approx([h.score for h in expected])
        assert {(line[1], line[5]) for line in found} <= {
            ("Q0", f"lexiscope-{searcher.model.name}")
        }


def test_a_run_that_is_not_finished_is_not_there(searcher, tmp_path):
    queries = [Query(str(i), text) for i, text in enumerate(TEXTS)]
    steps = write_run(searcher, queries, tmp_path / "a.run", SearchSettings(), batch_size=2)
    next(steps)
    steps.close()
    assert list(tmp_path.glob("*.run")) == []


def test_lines_are_queries_and_tabs_name_them(tmp_path):
    file = tmp_path / "queries.txt"
    file.write_text("\ufeffa dog\n\n two  cats \n", "utf-8")
    assert read_queries(file) == [Query("1", "a dog"), Query("3", "two  cats")]
    file.write_text("d7\ta dog\nc\ttwo\tcats\n", "utf-8")
    assert read_queries(file) == [Query("d7", "a dog"), Query("c", "two\tcats")]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        (
            "queries.jsonl",
            '{"_id": "1", "text": "a dog"}\n{"_id": "2", "text": "two cats", "x": 3}\n',
        ),
        ("queries.txt", '{"qid": 1, "query": "a dog"}\n{"qid": 2, "query": "two cats"}\n'),
        ("queries.tsv", "qid\tquery\n1\ta dog\n2\ttwo cats\n"),
        ("queries.tsv", "query-id\ttext\n1\ta dog\n2\ttwo cats\n"),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_lines_of_beir_and_below_a_header_are_read_as_such(tmp_path, name, content, encoding):
    (tmp_path / name).write_bytes(content.encode(encoding))
    assert read_queries(tmp_path / name) == [Query("1", "a dog"), Query("2", "two cats")]


def test_a_query_that_is_called_as_columns_are_is_kept_where_it_is_not_the_first(tmp_path):
    file = tmp_path / "queries.tsv"
    file.write_text("1\ta dog\nid\ttitle\n")
    assert read_queries(file) == [Query("1", "a dog"), Query("id", "title")]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "holds no query"),
        (b"\xff\xfe\xff", "is UTF-16 that ends in the middle"),
        ("1\ta dog".encode("utf-16-le"), "looks like UTF-16 .* without a byte-order mark"),
        (b'{"_id": "1", "text": "a dog"}\n{"_id": "2"}\n', "Line 2 .*is no query as BEIR"),
        (b'{"_id": "a b", "text": "a dog"}\n', "Line 1 .*has the id `a b`.*without blanks"),
        (b'{"_id": "1", "text": "a dog"}\nnot json\n', "Line 2 .*is no query as BEIR"),
        (b"1\ta dog\nno tab", "Line 2 .*is not ID<TAB>text"),
        (b"a b\ta dog", "Line 1 .*is not ID<TAB>text"),
        (b"1\ta dog\n1\ta cat", "Line 2 .*has the id `1` again. Give each of the 2 queries"),
        (b"1\t ", "Line 1 .*The query is empty"),
        (b"dog\n" + b"a" * 2_001, "Line 2 .*2,001 characters; up to 2,000"),
    ],
)
def test_a_file_that_is_no_list_of_queries_gets_one_sentence(tmp_path, content, message):
    (tmp_path / "queries.txt").write_bytes(content)
    with pytest.raises(QueryError, match=message):
        read_queries(tmp_path / "queries.txt")
    with pytest.raises(QueryError, match="cannot be read"):
        read_queries(tmp_path / "nothing.txt")


def test_excluded_terms_filter_and_included_ones_too(searcher):
    plain = searcher.search_text(TEXTS[0], SearchSettings(k=12)).hits
    matrix, ids = searcher.images.matrix.toarray(), searcher.images.ids
    number = searcher.model.vocabulary.id_of
    told = [c.term for hit in plain for c in hit.contributions]
    word = next(term for term in told if 0 < (matrix[:, number(term)] > 0).sum() < 12)
    active = {i for i, weight in zip(ids, matrix[:, number(word)], strict=True) if weight > 0}
    without = searcher.search_text(TEXTS[0], SearchSettings(k=12, exclude=(word,))).hits
    within = searcher.search_text(TEXTS[0], SearchSettings(k=12, include=(word,))).hits
    assert [h.image_id for h in without] == [h.image_id for h in plain if h.image_id not in active]
    assert [h.image_id for h in within] == [h.image_id for h in plain if h.image_id in active]
    with pytest.raises(UnknownNameError, match="`zebra` is not a term"):
        searcher.search_text(TEXTS[0], SearchSettings(exclude=("zebra",)))


def test_a_searcher_opens_the_stored_index_and_passes_over_a_broken_one(
    collection, model, fake_encoder, searcher, caplog
):
    marks = collection.fingerprint, model.fingerprint
    folder = index_folder(*marks)
    save_index(projected_index(collection, model, "float16"), folder, index_origin(*marks))
    opened = Searcher(collection, model, encoder=fake_encoder)
    assert opened.index.precision == "float16"
    pairs = [searcher.search_text(TEXTS[0]), opened.search_text(TEXTS[0])]
    ids = [[hit.image_id for hit in result.hits] for result in pairs]
    assert ids[0] == ids[1]
    assert not caplog.messages
    (folder / CARD).write_text("{}")
    again = Searcher(collection, model, encoder=fake_encoder)
    assert again.index.precision == "float32"
    assert "Build it again with `python -m lsr index`. It is done now." in caplog.messages[0]
    assert again.search_text(TEXTS[0]).hits == pairs[0].hits
    assert stored_index(*marks).precision == "float32"  # the next one finds it whole


def test_one_wrong_byte_in_a_header_is_passed_over_and_the_index_rebuilt(
    collection, model, fake_encoder, searcher, caplog
):
    """numpy reads a header as Python and lets a TokenError out."""
    marks = collection.fingerprint, model.fingerprint
    folder = index_folder(*marks)
    save_index(projected_index(collection, model), folder, index_origin(*marks))
    file = folder / "part-0-rows.npy"
    content = bytearray(file.read_bytes())
    content[content.index(b"{")] = ord("(")
    file.write_bytes(content)
    with pytest.raises(IndexFileError, match="is truncated or damaged"):
        stored_index(*marks)
    hits = Searcher(collection, model, encoder=fake_encoder).search_text(TEXTS[0]).hits
    assert hits == searcher.search_text(TEXTS[0]).hits
    assert len(caplog.messages) == 1
    assert list(stored_index(*marks).ids) == sorted(collection.image_ids)


def test_index_and_search_with_a_file_answer_what_they_wrote(answer, home, tmp_path):
    built = answer("index", "--weights", "int8")
    assert list(built) == [
        *("collection", "model", "engine", "n_images", "n_postings", "bytes", "seconds")
    ]
    assert built["n_images"] == 1_500
    folder = next(f for f in (home / "indexes").iterdir() if f.is_dir())
    assert built["bytes"] == sum(f.stat().st_size for f in folder.iterdir())
    queries, run = tmp_path / "q.txt", tmp_path / "o.run"
    queries.write_text("a red car\ntwo lions\n")
    found = answer("search", "--queries", str(queries), "--run", str(run), "--k", "1000")
    assert list(found) == ["run", "n_queries", "n_hits", "seconds"]
    assert (found["n_queries"], found["n_hits"]) == (2, len(run.read_text().splitlines()))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("search --queries FILE", "Name it with --run OUT"),
        ("search dog --queries FILE --run OUT", "already names the queries"),
        ("search dog --run OUT", "--run writes the hits of a query file"),
        ("search dog --k 1001", "k is 1,001"),
        ("search dog --k 5000", "collection `demo` has 1,500 images. Use --k from 1 to 1,000"),
        ("search dog --k 0", "k is 0"),
        ("search dog --split train7", "no split `train7`"),
        ("search dog --include qqqq", "`qqqq` is not a term"),
        ("search dog --split train", "No image of split `train` is searched"),
        ("index --again", "--again is for Milvus"),
        ("index --engine milvus --weights int8", "Milvus keeps weights as float32"),
        ("index --weights int4", "cannot be stored as `int4`"),
    ],
)
def test_a_mistake_gets_one_line(arguments, message, capsys, tmp_path):
    (tmp_path / "FILE").write_text("a red car\n")
    given = [str(tmp_path / one) if one in ("FILE", "OUT") else one for one in arguments.split()]
    assert main(given) == 2
    complaint = capsys.readouterr().err
    assert message in complaint
    assert complaint.count("\n") == 1


def test_a_run_goes_into_a_folder_that_is_made_and_needs_a_name(tmp_path, capsys):
    queries = tmp_path / "q.txt"
    queries.write_text("two dogs\n")
    out = tmp_path / "new" / "folder" / "x.run"
    assert main(["search", "--queries", str(queries), "--run", str(out)]) == 0
    assert out.read_text().startswith("1 Q0 ")
    assert main(["search", "--queries", str(queries), "--run", ""]) == 2
    assert "Name it with --run OUT" in capsys.readouterr().err
    assert main(["search", "--queries", str(queries), "--run", str(queries / "x.run")]) == 2
    assert main(["search", "caf\udce9"]) == 2
    assert "The argument 'caf\\udce9' is not UTF-8" in capsys.readouterr().err


def test_half_a_character_is_no_query():
    with pytest.raises(QueryError, match="half of a character"):
        check_text("a dog \ud83d")
