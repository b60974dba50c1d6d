"""Parts of an address are read strictly and say what they would take."""

import math
import time

import pytest
from streamlit.testing.v1 import AppTest

from lsr.exceptions import QueryError, UnknownNameError
from lsr.sweep.knobs import Knob
from pages.parts import address
from pages.parts.address import number_text, parse_flag, parse_number, parse_option
from pages.parts.choice import preferred, read_name
from pages.parts.expansion.knobs import SLIDERS, Turned, parse_stop
from pages.parts.links import parameters


def test_a_missing_part_is_its_default():
    assert parse_flag("expansion", None, True) is True
    assert parse_number("rate", None, 0, 1, 0.5) == 0.5
    assert parse_option("axis", None, ["active", "flops"], "active") == "active"


@pytest.mark.parametrize(("raw", "value"), [("on", True), ("off", False)])
def test_a_flag_is_on_or_off(raw, value):
    assert parse_flag("expansion", raw, not value) is value


def test_another_word_is_no_flag():
    with pytest.raises(QueryError, match="`expansion` in the address is `maybe`. Use `on` or"):
        parse_flag("expansion", "maybe", True)


@pytest.mark.parametrize("raw", ["1.5", "-0.1", "nan", "inf", "half", ""])
def test_a_number_outside_its_range_is_refused(raw):
    with pytest.raises(QueryError, match="Use a number from 0 to 1"):
        parse_number("rate", raw, 0, 1, 0.5)


def test_an_unknown_option_lists_those_there_are():
    with pytest.raises(QueryError, match="Use `active`, `flops`"):
        parse_option("axis", "speed", ["active", "flops"], "active")


def test_a_rate_between_two_stops_names_the_nearest():
    with pytest.raises(QueryError, match=r"`rate` in the address is `0.33`.*Use `0.35`"):
        parse_stop("rate", "0.33", SLIDERS["caption"].stops, 1.0)


@pytest.mark.parametrize("control", list(SLIDERS))
def test_every_stop_of_a_slider_survives_its_address(control):
    slider = SLIDERS[control]
    assert slider.default in slider.stops
    for stop in slider.stops:
        assert parse_stop("x", number_text(stop), slider.stops, slider.stops[0]) == stop
    assert Knob(control).limits[0] <= slider.stops[0]
    assert slider.stops[-1] <= Knob(control).limits[1]


def test_a_knob_knows_its_place_among_the_stops():
    stops = SLIDERS["caption"].stops
    assert Turned(Knob("caption"), stops, 0.5, "").place == 10


def test_the_preferred_name_is_demo_where_there_is_one():
    assert preferred(["a", "demo"]) == "demo"
    assert preferred(["a", "b"]) == "a"


def test_an_unknown_name_lists_those_there_are():
    with pytest.raises(UnknownNameError, match=r"no collection `\.\./x`.*`demo`, `mine`"):
        read_name("collection", "../x", ["demo", "mine"])


def test_a_link_carries_the_choice_of_the_sidebar_and_its_own_part():
    address = {"collection": "mine", "q": "dogs", "rate": "0.5"}
    assert parameters(address, id="7", term=None) == {"collection": "mine", "id": "7"}


def polled_page() -> None:
    import streamlit as st

    from pages.parts import address

    def part() -> None:
        st.text(f"{address.read_text('k')} {address.read_text('view')}")

    address.fragment(part, 60.0)()
    st.button("five", on_click=address.write, args=("k", "5"))
    st.button("none", on_click=address.write, args=("k", None))
    st.button("flips", on_click=address.write_together, args=({"view": "flips"},))


def test_a_part_that_runs_by_itself_keeps_what_was_written_since_the_browser_was_told():
    app = AppTest.from_function(polled_page)
    app.query_params["k"] = "20"
    assert app.run().text[0].value == "20 None"
    assert app.button[0].click().run().text[0].value == "5 None"
    app.query_params["k"] = "20"
    assert app.run().text[0].value == "5 None"
    app.query_params["k"] = "20"
    assert app.button[2].click().run().text[0].value == "5 flips"
    app.query_params["k"] = "20"
    app.query_params["view"] = ""
    assert app.button[1].click().run().text[0].value == "None flips"


def page_with_a_link() -> None:
    import streamlit as st

    from pages.parts import address

    with address.heard():
        address.hold_if_outdated(same_page=True)
        st.session_state[address.LAST_ADDRESS] = st.query_params.to_dict()
        st.text(f"{address.read_text('k')} {address.read_text('view')}")
        st.button("five", on_click=address.write, args=("k", "5"))
        st.button("flips", on_click=address.write, args=("view", "flips"))
        st.button("nothing")


@pytest.mark.parametrize(("at_once", "then"), [(math.inf, "5 flips"), (0.0, "20 None")])
def test_an_address_that_was_replaced_is_a_link_only_a_while_later(monkeypatch, at_once, then):
    monkeypatch.setattr(address, "AT_ONCE", at_once)
    app = AppTest.from_function(page_with_a_link)
    app.query_params["k"] = "20"
    assert app.run().text[0].value == "20 None"
    app.button[0].click().run()
    assert app.button[1].click().run().text[0].value == "5 flips"
    app.query_params["k"] = "20"
    del app.query_params["view"]
    assert app.button[2].click().run().text[0].value == then


def test_another_address_is_followed_at_once(monkeypatch):
    monkeypatch.setattr(address, "AT_ONCE", math.inf)
    app = AppTest.from_function(page_with_a_link)
    app.query_params["k"] = "20"
    app.run().button[0].click().run()
    app.query_params["k"] = "7"
    assert app.run().text[0].value == "7 None"
    app.query_params["k"] = "20"
    assert app.run().text[0].value == "20 None"


def page_that_is_asked_for_twice() -> None:
    import streamlit as st
    from streamlit.runtime.scriptrunner import RerunData, get_script_run_ctx

    from pages.parts import address

    def click() -> None:
        here = get_script_run_ctx()
        if "asked" not in st.session_state:
            st.session_state["asked"] = True
            here.script_requests.request_rerun(RerunData(query_string=here.query_string))
        address.write_together({"k": "5", "view": "flips"})

    address.hold()
    st.text(f"{address.read_text('k')} {address.read_text('view')}")
    st.button("click", on_click=click)


def test_a_callback_comes_to_its_end_though_another_run_is_asked_for():
    app = AppTest.from_function(page_that_is_asked_for_twice)
    app.query_params["k"] = "20"
    assert app.run().text[0].value == "20 None"
    assert app.button[0].click().run().text[0].value == "5 flips"
    assert app.query_params["view"] == "flips"


def page_with_a_part() -> None:
    import math

    import streamlit as st

    from pages.parts import address

    st.session_state["heard"] = -math.inf
    address.fragment(lambda: None, None)()
    st.text(st.session_state["heard"])


def test_what_is_asked_while_a_part_is_drawn_comes_at_once_after_it():
    before = time.monotonic()
    drawn = float(AppTest.from_function(page_with_a_part).run().text[0].value)
    assert before <= drawn <= time.monotonic()


def page_that_counts() -> None:
    import streamlit as st
    from streamlit.runtime.scriptrunner import RerunData, get_script_run_ctx

    from pages.parts import address

    counted = st.session_state.setdefault("counted", [])
    when = st.query_params["when"]

    def ask(now: str) -> None:
        here = get_script_run_ctx()
        if when == now and not asked:
            asked.append(now)
            here.script_requests.request_rerun(RerunData(query_string=here.query_string))

    @address.whole
    def click() -> None:
        ask("before it counts")
        kept = st.session_state["counted"]
        kept.append("one")
        ask("when it has counted")
        address.write("k", "5")

    asked = st.session_state.setdefault("asked", [])
    address.hold()
    st.text(f"{address.read_text('k')} {len(counted)}")
    st.button("click", on_click=click)


@pytest.mark.parametrize("when", ["before it counts", "when it has counted"])
def test_what_counts_is_counted_once_whenever_another_run_is_asked_for(when):
    app = AppTest.from_function(page_that_counts)
    app.query_params["when"] = when
    assert app.run().text[0].value == "None 0"
    assert app.button[0].click().run().text[0].value == "5 1"
    assert app.session_state["asked"] == [when]


def page_with_a_knob() -> None:
    import streamlit as st
    from streamlit.proto.WidgetStates_pb2 import WidgetState, WidgetStates
    from streamlit.runtime.scriptrunner import RerunData, get_script_run_ctx

    from pages.parts import address

    def turn(stop: float) -> None:
        here = get_script_run_ctx()
        state = WidgetStates(widgets=[WidgetState(id=st.session_state["knob"], double_value=stop)])
        asked = RerunData(query_string=here.query_string, widget_states=state)
        here.script_requests.request_rerun(asked)

    @address.whole
    def click() -> None:
        turn(1.0)
        address.write("view", "flips")
        turn(2.0)

    address.hold()
    stop = float(address.read_text("k") or 0.0)
    st.number_input("k", **address.bound("k", stop, 0.0, address.number_text))
    st.text(f"{stop:g}")
    st.button("click", on_click=click)


def test_of_what_is_asked_while_a_callback_runs_the_last_counts():
    app = AppTest.from_function(page_with_a_knob).run()
    app.session_state["knob"] = app.number_input[0].id
    assert app.button[0].click().run().text[0].value == "2"
    assert app.number_input[0].value == 2.0
