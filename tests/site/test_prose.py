"""Numbers in the alt texts and captions of the built pages: none has drifted.

They are typed, since alt texts know no glue. So each decimal must be one that the page
itself computed: it stands in its prose, its tables or its outputs, perhaps with more
digits.
"""

import re

import pytest
from lxml import html

from tests.site.test_site import PAGES

DECIMAL = re.compile(r"(?<![\w.])\d+\.\d+(?: ?%)?(?![\w.]*\w)")


def unknown(described: str, text: str) -> list[str]:
    """Return the decimals of a description that a text does not have."""
    known = {float(n) for n in re.findall(r"(?<![\w.])\d+\.?\d*(?:e-?\d+)?", text)}
    found = []
    for number in DECIMAL.findall(described):
        digits = number.rstrip("% ")
        places = len(digits.partition(".")[2])
        shares = {100 * n for n in known} if "%" in number else set()
        if not any(f"{n:.{places}f}" == digits for n in known | shares):
            found.append(number)
    return found


@pytest.mark.parametrize("page", [p for p in PAGES if p.startswith("notebooks/")])
def test_alt_texts_and_captions_say_what_the_page_says(site, page):
    tree = html.fromstring((site / f"{page}.html").read_text(encoding="utf-8"))
    (article,) = tree.xpath("//article")
    for explorer in article.find_class("explorer"):  # their texts are computed
        explorer.drop_tree()
    for number in article.find_class("caption-number"):
        number.drop_tree()
    described = [image.get("alt", "") for image in article.iter("img")]
    for caption in list(article.iter("figcaption")):
        described.append(caption.text_content())
        caption.drop_tree()
    text = article.text_content()
    drifted = {words: unknown(words, text) for words in described}
    assert not {words: numbers for words, numbers in drifted.items() if numbers}


def test_a_number_that_drifted_is_found():
    text = "The score is 0.874, and 0.125 by chance; p = 1e-3."
    assert not unknown("It rises to about 0.87 (chance: 12.5 %, p = 0.001).", text)
    assert unknown("It rises to about 0.88, from 0.3.", text) == ["0.88", "0.3"]
