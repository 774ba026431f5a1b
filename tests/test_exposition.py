import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_classic

from agent.exposition import Exposition, wants_gzip, wants_openmetrics
from collectors.base import Metric, Sample

BYTES = Metric("netfold_x_bytes_total", "counter", 'Bytes, with "quotes" and \\ in it.', ("link",))
LOAD = Metric("netfold_load_ratio", "gauge", "Load.", ("link", "stat"))
INFO = Metric("netfold_thing_info", "info", "What it is.", ("title",))
PLAIN = Metric("netfold_ticks", "gauge", "No labels.")


def own_lines(text: bytes) -> list[str]:
    return [line for line in text.decode().splitlines() if "netfold_" in line]


def test_a_familys_samples_stand_together_whatever_target_they_came_from() -> None:
    exposition = Exposition()
    exposition.put("a", [Sample(BYTES, 1, ("l1",)), Sample(PLAIN, 3)])
    exposition.put("b", [Sample(BYTES, 2, ("l2",)), Sample(INFO, 1, ("教育专网",))])
    assert own_lines(exposition.render(0.0)) == [
        "# HELP netfold_thing_info What it is.",
        "# TYPE netfold_thing_info gauge",
        'netfold_thing_info{title="教育专网"} 1',
        "# HELP netfold_ticks No labels.",
        "# TYPE netfold_ticks gauge",
        "netfold_ticks 3",
        '# HELP netfold_x_bytes_total Bytes, with "quotes" and \\\\ in it.',
        "# TYPE netfold_x_bytes_total counter",
        'netfold_x_bytes_total{link="l1"} 1',
        'netfold_x_bytes_total{link="l2"} 2',
    ]


def test_openmetrics_names_families_without_total_and_info_and_ends_once() -> None:
    exposition = Exposition()
    exposition.put("a", [Sample(BYTES, 1, ("l1",)), Sample(INFO, 1, ("t",))])
    text = exposition.render(0.0, openmetrics_text=True)
    assert b"# TYPE netfold_x_bytes counter\n" in text
    assert b"# TYPE netfold_thing info\n" in text
    assert text.count(b"# EOF") == 1
    assert text.endswith(b"# EOF\n")


def test_what_a_source_says_anew_replaces_all_that_it_said() -> None:
    exposition = Exposition()
    exposition.put("a", [Sample(BYTES, 1, ("l1",)), Sample(PLAIN, 3)])
    exposition.put("a", [Sample(BYTES, 2, ("l1",))])
    assert own_lines(exposition.render(0.0))[-1] == 'netfold_x_bytes_total{link="l1"} 2'
    assert b"netfold_ticks" not in exposition.render(0.0)
    exposition.drop("a")
    assert own_lines(exposition.render(0.0)) == []


def test_a_value_may_be_whole_at_one_time_and_not_at_the_next_whatever_its_label_says() -> None:
    exposition = Exposition()
    label = "50 %d\n %b\n"
    for value, said in ((3, "3"), (0.5, "0.5"), (math.inf, "+Inf"), (2**64 - 1, str(2**64 - 1))):
        exposition.put("a", [Sample(BYTES, value, (label,)), Sample(BYTES, 7, ("other",))])
        assert own_lines(exposition.render(0.0))[-2:] == [
            rf'netfold_x_bytes_total{{link="50 %d\n %b\n"}} {said}',
            'netfold_x_bytes_total{link="other"} 7',
        ]


@pytest.mark.parametrize(
    ("value", "said"),
    [(np.float64(0.25), "0.25"), (np.float32(0.5), "0.5"), (True, "1"), (np.float64("nan"), "NaN")],
)
def test_a_value_that_is_another_kind_of_number_is_written_as_a_number(
    value: float, said: str
) -> None:
    exposition = Exposition()
    exposition.put("a", [Sample(PLAIN, value), Sample(BYTES, 7, ("l1",))])
    assert own_lines(exposition.render(0.0))[2] == f"netfold_ticks {said}"


def test_series_in_any_order_keep_their_own_values() -> None:
    exposition = Exposition()
    mixed = [Sample(metric, n, (f"l{n}",)) for n, metric in enumerate([BYTES, INFO, BYTES, INFO])]
    exposition.put("a", mixed)
    shown = {line for line in own_lines(exposition.render(0.0)) if line[0] != "#"}
    assert shown == {
        'netfold_x_bytes_total{link="l0"} 0',
        'netfold_thing_info{title="l1"} 1',
        'netfold_x_bytes_total{link="l2"} 2',
        'netfold_thing_info{title="l3"} 3',
    }


def test_values_are_dropped_when_their_time_is_over() -> None:
    exposition = Exposition()
    exposition.put("a", [Sample(PLAIN, 3)], until_s=180.0)
    assert b"netfold_ticks 3" in exposition.render(179.9)
    assert b"netfold_ticks" not in exposition.render(180.0)


def test_64_bit_counters_keep_all_their_digits() -> None:
    exposition = Exposition()
    exposition.put("a", [Sample(BYTES, 2**64 - 1, ("l1",))])
    assert b" 18446744073709551615\n" in exposition.render(0.0)


@given(
    st.lists(
        st.tuples(
            st.text(st.characters(codec="utf-8", exclude_categories=["Cs"])),
            st.floats(allow_nan=True, allow_infinity=True),
        ),
        max_size=20,
        unique_by=lambda pair: pair[0],
    )
)
def test_both_of_prometheus_clients_parsers_read_back_any_label_and_value(
    pairs: list[tuple[str, float]],
) -> None:
    exposition = Exposition()
    exposition.put("a", [Sample(LOAD, value, (label, "p95")) for label, value in pairs])
    expected = dict(pairs)
    for parse, openmetrics in ((parse_classic, False), (parse_openmetrics, True)):
        text = exposition.render(0.0, openmetrics_text=openmetrics).decode()
        found = {
            sample.labels["link"]: sample.value
            for family in parse(text)
            for sample in family.samples
            if sample.name == LOAD.name
        }
        assert found.keys() == expected.keys()
        for label, value in found.items():
            same = value == expected[label] or (math.isnan(value) and math.isnan(expected[label]))
            assert same, (label, value)


@pytest.mark.parametrize(
    ("accept", "openmetrics"),
    [
        pytest.param("", False, id="no-header"),
        pytest.param("*/*", False, id="curl"),
        pytest.param("text/html,application/xhtml+xml,*/*;q=0.8", False, id="a-browser"),
        pytest.param("text/plain;version=0.0.4", False, id="classic-only"),
        pytest.param(
            "application/openmetrics-text;version=1.0.0,application/openmetrics-text;"
            "version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
            True,
            id="prometheus-2",
        ),
        pytest.param(
            "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
            "application/openmetrics-text;version=0.0.1;q=0.5,"
            "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3",
            True,
            id="prometheus-3",
        ),
        pytest.param(
            "text/plain;version=0.0.4;q=0.9,application/openmetrics-text;q=0.5",
            False,
            id="rather-classic",
        ),
        pytest.param("application/openmetrics-text;q=nonsense", False, id="a-bad-weight"),
        pytest.param("Application/OpenMetrics-Text; Q=0.5", True, id="letters-of-either-case"),
    ],
)
def test_the_format_is_chosen_by_the_accept_header(accept: str, openmetrics: bool) -> None:
    assert wants_openmetrics(accept) is openmetrics


@pytest.mark.parametrize(
    ("accept_encoding", "gzip"),
    [
        pytest.param("", False, id="no-header"),
        pytest.param("gzip", True, id="prometheus"),
        pytest.param("br, Deflate, GZip;q=0.5", True, id="one-of-several"),
        pytest.param("gzip;q=0", False, id="forbidden"),
        pytest.param("notgzip", False, id="another-word-that-holds-it"),
    ],
)
def test_it_is_packed_only_where_gzip_is_accepted(accept_encoding: str, gzip: bool) -> None:
    assert wants_gzip(accept_encoding) is gzip
