"""Quizzes: what the directive accepts, and that a page answers without a script."""

import re
import sys
from pathlib import Path

import pytest

from tests.site.test_site import PAGES, open_page

sys.path.insert(0, str(Path(__file__).parents[2] / "book/_ext"))

from quiz import parse_answers  # noqa: E402

SOUND = ["- [ ] One.", "  : Too few.", "- [x] Two,", "  or so.", "  : Just", "  right."]


def test_answers_and_their_explanations():
    assert parse_answers(SOUND) == [
        (False, "One.", "Too few."),
        (True, "Two, or so.", "Just right."),
    ]


@pytest.mark.parametrize(
    ("lines", "named"),
    [
        (SOUND[:2], "two answers or more"),
        ([line.replace("[x]", "[ ]") for line in SOUND], "one is right"),
        ([line.replace("[ ]", "[x]") for line in SOUND], "one is right"),
        ([*SOUND, "- [ ] Three."], "'Three.' is not explained"),
        (["1. One."], "'1. One.' is no answer"),
    ],
)
def test_a_faulty_quiz_is_refused(lines, named):
    with pytest.raises(ValueError, match=re.escape(named)):
        parse_answers(lines)


@pytest.mark.parametrize("javascript", [True, False])
@pytest.mark.parametrize("page", [p for p in PAGES if p.startswith("notebooks/0")])
def test_choosing_shows_the_explanation(browser, site, page, javascript):
    tab = open_page(browser, site, page, java_script_enabled=javascript)
    quizzes = tab.locator("fieldset.quiz").all()
    source = (site / "_sources" / f"{page}.ipynb").read_text(encoding="utf-8")
    assert len(quizzes) == source.count(":::{quiz}")
    for quiz in quizzes:
        why = quiz.locator(".quiz-why")
        assert quiz.locator(".quiz-right").count() == 1
        assert not any(each.is_visible() for each in why.all())
        choices = quiz.get_by_role("radio")
        choices.first.focus()
        tab.keyboard.press("Space")
        for nth in range(choices.count()):
            shown = [each.is_visible() for each in why.all()]
            assert shown == [i == nth for i in range(choices.count())]
            tab.keyboard.press("ArrowDown")
    tab.context.close()
