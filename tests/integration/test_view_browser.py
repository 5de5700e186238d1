"""The page of `llmrec view` in a real browser: it does what the one file does, and asks its server alone."""

import threading
from contextlib import contextmanager

import pytest
from browsed import opened_at

from llmrec.commands.view import served

pytestmark = pytest.mark.integration


@contextmanager
def serving(folders):
    """Yield the address of a server of the runs."""
    with served(folders, 0) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def viewed(browser, folders):
    """The page, opened; nobody else may have been asked by the end."""
    with serving(folders) as address, opened_at(browser, address) as (page, asked):
        yield page
        assert all(one.startswith(address) for one in asked)
        assert len(asked) > 1


def test_a_served_page_does_what_the_one_file_does(viewed):
    page = viewed
    every = page.locator("#status").inner_text()
    assert every == "150 of 150 answers"
    page.select_option("#by-run", label="popularity")
    settled(page, "30 of 30 answers")
    id = page.locator("#sample .candidates bdi.id").first.inner_text()
    page.locator("#by-text").fill(id)
    page.wait_for_function("() => !/ing|30 of 30|150/.test(document.getElementById('status').textContent)")
    page.wait_for_selector("#sample dl")
    assert id in page.locator("#sample").inner_text()
    page.locator("#clear").click()
    settled(page, every)
    page.locator("#by-text").fill("HACKED = 2")
    page.wait_for_function("() => /hacked = 2/.test(document.querySelector('#sample .said')?.textContent)")
    assert page.evaluate("window.hacked") is None
    page.locator("#clear").click()
    settled(page, every)
    page.locator("#list button").nth(3).click()
    page.wait_for_function("() => /^.*4 of/.test(document.querySelector('#sample .turn-page')?.textContent)")
    for _ in range(20):
        page.keyboard.press("ArrowRight")
    page.wait_for_function("() => /24 of/.test(document.querySelector('#sample .turn-page').textContent)")
    told = page.locator("#sample dl").first.inner_text()
    page.reload()
    page.wait_for_function("(text) => document.querySelector('#sample dl')?.innerText === text", arg=told)
    page.select_option("#by-one", label="popularity")
    page.select_option("#by-other", label="last_item")
    page.wait_for_selector("#sample .sides >> nth=0 >> h3 >> nth=1")
    assert "rows that changed" in page.locator("#status").inner_text()
    assert page.locator("#sample .sides").first.locator("h3").all_inner_texts() == ["popularity", "last_item"]


def settled(page, text):
    page.wait_for_function("(text) => document.getElementById('status').textContent === text", arg=text)
    page.wait_for_selector("#sample dl")


def test_a_server_that_is_gone_is_told(browser, folders):
    with serving(folders[2:3]) as address:
        page = browser.new_page()
        page.goto(address)
        page.wait_for_selector("#sample dl")
    page.locator("#list button").nth(3).click()
    page.wait_for_function("() => /load the page again/.test(document.getElementById('sample').textContent)")
    page.close()
