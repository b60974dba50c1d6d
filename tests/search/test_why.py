"""Why a hit stands where it stands, and where every other image does."""

from itertools import combinations

import numpy as np
import pytest

from lsr.exceptions import QueryError, UnknownNameError
from lsr.search.known_answers import known_answers
from lsr.search.ranking import ranking
from lsr.search.results import SearchSettings
from lsr.search.searcher import Searcher
from lsr.search.understood import understood
from lsr.search.why import deviation, own_ranks, why

QUERY = "two red dogs on the beach"
ALL = SearchSettings(k=12)


@pytest.fixture
def searcher(collection, model, fake_encoder) -> Searcher:
    return Searcher(collection, model, encoder=fake_encoder)


def test_the_ranking_is_that_of_the_engine_to_the_last_digit(searcher):
    result = searcher.search_text(QUERY, ALL)
    ranked = ranking(searcher, result.query_terms)
    assert len(ranked) == len(result.hits) > 3
    for hit in result.hits:
        assert ranked.rank(hit.image_id) == hit.rank
        assert ranked.score(hit.image_id) == hit.score
        assert ranked.at(hit.rank) == hit.image_id


def test_a_filter_takes_images_out_of_the_ranking_and_moves_the_others_up(searcher):
    result = searcher.search_text(QUERY, ALL)
    banned = next(c.term for c in result.hits[0].contributions)
    settings = SearchSettings(k=12, exclude=(banned,))
    ranked = ranking(searcher, result.query_terms, settings)
    kept = searcher.search_text(QUERY, settings).hits
    assert [ranked.rank(hit.image_id) for hit in kept] == list(range(1, len(kept) + 1))
    assert ranked.rank(result.hits[0].image_id) is None


def test_reasons_are_the_contributions_and_what_is_lacking_is_the_rest(searcher):
    result = searcher.search_text(QUERY, ALL)
    hit = result.hits[2]
    told = why(searcher, result, hit.image_id)
    assert told.rank == 3
    assert told.score == hit.score
    assert sum(one.product for one in told.reasons) == pytest.approx(hit.score, rel=1e-6)
    assert {one.term for one in told.reasons} == {c.term for c in hit.contributions}
    asked = {one.term for one in result.query_terms}
    assert {one.term for one in told.lacking} == asked - {one.term for one in told.reasons}
    said = set(" ".join(told.captions).split())
    assert all(one.term in said for one in told.reasons if one.said)
    assert any(one.term not in said for one in told.reasons if not one.said)


def test_the_gaps_to_the_image_above_add_up_to_the_gap_of_the_scores(searcher):
    result = searcher.search_text(QUERY, ALL)
    told = why(searcher, result, result.hits[1].image_id)
    above = told.above
    assert above.image_id == result.hits[0].image_id
    gaps = sum(one.there - one.here for one in above.differences)
    assert gaps == pytest.approx(above.score - told.score, rel=1e-5)
    assert why(searcher, result, result.hits[0].image_id).above is None


def test_no_smaller_set_than_the_decisive_terms_takes_the_lead_away(searcher):
    """Against all sets of terms, for every pair of neighbours."""
    result = searcher.search_text(QUERY, ALL)
    weights = [{one.term: one.product for one in hit.contributions} for hit in result.hits]
    sizes = []
    for place in range(1, len(result.hits)):
        above = why(searcher, result, result.hits[place].image_id).above
        gaps = {
            term: weights[place - 1].get(term, 0.0) - weights[place].get(term, 0.0)
            for term in weights[place - 1].keys() | weights[place].keys()
        }

        def lead(muted, gaps=gaps) -> float:
            return sum(gap for term, gap in gaps.items() if term not in muted)

        found = above.decisive()
        assert lead(found) <= 1e-5
        for size in range(len(found)):
            assert all(lead(muted) > 1e-7 for muted in combinations(gaps, size))
        sizes.append(len(found))
    assert max(sizes) >= 2


def test_an_unknown_image_is_said(searcher):
    result = searcher.search_text(QUERY)
    with pytest.raises(UnknownNameError, match="has no image `nowhere`"):
        why(searcher, result, "nowhere")


def test_a_caption_names_its_image_whatever_its_capitals(searcher):
    text = searcher.collection.caption_texts[5]
    owner = searcher.collection.image_ids[searcher.collection.caption_image_rows[5]]
    assert (owner, "caption") in known_answers(searcher.collection, f" {text.upper()}. ")
    assert known_answers(searcher.collection, text + " and more") == []
    assert known_answers(searcher.collection, " . ") == []


def test_a_query_of_a_set_names_its_answers(queried):
    queries = queried.query_set("some")
    found = known_answers(queried, queries.texts[0])
    answers = queries.image_rows[: queries.starts[1]]
    assert {one.image_id for one in found} == {queried.image_ids[row] for row in answers}
    assert {one.source for one in found} == {"some"}


def test_words_without_a_term_in_pieces_and_mistyped_are_told_apart(searcher):
    told = understood(searcher, searcher.search_text("the dogs on a beech ☃", ALL))
    assert told.unknown == ("beech", "☃")
    assert told.split == (("dogs", ("dog", "##s")),)
    frequent = searcher.memory.document_frequency[searcher.model.vocabulary.id_of("beach")] > 0
    assert frequent
    assert ("beech", ("beach",)) in told.suggestions
    assert not told.nothing


def test_a_query_without_any_word_of_the_model_says_nothing(searcher):
    silent = searcher.search_text("☃ ☂", SearchSettings(expansion=False))
    assert understood(searcher, silent).nothing
    assert not understood(searcher, searcher.search_text("dog", ALL)).nothing


def test_the_rate_weighs_expansion_terms_alone(searcher):
    plain = searcher.search_text(QUERY, ALL).query_terms
    half = searcher.search_text(QUERY, SearchSettings(rate=0.5)).query_terms
    weights = {one.term: one.weight for one in half}
    for one in plain:
        share = 1 if one.origin == "literal" else 0.5
        assert weights[one.term] == pytest.approx(share * one.weight)
    none = searcher.search_text(QUERY, SearchSettings(rate=0)).query_terms
    assert none == searcher.search_text(QUERY, SearchSettings(expansion=False)).query_terms


def test_an_added_term_takes_part_with_its_weight(searcher):
    settings = SearchSettings(k=12, add={"boat": 1.5}, expansion=False)
    result = searcher.search_text("dog", settings)
    assert ("boat", 1.5, "literal") in result.query_terms
    assert not any(one.term == "boat" and one.weight == 1.5 for one in result.plain_terms)


def test_skipped_hits_are_those_of_the_pages_before(searcher):
    whole = searcher.search_text(QUERY, ALL).hits
    assert searcher.search_text(QUERY, SearchSettings(k=4, skip=3)).hits == whole[3:7]


def test_captions_and_numbers_of_terms_filter(searcher):
    text = searcher.collection.caption_texts[5]
    owner = searcher.collection.image_ids[searcher.collection.caption_image_rows[5]]
    words = text.split()[1:3]
    hits = searcher.search_text(QUERY, SearchSettings(k=12, caption=" ".join(words).upper())).hits
    assert {hit.image_id for hit in hits} <= {owner}
    counts = searcher.images.matrix.getnnz(axis=1)
    most = int(sorted(counts)[5])
    few = searcher.search_text(QUERY, SearchSettings(k=12, active_terms=(None, most))).hits
    assert few
    for hit in few:
        assert counts[searcher.row_of[hit.image_id]] <= most
    with pytest.raises(QueryError, match="Turn the two numbers round"):
        searcher.search_text(QUERY, SearchSettings(active_terms=(9, 3)))


def test_own_ranks_are_those_of_three_searches(searcher):
    image_id = searcher.memory.ids[4]
    for one in own_ranks(searcher, image_id):
        for settings, rank in (
            (ALL, one.sparse),
            (SearchSettings(k=12, expansion=False), one.literal),
        ):
            hits = [hit.image_id for hit in searcher.search_text(one.caption, settings).hits]
            assert rank == (hits.index(image_id) + 1 if image_id in hits else None)
        vector = searcher.encoder.encode_texts([one.caption])[0]
        images = searcher.collection
        cosines = images.image_vectors.astype(np.float32) @ vector
        order = [images.image_ids[row] for row in np.argsort(-cosines)]
        assert one.dense == order.index(image_id) + 1


def test_silent_and_stray_terms_part_captions_and_image(searcher):
    for image_id in searcher.memory.ids:
        captions = searcher.collection.captions_of(searcher.collection.image_row(image_id))
        said = set(" ".join(captions).split())
        active = {one.term for one in searcher.inspect(image_id, 1000).terms}
        found = deviation(searcher, image_id)
        assert set(found.silent) == {term for term in said - active if term not in {"a", "the"}}
        assert {term for term, _ in found.stray} == active - said
