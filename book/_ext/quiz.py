"""A directive for questions that check themselves on the page.

::

    :::{quiz} What may be on both sides of a split?
    - [ ] Volumes of one run.
      : They share the run's noise: the score would be too kind.
    - [x] Volumes of one person, in a study of this person.
      : Runs must be apart; the claim is about this person only.
    :::

Exactly one answer is right, and each is explained. The page's style alone shows the
explanation of the chosen answer: no script is needed, and no server.
"""

import re

from docutils import nodes
from docutils.parsers.rst import Directive
from sphinx.application import Sphinx

ANSWER = re.compile(r"- \[([ x])\] (.+)")


def parse_answers(lines: list[str]) -> list[tuple[bool, str, str]]:
    """Return (right or not, answer, explanation) of each answer.

    Raises
    ------
    ValueError
        If a line is neither an answer nor an explanation, an answer is not explained,
        there are fewer than two answers, or not exactly one is right.
    """
    answers = []
    for line in filter(str.strip, lines):
        found = ANSWER.fullmatch(line.rstrip())
        if found:
            answers.append([found[1] == "x", found[2], ""])
        elif answers and line.startswith("  : "):
            answers[-1][2] = line[4:].strip()
        elif answers and line.startswith("  "):  # goes on from the line before
            last = 2 if answers[-1][2] else 1
            answers[-1][last] += " " + line.strip()
        else:
            raise ValueError(f"{line!r} is no answer ('- [ ] ...') of a quiz.")
    for _, answer, why in answers:
        if not why:
            raise ValueError(f"The answer {answer!r} is not explained ('  : ...').")
    if len(answers) < 2 or sum(right for right, *_ in answers) != 1:
        raise ValueError("A quiz has two answers or more, of which one is right.")
    return [tuple(answer) for answer in answers]


class Quiz(Directive):
    """One question, its answers, and what each answer means."""

    required_arguments = 1
    final_argument_whitespace = True
    has_content = True

    def run(self) -> list[nodes.Node]:
        """Return the question as a group of radio buttons."""
        try:
            answers = parse_answers(list(self.content))
        except ValueError as error:
            raise self.error(str(error)) from error
        env = self.state.document.settings.env
        group = f"quiz-{env.new_serialno('quiz')}"
        html = '<fieldset class="quiz"><legend>'
        box = nodes.container(classes=["quiz-box"])
        box += [_raw(html), *self._inline(self.arguments[0]), _raw("</legend>")]
        for number, (right, answer, why) in enumerate(answers):
            kind = "quiz-right" if right else "quiz-wrong"
            verdict = "Right." if right else "Not yet."
            name = f"{group}-{number}"
            box += _raw(
                f'<div class="quiz-answer"><input type="radio" name="{group}" '
                f'id="{name}"><label for="{name}">'
            )
            box += self._inline(answer)
            box += _raw(
                f'</label><div class="quiz-why {kind}" role="status">'
                f"<strong>{verdict}</strong> "
            )
            box += [*self._inline(why), _raw("</div></div>")]
        box += _raw("</fieldset>")
        return [box]

    def _inline(self, text: str) -> list[nodes.Node]:
        """Parse a text with its roles."""
        parsed, messages = self.state.inline_text(text, self.lineno)
        # A link must stand in an element of text.
        return [nodes.inline("", "", *parsed), *messages]


def _raw(html: str) -> nodes.raw:
    """Return HTML; other formats show the texts between it."""
    return nodes.raw("", html, format="html")


def setup(app: Sphinx) -> dict:
    """Register the directive; called by Sphinx."""
    app.add_directive("quiz", Quiz)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
