"""The inspection report as CSV and as a page: complete, safe to open, self-contained."""

from __future__ import annotations

import csv
import io
import re
import subprocess
import sys
from html.parser import HTMLParser
from xml.etree import ElementTree as ET

import msgspec
import pytest

from functions.adapters.reports import charts
from functions.adapters.reports.csv_file import COLUMNS, render_csv
from functions.adapters.reports.html_page import KIND_WORDS, ROWS_MAX, ROWS_WITH_STRIP, render_html
from functions.domain.anomalies import Kind
from functions.domain.risk import InspectionReport, MeterRisk

MARCH_1 = 1_772_323_200  # 2026-03-01T00:00:00Z
DAYS = 30


def meter(number: int = 1, **changes: object) -> MeterRisk:
    risk = max(1, 99 - number // 6)
    made = MeterRisk(
        meter_id=f"M-{number:05}",
        customer_id=f"C-{number:05}",
        transformer_id=f"T-{number % 40:03}",
        feeder_id=f"FDR-{number % 15:02}",
        risk=risk,
        level="High" if risk >= 70 else "Medium" if risk >= 35 else "Low",
        anomalous_days=2,
        longest_streak_days=1,
        worst_score=6.25,
        kinds=("unusual", "sag"),
        why=f"Energy of meter {number} fell to 0.22 of its own baseline.",
        daily_worst=(0.0, 4.5, 0.0, 6.25) + (0.0,) * (DAYS - 4),
    )
    return msgspec.structs.replace(made, **changes)


def report(*ranked: MeterRisk, watched: int = 48_210) -> InspectionReport:
    return InspectionReport(
        period_start=MARCH_1,
        period_end=MARCH_1 + DAYS * 86_400,
        generated_at=MARCH_1 + DAYS * 86_400 + 21_600,
        meters_watched=watched,
        ranked=ranked,
    )


def csv_rows(made: InspectionReport) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(render_csv(made), newline="")))


class Page(HTMLParser):
    """What a reader gets: text of each table row, attributes, and that every element is closed."""

    VOID = frozenset({"meta", "link", "br"})

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str | None]] = []
        self.rows: list[str] = []
        self.text = ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]
        if tag not in self.VOID:
            self.open.append(tag)
        if tag == "tr":
            self.rows.append("")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" in self.open:
            return
        self.text += data
        if "tr" in self.open:
            self.rows[-1] += f"{data} "

    def meter_rows(self) -> list[str]:
        return [" ".join(row.split()) for row in self.rows if "What was seen" not in row]


def drawings(page: str) -> list[ET.Element]:
    return [ET.fromstring(svg) for svg in re.findall(r"<svg.*?</svg>", page, flags=re.DOTALL)]


# CSV


def test_csv_has_the_agreed_header_and_one_line_a_meter_in_rank_order() -> None:
    made = report(*(meter(number) for number in range(700)))
    assert render_csv(made).splitlines()[0] == (
        "rank,meter_id,customer_id,transformer_id,feeder_id,risk,level,"
        "anomalous_days,longest_streak_days,worst_score,kinds,why"
    )
    rows = csv_rows(made)
    assert [row["rank"] for row in rows] == [str(rank) for rank in range(1, 701)]
    assert [row["meter_id"] for row in rows] == [made.ranked[index].meter_id for index in range(700)]
    assert rows[0]["kinds"] == "unusual;sag"
    assert rows[0]["worst_score"] == "6.25"


def test_csv_quotes_by_rfc_4180() -> None:
    text = render_csv(report(meter(why='Said "0.2, or less"\nand stopped')))
    assert text.endswith("\r\n")
    assert '"Said ""0.2, or less""\nand stopped"' in text
    assert csv_rows(report(meter(why='Said "0.2, or less"\nand stopped')))[0]["why"].endswith("\nand stopped")


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "＝"])
@pytest.mark.parametrize("field", ["meter_id", "customer_id", "transformer_id", "feeder_id", "level", "why"])
def test_csv_disarms_formulas(start: str, field: str) -> None:
    evil = f"{start}HYPERLINK(A1)"
    assert csv_rows(report(meter(**{field: evil})))[0][field] == f"'{evil}"


def test_csv_disarms_a_formula_in_the_kinds() -> None:
    assert csv_rows(report(meter(kinds=("=1+1", "sag"))))[0]["kinds"] == "'=1+1;sag"


@pytest.mark.parametrize("number", ["-12", "+4711", "-0.5", "300"])
def test_csv_leaves_numbers_alone(number: str) -> None:
    assert csv_rows(report(meter(meter_id=number)))[0]["meter_id"] == number


@pytest.mark.parametrize("formula", ["-1+cmd|' /C calc'!A0", "+1-1", "-1\n=2"])
def test_csv_is_not_fooled_by_a_formula_that_starts_like_a_number(formula: str) -> None:
    assert csv_rows(report(meter(meter_id=formula)))[0]["meter_id"] == f"'{formula}"


def test_csv_of_an_empty_report_is_its_header() -> None:
    assert render_csv(report()) == ",".join(COLUMNS) + "\r\n"


# Page


def test_page_shows_every_meter_with_all_it_needs() -> None:
    made = report(*(meter(number) for number in range(120)))
    rows = Page(render_html(made)).meter_rows()
    assert len(rows) == 120
    for rank, (row, risk) in enumerate(zip(rows, made.ranked, strict=True), start=1):
        assert row.startswith(f"{rank} {risk.meter_id} {risk.customer_id} {risk.transformer_id} {risk.feeder_id} ")
        assert f" {risk.risk} " in row
        assert f" {risk.level} 2 1 6.2 " in row
        assert row.endswith(f"Unusual pattern, voltage too low {risk.why}")


def test_page_names_the_period_and_counts() -> None:
    page = Page(render_html(report(*(meter(number) for number in range(120)), watched=48_210)))
    text = " ".join(page.text.split())
    assert "1 March 2026 to 30 March 2026 (UTC, 30 days)" in text
    assert "Generated 31 March 2026, 06:00 UTC" in text
    assert "48,210" in text
    assert "not proof of theft" in text
    assert "one window in 10,000" in text


def test_only_the_first_rows_carry_a_daily_strip() -> None:
    made = drawings(render_html(report(*(meter(number) for number in range(120)))))
    strips = [svg for svg in made if svg.get("class") == "strip"]
    assert len(strips) == ROWS_WITH_STRIP
    assert len(made) == ROWS_WITH_STRIP + 2
    assert strips[0].findtext("title") == "Anomalous on 2 of 30 days; worst 6.2 on 4 March 2026"


def test_every_drawing_is_well_formed_and_titled() -> None:
    made = drawings(render_html(report(*(meter(number, feeder_id=f'<F&"{number}\x00>') for number in range(60)))))
    assert made
    for svg in made:
        assert svg.findtext("title") == svg.get("aria-label")
        assert svg.get("role") == "img"


def test_histogram_and_feeders_count_every_listed_meter() -> None:
    ranked = [meter(1, risk=100), meter(2, risk=95), meter(3, risk=0, level="Low"), meter(4, risk=250, level="Odd")]
    titles = [title.text for title in ET.fromstring(charts.risk_histogram(ranked)).findall("g/title")]
    assert titles[0] == "Risk 0 to 4: 1 meter (1 Low)"
    assert titles[-1] == "Risk 95 to 100: 3 meters (2 High)"
    bars = ET.fromstring(charts.feeder_bars([meter(n, feeder_id=f"F{n % 20:02}") for n in range(45)]))
    titles = [title.text for title in bars.findall("g/title")]
    assert len(titles) == charts.TOP_FEEDERS
    assert titles[0] == "F00: 3 meters (3 High)"
    assert titles[5] == "F05: 2 meters (2 High)"


def test_a_long_period_is_drawn_with_fewer_bars_but_counted_by_day() -> None:
    strip = ET.fromstring(charts.daily_strip([5.0] * 365, MARCH_1, 8.0))
    assert strip.findtext("title") == "Anomalous on 365 of 365 days; worst 5.0 on 1 March 2026"
    assert strip.findall("path")[1].get("d", "").count("M") <= 60


def test_scores_that_are_no_numbers_are_still_drawn() -> None:
    strange = (float("nan"), float("inf"), -1.0, 0.0)
    page = render_html(report(meter(daily_worst=strange, worst_score=float("inf"))))
    assert "Anomalous on 1 of 4 days" in page
    assert "nan" not in "".join(path.get("d", "") for svg in drawings(page) for path in svg.findall("path"))


@pytest.mark.parametrize("field", ["meter_id", "customer_id", "transformer_id", "feeder_id", "level", "why"])
def test_page_escapes_what_comes_from_outside(field: str) -> None:
    evil = "\"><script>alert('x')</script>\x00"
    text = render_html(report(meter(**{field: evil})))
    page = Page(text)
    assert "<script" not in text
    assert "script" not in page.tags
    assert "\x00" not in text
    assert any("\"><script>alert('x')</script>" in row for row in page.meter_rows())


def test_page_escapes_unknown_kinds_and_needs_no_customer() -> None:
    row = Page(render_html(report(meter(kinds=("<b>_new",), customer_id="")))).meter_rows()[0]
    assert "<b> new" in row
    assert "customer unknown" in row


def test_page_can_be_written_as_utf_8_whatever_the_ids_hold() -> None:
    render_html(report(meter(meter_id="M\ud800", feeder_id="F\udfff"))).encode()


def test_every_kind_has_plain_words() -> None:
    assert set(KIND_WORDS) == {kind.name for kind in Kind}


def test_an_empty_report_says_that_nothing_needs_a_visit() -> None:
    text = render_html(report())
    assert "Nothing needs a visit" in text
    assert Page(text).meter_rows() == []
    assert drawings(text) == []


def test_an_empty_report_of_no_meters_does_not_reassure() -> None:
    assert "an empty list proves nothing" in render_html(report(watched=0))


def test_beyond_five_hundred_meters_the_page_points_to_the_csv() -> None:
    made = report(*(meter(number) for number in range(ROWS_MAX + 120)))
    text = render_html(made)
    page = Page(text)
    assert len(page.meter_rows()) == ROWS_MAX
    assert "120 more meters are in the CSV file" in text
    assert made.ranked[ROWS_MAX].meter_id not in page.text
    assert "meters on the list</dt><dd>620</dd>" in text
    assert "more meter" not in render_html(report(*made.ranked[:ROWS_MAX]))
    assert "1 more meter is in the CSV file" in render_html(report(*made.ranked[: ROWS_MAX + 1]))


def test_page_is_self_contained_and_runs_no_script() -> None:
    text = render_html(report(*(meter(number) for number in range(80))))
    plain = text.replace('xmlns="http://www.w3.org/2000/svg"', "")
    for needle in ("http://", "https://", "<script", "@import", "url(", "javascript:", " onload", "<img", "<iframe"):
        assert needle not in plain
    page = Page(text)
    assert {value for _, name, value in page.attributes if name in {"src", "href"}} == {"data:,"}


def test_headers_name_their_scope() -> None:
    page = Page(render_html(report(meter())))
    scopes = [value for tag, name, value in page.attributes if tag == "th" and name == "scope"]
    assert len(scopes) == page.tags.count("th")
    assert set(scopes) == {"col", "row"}


def test_output_depends_on_the_report_alone() -> None:
    made = report(*(meter(number) for number in range(120)))
    again = msgspec.json.decode(msgspec.json.encode(made), type=InspectionReport)
    assert render_html(made) == render_html(again)
    assert render_csv(made) == render_csv(again)


def test_the_template_engine_is_loaded_only_for_a_page() -> None:
    code = "import sys, functions.adapters.reports.html_page; sys.exit('jinja2' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
