"""Explorers: their frames, their texts, and that they move in a real browser."""

import base64
import io
import re

import matplotlib.pyplot as plt
import pytest
from PIL import Image

from helpers.explorers import explorer


def bar(height, width=1):
    """Draw a bar of some height and width."""
    fig, ax = plt.subplots(figsize=(2, 2))
    ax.bar(0, height, width)
    ax.set(xlim=(-2, 2), ylim=(0, 5))
    return fig


def tell(height, width=1):
    """Say what `bar` shows."""
    return f"A bar {height} high and {width} wide."


def one(**options):
    return explorer(bar, {"height (m)": [1, 2, 4]}, tell, "Bars.", **options)


def two(**options):
    values = {"height (m)": [1, 2, 4], "width (m)": [1, 2]}
    return explorer(bar, values, tell, "Bars.", **options)


def pictures(made):
    """Return the frames as bytes."""
    encoded = re.findall(r'src="data:image/[^;]+;base64,([^"]+)"', made.html)
    return [base64.b64decode(text) for text in encoded]


@pytest.fixture
def tab(browser, tmp_path):
    """Return a function that opens explorers from disk in a browser."""
    contexts = []

    def open_page(*made, **options):
        body = "".join(explorer._repr_html_() for explorer in made)
        path = tmp_path / "page.html"
        path.write_text(f"<!doctype html><meta charset='utf-8'>{body}")
        contexts.append(browser.new_context(**options))
        page = contexts[-1].new_page()
        page.goto(path.as_uri())
        return page

    yield open_page
    for context in contexts:
        context.close()


def seen(page, nth=0):
    """Return the alt texts of what is visible in the nth explorer."""
    root = page.locator(".explorer").nth(nth)
    return [
        image.get_attribute("alt")
        for image in root.locator("img").all()
        if image.is_visible()
    ]


def test_draws_each_value_once_and_closes_the_figures():
    before = plt.get_fignums()
    made = two()
    assert plt.get_fignums() == before
    frames = pictures(made)
    assert made.n_frames == len(frames) == len(set(frames)) == 6
    assert all(Image.open(io.BytesIO(frame)).format == "WEBP" for frame in frames)


def test_same_figures_give_the_same_bytes():
    assert one().html == one().html
    svg = one(image_format="svg").html
    assert svg == one(image_format="svg").html
    assert svg.count('src="data:image/svg+xml,') == 3


def test_svg_is_drawn_as_text(tab):
    """The browser shows the SVG; its address has nothing that could end it."""
    page = tab(one(image_format="svg"), one())
    sizes = page.evaluate(
        "[...document.querySelectorAll('img')].map(e => [e.naturalWidth, e.src])"
    )
    assert all(width > 0 for width, _ in sizes)
    addresses = re.findall(r'src="(data:image/svg[^"]+)"', one(image_format="svg").html)
    assert len(addresses) == 3
    assert not re.search(r"[<>&#]", "".join(addresses))


def test_palette_keeps_the_picture():
    buffer = io.BytesIO()
    fig = bar(2)
    fig.savefig(buffer, format="png")
    plt.close(fig)
    original = Image.open(buffer).convert("RGB")
    stored = Image.open(io.BytesIO(pictures(one())[1])).convert("RGB")
    difference = [
        abs(a - b) for a, b in zip(original.tobytes(), stored.tobytes(), strict=True)
    ]
    assert max(difference) < 12
    assert len(pictures(one())[1]) <= len(buffer.getvalue())


def test_moves_by_keyboard_and_says_the_value(tab):
    page = tab(one())
    assert seen(page) == ["A bar 1 high and 1 wide."]
    slider = page.get_by_role("slider", name="height (m)")
    slider.focus()
    page.keyboard.press("ArrowRight")
    assert seen(page) == ["A bar 2 high and 1 wide."]
    assert slider.get_attribute("aria-valuetext") == "2"
    assert page.locator("output").inner_text() == "2"
    page.keyboard.press("End")
    assert seen(page) == ["A bar 4 high and 1 wide."]
    page.keyboard.press("ArrowRight")  # there is nothing beyond the end
    assert seen(page) == ["A bar 4 high and 1 wide."]


def test_moves_by_mouse(tab):
    page = tab(one())
    box = page.get_by_role("slider").bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    assert seen(page) == ["A bar 2 high and 1 wide."]


def test_two_sliders_reach_every_pair(tab):
    page = tab(two(start=[2, 1]))
    assert seen(page) == ["A bar 4 high and 2 wide."]
    for i, height in enumerate([1, 2, 4]):
        for j, width in enumerate([1, 2]):
            page.get_by_role("slider", name="height").fill(str(i))
            page.get_by_role("slider", name="width").fill(str(j))
            assert seen(page) == [f"A bar {height} high and {width} wide."]


def test_explorers_of_one_page_move_apart(tab):
    page = tab(one(), one())
    page.get_by_role("slider").nth(1).fill("2")
    assert seen(page, 0) == ["A bar 1 high and 1 wide."]
    assert seen(page, 1) == ["A bar 4 high and 1 wide."]


def test_plays_until_told_to_stop(tab):
    page = tab(one(play=True))
    page.get_by_role("button", name="Play").click()
    page.wait_for_function("document.querySelector('output').textContent === '4'")
    page.get_by_role("button", name="Stop").click()
    stopped = seen(page)
    page.wait_for_timeout(1500)
    assert seen(page) == stopped


def test_all_frames_are_there_without_javascript(tab):
    page = tab(two(), java_script_enabled=False)
    assert len(seen(page)) == 6
    assert not page.get_by_role("slider").first.is_visible()


def test_texts_cannot_break_the_page(tab):
    made = explorer(
        lambda value: bar(len(value)),
        {'<b>"height"</b>': ["<1", "&22"]},
        lambda value: f'alt "{value}" </img>',
        "<script>document.title = 'broken'</script>",
    )
    page = tab(made)
    page.get_by_role("slider").fill("1")
    assert seen(page) == ['alt "&22" </img>']
    assert page.locator("output").inner_text() == "&22"
    assert page.title() != "broken"


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"values": {}}, "0 sliders"),
        ({"values": dict.fromkeys("abc", [1, 2])}, "3 sliders"),
        ({"values": {"height": [1]}}, "'height' has 1 values"),
        ({"start": [3]}, "start is"),
        ({"start": [0, 0]}, "start is"),
        ({"image_format": "gif"}, "'webp' or 'svg'"),
        ({"alt": lambda height: "A bar."}, "one text a frame"),
        ({"alt": lambda height: ""}, "one text a frame"),
    ],
)
def test_errors_name_the_mend(change, named):
    good = {"draw": bar, "values": {"height": [1, 2]}, "alt": tell, "caption": "Bars."}
    with pytest.raises(ValueError, match=named):
        explorer(**good | change)
