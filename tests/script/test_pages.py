"""The booth's pages as a member meets them: real templates, real scripts, a circle in memory."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, expect

from circles.protocol import messages as m
from tests.script.conftest import Chromium
from tests.script.small_circle import SCOPE, SmallCircle, opened, serving

Step = Callable[[Page], None]
# Long, for machines that are busy: what is there is found at once.
TIMEOUT_MS = 30_000
expect.set_options(timeout=TIMEOUT_MS)


class Visit:
    """A member's browser at a small circle; `at` opens a page and does something there."""

    def __init__(self, chromium: Chromium, circle: SmallCircle, origin: str) -> None:
        self.chromium = chromium
        self.circle = circle
        self.origin = origin
        self.noise: list[str] = []
        self.context = chromium.run(self._open)

    @staticmethod
    def _open(browser: Browser) -> BrowserContext:
        context = browser.new_context(
            viewport={"width": 390, "height": 844}, locale="en-GB", reduced_motion="reduce"
        )
        context.set_default_timeout(TIMEOUT_MS)
        return context

    def at(self, name: str, *steps: Step) -> None:
        """Open a page of the booth, take the steps, close it. The console is listened to."""

        def work(_: Browser) -> None:
            page = self.context.new_page()
            page.on("console", lambda message: self.noise.append(message.text))
            page.on("pageerror", lambda error: self.noise.append(str(error)))
            page.goto(f"{self.origin}{SCOPE}/in/{name}")
            for step in steps:
                step(page)
            page.close()

        self.chromium.run(work)

    def close(self) -> None:
        """End the browser context."""
        self.chromium.run(lambda _: self.context.close())


@pytest.fixture
def visit(chromium: Chromium) -> Iterator[Visit]:
    circle = SmallCircle()
    with serving(circle) as origin:
        visit = Visit(chromium, circle, origin)
        yield visit
        visit.close()
        # A refused answer shows in the console by itself; anything else is a fault of ours.
        assert [line for line in visit.noise if "status of" not in line] == []


@pytest.fixture
def whole_visit(chromium: Chromium) -> Iterator[Visit]:
    """The same where one ballot carries all ticks of a member."""
    circle = SmallCircle(whole=True)
    with serving(circle) as origin:
        visit = Visit(chromium, circle, origin)
        yield visit
        visit.close()
        assert [line for line in visit.noise if "status of" not in line] == []


def press(name: str) -> Step:
    """Press the button of that name."""
    return lambda page: page.get_by_role("button", name=name, exact=True).click()


def reads(headline: str) -> Step:
    """The headline shown says this, and it has the focus or stands first."""
    return lambda page: expect(page.locator("h1:visible")).to_have_text(
        headline, use_inner_text=True
    )


def says(text: str) -> Step:
    """Somewhere visible it says this."""
    return lambda page: expect(
        page.locator("main").get_by_text(text).filter(visible=True).first
    ).to_be_visible()


def silent_about(text: str) -> Step:
    """Nowhere visible does it say this."""
    return lambda page: expect(page.get_by_text(text).filter(visible=True)).to_have_count(0)


def tick(**ticks: int) -> Step:
    """Give so many ticks to candidates `n1`, `n2`, ..., `nkeep`."""

    def work(page: Page) -> None:
        for name, count in ticks.items():
            page.locator(f'input[name="{name}"][value="{count}"]').check()

    return work


def collected(visit: Visit) -> None:
    visit.at("collect", press("Collect them"), reads("All collected."))


VOTE = (press("Look it over"), press("Seal and send"), reads("Sealed and sent."))


def test_collecting_is_a_button_and_nothing_happens_before_it(visit: Visit) -> None:
    visit.at("collect", says("You get three ticks"))
    assert not [path for method, path, _ in visit.circle.seen if method == "POST"]
    collected(visit)
    visit.at("collect", reads("All collected."))
    assert [len(takes) for takes in visit.circle.takes.values()] == [2, 3]


def test_ticks_are_looked_over_sealed_and_receipted(visit: Visit) -> None:
    collected(visit)
    visit.circle.open_vote()
    visit.at(
        "ballot",
        says("3 ticks left"),
        tick(n1=2),
        says("1 tick left"),
        tick(nkeep=1),
        says("No ticks left"),
        press("Look it over"),
        reads("Is this what you mean?"),
        says("Three of three given."),
        says("2 ticks"),
        press("Seal and send"),
        reads("Sealed and sent."),
        says("Tick 3"),
    )
    assert sorted(map(str, opened(visit.circle).values())) == ["['keep']", "[1]", "[1]"]


def test_three_ticks_go_on_one_whole_ballot(whole_visit: Visit) -> None:
    visit = whole_visit
    visit.at("collect", says("You get three ticks"), says("Your ticks share one lock"))
    collected(visit)
    assert [len(takes) for takes in visit.circle.takes.values()] == [2, 1]
    visit.circle.open_vote()
    visit.at(
        "ballot",
        says("Everyone holds an equal share of the fund."),
        says("Whole ballots are published after the count"),
        says("3 ticks left"),
        tick(n1=1, n3=1),
        says("1 tick left"),
        press("Look it over"),
        says("Two of three given."),
        press("Seal and send"),
        reads("Sealed and sent."),
        says("Ballot"),
    )
    assert list(opened(visit.circle).values()) == [[1, 3]]
    visit.at("ballot", says("You have voted."), tick(n2=1, nkeep=1), *VOTE)
    newest = [t for (_, seq), t in opened(visit.circle).items() if seq == 2]
    assert newest == [[2, "keep"]]


def test_more_ticks_than_given_out_are_said_and_not_sent(visit: Visit) -> None:
    collected(visit)
    visit.circle.open_vote()
    visit.at(
        "ballot",
        tick(n1=3, n2=1),
        says("1 tick too many"),
        says("That is four ticks. You have three."),
        press("Look it over"),
        reads("You have three ticks."),
    )


def test_voting_again_replaces_and_the_receipt_can_be_seen_again(visit: Visit) -> None:
    collected(visit)
    visit.circle.open_vote()
    visit.at("ballot", tick(n1=1), *VOTE, press("Vote again"), tick(n1=0, n2=3), *VOTE)
    newest = {k: t for (k, seq), t in opened(visit.circle).items() if seq == 2}
    assert sorted(newest.values()) == [[2], [2], [2]]
    visit.at("ballot", says("You have voted."), press("See your receipt"), says("Tick 1"))


def test_a_lost_answer_leaves_a_button_that_sends_the_same(visit: Visit) -> None:
    collected(visit)
    visit.circle.open_vote()
    visit.circle.lie.add("no answers")
    visit.at(
        "ballot", tick(n2=1), press("Look it over"), press("Seal and send"), says("Not sent yet.")
    )
    visit.circle.lie.discard("no answers")
    visit.at("ballot", says("Not sent yet."), press("Try now"), reads("Sealed and sent."))
    assert sorted(opened(visit.circle).values()) == [[], [], [2]]


def test_ticks_that_are_elsewhere_come_back_with_the_file(visit: Visit, tmp_path: Any) -> None:
    saved = tmp_path / "saved.json"

    def save(page: Page) -> None:
        with page.expect_download() as download:
            page.get_by_role("button", name="Save the file").click()
        download.value.save_as(saved)

    def load(page: Page) -> None:
        page.locator("input[data-load-file]:not(:disabled)").last.set_input_files(saved)

    collected(visit)
    visit.at("collect", save)
    held = json.loads(saved.read_text("utf-8"))
    assert len(held["records"]) == 5
    visit.circle.open_vote()
    visit.at("ballot", lambda page: page.evaluate("localStorage.clear()"))
    visit.at(
        "ballot",
        says("Your ticks are not in this browser."),
        load,
        silent_about("Your ticks are not in this browser."),
        tick(n3=3),
        *VOTE,
    )
    assert sorted(opened(visit.circle).values()) == [[3], [3], [3]]


def test_two_people_may_share_a_browser(visit: Visit) -> None:
    collected(visit)
    visit.circle.signed_in = 1
    visit.at("collect", says("You get three ticks"))
    collected(visit)
    visit.circle.open_vote()
    visit.at("ballot", tick(n1=3), *VOTE)
    visit.circle.signed_in = 0
    visit.at("ballot", silent_about("You have voted."), tick(n2=3), *VOTE)
    ballots = opened(visit.circle)
    assert sorted(ballots.values()) == [[1], [1], [1], [2], [2], [2]]
    assert {seq for _, seq in ballots} == {1}


def test_another_log_at_the_same_address_is_noticed_but_a_demo_begins_anew(visit: Visit) -> None:
    circle = visit.circle
    collected(visit)
    circle.log_seed = bytes(32)
    circle.open_vote()
    visit.at(
        "ballot",
        press("Look it over"),
        press("Seal and send"),
        says("The record is not the one you saw before."),
    )
    circle.fresh, circle.shown = True, replace(circle.shown, id=bytes([1] * 16))
    for takes in circle.takes.values():
        takes.clear()
    collected(visit)
    visit.at("ballot", *VOTE)


def test_used_slots_are_explained(visit: Visit) -> None:
    collected(visit)
    visit.at("collect", lambda page: page.evaluate("localStorage.clear()"))
    visit.at("collect", press("Collect them"), says("These ticks were collected before."))


def test_other_words_than_nominated_are_noticed(visit: Visit) -> None:
    collected(visit)
    visit.circle.open_vote()
    leaf, (ask, document) = next(iter(visit.circle.nominated.items()))
    bent = type(document)(document.salt, document.text.replace(b" ", b"  "))
    visit.circle.nominated[leaf] = (ask, bent)
    visit.at(
        "ballot",
        press("Look it over"),
        press("Seal and send"),
        says("The words are not the ones that were nominated."),
    )
    assert visit.circle.cast["vote"] == {}


def fill(**values: str) -> Step:
    """Fill fields by name."""

    def work(page: Page) -> None:
        for name, value in values.items():
            page.locator(f'[name="{name}"]').fill(value)

    return work


def test_a_nomination_is_named_replaced_and_without_gaps(visit: Visit) -> None:
    collected(visit)
    agreed: Step = lambda page: page.get_by_label("They said yes").check()  # noqa: E731  # a step
    visit.at(
        "nominate",
        press("Look it over"),
        says("Please write whom this is for."),
        says("Please write the amount in digits only, above nothing, such as 45.00."),
        fill(recipient="Saturday soup", words="Vegetables.\nFor four Saturdays.", amount="45,5"),
        press("Look it over"),
        says("Please ask them first"),
        agreed,
        press("Look it over"),
        press("Send"),
        reads("Named."),
        press("Name another, or replace one"),
        says("You have named one of two."),
        lambda page: page.get_by_label("Instead of “Saturday soup”").check(),
        fill(recipient="Saturday soup, again", words="Potatoes."),
        lambda page: page.get_by_label("Any amount helps").check(),
        agreed,
        press("Look it over"),
        says("any amount"),
        press("Send"),
        reads("Named."),
    )
    sent = [m.Nomination.parse(text) for text in visit.circle.cast["nominate"].values()]
    assert {(n.seq, n.ask.amount_minor, n.ask.part) for n in sent} == {
        (1, 4550, False),
        (2, None, True),
    }
    assert len({n.key for n in sent}) == 1
    assert visit.circle.document == "Saturday soup, again\nPotatoes.\n"


def test_after_the_count_the_page_says_what_each_entry_reads(visit: Visit) -> None:
    collected(visit)
    visit.circle.open_vote()
    names = {request.number: request.recipient for request in visit.circle.requests()}
    visit.at("ballot", tick(n2=1, nkeep=1), *VOTE)
    visit.circle.close_vote()
    first = visit.circle.entries.index(visit.circle.records["vote/close"]) - 3
    visit.at(
        "check",
        press("Look for my ballots"),
        reads("It holds."),
        says(f"reads: one tick for {names[2]}."),
        says("reads: one tick for Keep it for next month."),
        says("reads: blank."),
        says(f"Entry {first}"),
    )


@pytest.mark.parametrize(
    ("then", "headline"), [("void", "The box stayed shut."), ("wait", "The box is being opened.")]
)
def test_a_box_that_is_not_opened_holds_the_ballots_sealed(
    visit: Visit, then: str, headline: str
) -> None:
    collected(visit)
    visit.circle.open_vote()
    visit.at("ballot", tick(n1=3), *VOTE)
    visit.circle.close_vote(then=then)
    visit.at("check", press("Look for my ballots"), reads(headline), says("still sealed"))


def test_a_missing_ballot_is_said_plainly(visit: Visit) -> None:
    collected(visit)
    visit.circle.open_vote()
    visit.at("ballot", tick(n1=3), *VOTE)
    visit.circle.close_vote(drop=next(iter(visit.circle.cast["vote"])))
    visit.at(
        "check",
        press("Look for my ballots"),
        reads("Something does not add up."),
        says("A ballot is missing."),
    )


@pytest.mark.parametrize(
    ("bend", "words"),
    [
        ("delete crypto.__proto__.subtle", "This page cannot keep a secret here."),
        (
            "SubtleCrypto.prototype.generateKey = () => Promise.reject(new Error('no'))",
            "This browser cannot seal a ballot.",
        ),
        (
            "Storage.prototype.setItem = () => { throw new DOMException('full'); }",
            "This browser keeps nothing.",
        ),
    ],
)
def test_what_a_browser_lacks_is_said_in_words(visit: Visit, bend: str, words: str) -> None:
    visit.circle.open_vote()
    visit.chromium.run(lambda _: visit.context.add_init_script(bend))
    for name in ("collect", "nominate", "ballot", "check"):
        visit.at(name, says(words))
    assert not [path for method, path, _ in visit.circle.seen if method == "POST"]


def sound(page: Page) -> None:
    """Axe finds nothing, light and dark, and nothing runs out of a narrow screen."""
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        found = Axe().run(page)
        assert found.violations_count == 0, found.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_every_step_is_sound_for_everyone(visit: Visit) -> None:
    visit.at("collect", sound, press("Collect them"), reads("All collected."), sound)
    visit.at("nominate", press("Look it over"), says("Please write a sentence"), sound)
    visit.circle.open_vote()
    open_all: Step = lambda page: page.locator("summary:visible").click()  # noqa: E731  # a step
    visit.at(
        "ballot",
        open_all,
        tick(n1=3, n2=1),
        sound,
        tick(n1=1),
        press("Look it over"),
        sound,
        press("Seal and send"),
        reads("Sealed and sent."),
        sound,
    )
    visit.circle.close_vote()
    visit.at("check", sound, press("Look for my ballots"), reads("It holds."), sound)


def keys(*names: str) -> Step:
    """Press these keys one after another."""

    def work(page: Page) -> None:
        for name in names:
            page.keyboard.press(name)

    return work


def focus_is_on(selector: str) -> Step:
    """The focus has arrived there."""
    return lambda page: expect(page.locator(f"{selector}:visible").first).to_be_focused()


def test_a_keyboard_does_everything(visit: Visit) -> None:
    visit.at(
        "collect",
        lambda page: page.locator("[data-collect]").focus(),
        keys("Enter"),
        reads("All collected."),
        focus_is_on("h1"),
    )
    visit.circle.open_vote()
    visit.at(
        "ballot",
        lambda page: page.locator('input[name="n1"][value="0"]').focus(),
        keys("ArrowRight", "ArrowRight", "Tab", "ArrowRight", "Tab", "Tab", "Tab"),
        focus_is_on(".tickbar button"),
        keys("Enter"),
        reads("Is this what you mean?"),
        focus_is_on("h1"),
        keys("Tab", "Tab", "Tab", "Enter"),
        reads("Sealed and sent."),
        focus_is_on("h1"),
    )
    assert sorted(opened(visit.circle).values()) == [[1], [1], [2]]


def test_without_script_the_pages_say_why_they_need_it(chromium: Chromium) -> None:
    circle = SmallCircle()
    circle.open_vote()

    def look(browser: Browser, origin: str) -> list[str]:
        context = browser.new_context(java_script_enabled=False)
        page = context.new_page()
        texts = []
        for name in ("collect", "nominate", "ballot", "check"):
            page.goto(f"{origin}{SCOPE}/in/{name}")
            texts.append(page.locator("main").inner_text())
        context.close()
        return texts

    with serving(circle) as origin:
        for text in chromium.run(lambda browser: look(browser, origin)):
            assert "This page needs its script." in text


@pytest.mark.parametrize("script", ["off", "lost"])
def test_a_form_whose_script_does_not_run_sends_nothing(chromium: Chromium, script: str) -> None:
    """The Enter key sends a form that no script holds back: ticks, with the sign-in's cookie."""
    circle = SmallCircle()
    for page_of in ("nominate", "ballot"):
        if page_of == "ballot":
            circle.open_vote()
        with serving(circle) as origin:
            asked = chromium.run(lambda b, o=origin, p=page_of: _entered(b, o, p, script))
        assert asked == [], page_of


def _entered(browser: Browser, origin: str, page_of: str, script: str) -> list[str]:
    """What is asked of the server after a field is filled in and the Enter key pressed."""
    context = browser.new_context(java_script_enabled=script != "off")
    page = context.new_page()
    page.route(f"**/ballot/{page_of}-page.js", lambda route: route.abort())
    page.goto(f"{origin}{SCOPE}/in/{page_of}")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    if page_of == "ballot":
        page.locator('input[name="n1"][value="2"]').focus()
    else:
        page.locator('input[name="recipient"]').fill("Nora")
    page.keyboard.press("Enter")
    page.wait_for_timeout(500)
    context.close()
    return [url for url in asked if "/static/" not in url]  # its icon may come late
