"""The prose of each page: no result is typed, each term is linked at its first use."""

from pathlib import Path

import pytest

from tests.notebooks.prose import (
    ROOT,
    code_of,
    glossary_terms,
    text_of,
    typed_numbers,
    unlinked_terms,
)

NOTEBOOKS = sorted((ROOT / "notebooks").rglob("*.ipynb"))
BOOK = sorted((ROOT / "book").glob("*.md"))
PAGES = [path for path in NOTEBOOKS + BOOK if ".ipynb_checkpoints" not in path.parts]
# The glossary is where the links lead to; the bibliography has no text of ours.
LINKING = [path for path in PAGES if path.stem not in ("glossary", "bibliography")]

# Numbers that no code on their page sets, and that are no results: each with words
# around it. A result has no place here: glue it.
INPUTS = {
    "01_introduction": ["of 100 volumes"],  # out of how many, in words
    "02_tools": ["menus - 3.1", "analysis - 0.12"],  # versions, in a dated table
    "03_data_preparation": [
        "*x* = 42 mm",  # asserted
        "a volume every 2.5 s",  # the TR
        "40 × 64 × 64 voxels",  # the paper's recording
    ],
    "04_decoding": [
        "18 volumes only",  # the design: two blocks of nine
        "19 voxels",  # a ball of 6 mm on this grid
        "its 20 best balls",  # how many are looked at
    ],
    "04_searchlight": ["2¹² = 4,096", "it would have 81"],  # arithmetic; a ball
    "04_trust": ["2⁴ = 16", "With 20,000 splits"],  # arithmetic; a number to choose
    "05_decoding_images": ["folds are 12,000 fits"],  # arithmetic
    "05_reconstruction": ["`run`: 20 with random"],  # the design
    "06_ica": [
        "ADHD-200",  # a name
        "Eight matrices of 120 volumes",  # the design
        "more than 180 rows",  # a setting
        "cosine of 45°",  # geometry
    ],
    "06_parcellation": ["64 mm³"],  # 4 × 4 × 4
    "07_beyond_one_machine": ["*z* = −16 mm"],
    "07_connectomes": [
        "120 ",
        "than 120,",
        "29 thousand voxels",
        "in 275 others",
    ],  # the design
    "07_nilearn": ["the 33 voxels around"],  # a ball
    "07_own_data": ["for 121 volumes"],  # the design
    "haxby_slice": ["The 20 voxels with the largest F", "than 0.04 Hz"],  # settings
    "miyawaki_v1": ["by pixel: 0.3, 0.6, 0.9", "images, 440 of them"],  # a question
    "rest_gift": [
        "7.5 × 7.5 × 9.1 mm",  # the header
        "at 20 and at 70 components",  # cited
        "their 300 values",
        "half has 150 volumes",
    ],
    "benchmarks": ["39,908", "64,031", "26,000", "176 volumes"],  # sizes of the input
    "glossary": ["classes it is 0.5", "in 36 s"],
    "teaching": ["at 200 words a minute", '"90 % is good."', "shows 20 lines"],
}


def name(path: Path) -> str:
    """Return the page's name for the test's id."""
    return path.stem


@pytest.mark.parametrize("path", PAGES, ids=name)
def test_no_result_is_typed(path):
    allowed = tuple(INPUTS.get(path.stem, ()))
    assert not typed_numbers(text_of(path), code_of(path), allowed), (
        "glue a result; name an input in INPUTS"
    )


@pytest.mark.parametrize("path", LINKING, ids=name)
def test_terms_are_linked_at_their_first_use(path):
    text = text_of(path)
    unlinked = unlinked_terms(text, glossary_terms())
    assert not {
        term: " ".join(text[max(0, at - 40) : at + 40].split())
        for term, at in unlinked.items()
    }


@pytest.mark.parametrize(
    "text",
    [
        "The accuracy is 0.88.",
        "It rises to 88 %.",
        "Of these, 74 voxels carry signal.",
        "The image has 39,912 voxels.",
        "A correlation of −0.31 is left.",
        "Chance is 0.5. We reach 0.5 more than that.",
        "The share is 3/8 = 0.38, or 3/8 = 0.39.",
        "```{admonition} Result\nThe score is 0.77.\n```",
        "- [a link](page.md) with 0.77\n\n    code = 0.1\n",
    ],
)
def test_finds_a_typed_result(text):
    assert len(typed_numbers(text)) == 1


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("The score is {glue:text}`score:.2f`.", ""),
        ("We filter at 0.04 Hz, over 5 % of it.", "clean(X, high_pass=0.04)"),
        ("The chance of 0.125 is one in eight.", ""),
        ("A test at 5 %, or p < 0.001.", ""),
        ("Since scikit-learn 1.8, and section 4.1, in 2014.", ""),
        ("It takes 45 minutes, of which 25 for the exercises.", ""),
        (":::{quiz} You reach 0.77. Good?\n- [ ] 0.78 is.\n:::", ""),
        ("`x = 0.77`, $0.77$ and\n\n```python\nx = 0.77\n```", ""),
        ("In `a` and {term}`b` there is 3/8 = 0.375.", ""),
    ],
)
def test_lets_inputs_pass(text, code):
    assert not typed_numbers(text, code)


@pytest.mark.parametrize(
    "text",
    [
        "A voxel is small. A {term}`voxel` is small.",
        "Voxels are small.",
        "A {term}`mask` of voxels.",
        "`code` and a voxel and `code`",
        ":::{quiz} Which voxel?\n- [ ] None.\n:::",
    ],
)
def test_finds_a_term_without_its_link(text):
    assert set(unlinked_terms(text, ["voxel", "mask"])) == {"voxel"}


@pytest.mark.parametrize(
    "text",
    [
        "A {term}`voxel` is small. Voxels are many.",
        "{term}`Voxels <voxel>` are small, each voxel is.",
        "## Of voxels\n\nSee `voxel` and [the voxel](page.md).",
        "```python\nvoxel = 1\n```",
        "```{admonition} Objectives\n- mask a voxel\n```\nA {term}`voxel`.",
        "A voxelwise model, sub-voxel.",
    ],
)
def test_lets_linked_terms_pass(text):
    assert not unlinked_terms(text, ["voxel"])


def test_a_longer_term_hides_the_shorter_one():
    terms = ["accuracy", "balanced accuracy"]
    assert not unlinked_terms("The {term}`balanced accuracy`.", terms)
    assert set(unlinked_terms("The balanced accuracy.", terms)) == {terms[1]}
