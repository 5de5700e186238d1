"""The page: one file, its sections, nothing fetched, nothing run."""

import re
import xml.etree.ElementTree as ET

import pytest
from reported import HOSTILE, answering, enlarged, finished

from llmrec.commands import report
from llmrec.errors import ConfigError, DataError
from llmrec.onefile import digest
from llmrec.pages import charts, page
from llmrec.pages.groups import groups
from llmrec.report.plot import can_plot

PROMPTS = "task=direct limit=24 task.num_negatives=9"


@pytest.fixture(scope="module")
def to(tmp_path_factory):
    return tmp_path_factory.mktemp("paged")


@pytest.fixture(scope="module")
def folders(to):
    return [
        answering(to, "plain", PROMPTS, HOSTILE),
        answering(to, "shorter", f"{PROMPTS} prompt=no_format", ["the first", *HOSTILE]),
        finished(to, "popular", f"{PROMPTS} model=popularity"),
        finished(to, "fitted", "task=rating limit=20 model=text_blind"),
    ]


@pytest.fixture(scope="module")
def html(folders):
    return page.page(groups(folders)).decode()


def test_all_sections_stand_on_the_page(html):
    found = re.findall(r'<section id="(\w+)">', html)
    assert found == ["leaderboard", "coverage", "modules", "cost", "training", "bias", "samples"]


def test_the_page_asks_no_one_for_anything(html):
    """But for names of XML, which are no addresses, there is nothing that a browser could fetch."""
    outside = html.partition('<script type="application/json"')[0]
    assert set(re.findall(r'https?://[^"\s]+', outside)) <= {
        "http://www.w3.org/2000/svg",
        "http://www.w3.org/1999/xlink",
    }
    assert not re.search(r"<(link|img|iframe|object|embed|base)\b|\bsrc=|@import|url\(http", outside)


def test_the_one_script_and_the_one_style_are_allowed_by_their_hashes(html):
    [style] = re.findall(r"<style>(.*?)</style>", html, re.DOTALL)
    [script] = re.findall(r"<script>(.*?)</script>", html, re.DOTALL)
    [policy] = re.findall(r'Content-Security-Policy" content="([^"]*)"', html)
    policy = policy.replace("&#39;", "'")
    assert f"script-src '{digest(script)}'; style-src '{digest(style)}'" in policy
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    assert not re.search(r'<[^>]+ (style|on\w+)="', html)


def test_names_of_runs_are_words_and_no_markup(to):
    like = finished(to, "like", "task=direct limit=8 model=popularity")
    named = enlarged(to / "named", "<script>alert(1)</script>&", like, rows=12, words=30)
    html = page.page(groups([named])).decode()
    assert "<script>alert" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;&amp;" in html


@pytest.mark.skipif(not can_plot(), reason="altair and vl-convert are not installed: extra plots")
def test_charts_are_well_formed_and_share_no_ids(html):
    drawings = re.findall(r"<svg.*?</svg>", html, re.DOTALL)
    assert len(drawings) >= 6
    ids = [id for drawing in drawings for id in re.findall(r' id="([^"]+)"', drawing)]
    assert len(ids) == len(set(ids))
    for drawing in drawings:
        ET.fromstring(drawing)
    assert html.count('role="img" aria-label=') == len(drawings)


def test_without_the_extra_the_page_says_so_and_shows_the_tables(folders, monkeypatch):
    for module in (charts, page):
        monkeypatch.setattr(module, "can_plot", lambda: False)
    html = page.page(groups(folders[:3])).decode()
    assert "<svg" not in html
    assert "pip install 'llmrec[plots]'" in html
    assert "<details open>" in html


def test_the_rule_and_the_counts_are_told(html):
    assert "of 92 answers are shown, to" in html
    assert "100 rows, drawn by a hash of their ids" in html


def test_the_command_writes_the_page_whole(folders, tmp_path, capsys):
    out = tmp_path / "deep" / "report.html"
    assert report.main([str(folders[2]), "--out", str(out)]) == 0
    assert out.read_text().startswith("<!doctype html>")
    assert "1 run, 0." in capsys.readouterr().out


def test_a_page_of_another_name_and_folders_without_runs_are_refused(folders, tmp_path):
    with pytest.raises(ConfigError, match=r"--out .*report.pdf: a page is HTML"):
        report.main([str(folders[2]), "--out", str(tmp_path / "report.pdf")])
    with pytest.raises(DataError, match=r"no metrics.json in or below it"):
        report.main([str(tmp_path), "--out", str(tmp_path / "report.html")])


def test_a_folder_that_lost_a_file_is_told(folders, tmp_path):
    for file in folders[2].iterdir():
        if file.name != "prompts.jsonl":
            (tmp_path / file.name).write_bytes(file.read_bytes())
    with pytest.raises(DataError, match=r"prompts.jsonl: not there, though the run has finished"):
        report.main([str(tmp_path), "--out", str(tmp_path / "report.html")])


def test_latex_is_printed_for_each_group(folders, capsys):
    assert report.main([str(folders[2]), str(folders[3]), "--format", "latex"]) == 0
    shown = capsys.readouterr().out
    assert shown.count(r"\begin{table}") == shown.count(r"\bottomrule") == 2
    assert r"ndcg@10 $\uparrow$" in shown


@pytest.mark.slow
def test_twenty_runs_of_five_thousand_rows_stay_below_ten_megabytes(to):
    like = finished(to, "large", "task=direct limit=30 model=popularity")
    for at in range(20):
        enlarged(to / "twenty", f"model{at}", like, rows=5_000, words=300)
    out = to / "large.html"
    assert report.main([str(to / "twenty"), "--out", str(out)]) == 0
    assert 1e6 < out.stat().st_size < 10e6
