"""Slices and maps, held against where things are in the world."""

import itertools
import time

import matplotlib as mpl
import nibabel as nib
import numpy as np
import pytest
from matplotlib.colors import to_rgb
from nilearn.image import resample_img

mpl.use("Agg")

import matplotlib.pyplot as plt  # noqa: E402

from helpers.plotting import (  # noqa: E402
    COLORS,
    color_parcels,
    plot_map,
    plot_parcels,
    plot_slice,
    use_course_style,
)
from tests.contrast import contrast, faults, texts_with_contrast  # noqa: E402

SHAPE = (12, 14, 10)
VOXEL = (9, 4, 6)


def affine_of(axes, sizes, degrees=0.0):
    """Give voxel axis i the world axis axes[i], sizes[i] mm; then tilt it all."""
    affine = np.eye(4)
    affine[:3, :3] = 0
    for voxel_axis, (world_axis, size) in enumerate(zip(axes, sizes, strict=True)):
        affine[world_axis, voxel_axis] = size
    a, b = np.deg2rad([degrees, degrees / 2])
    tilt_z = [[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]]
    tilt_x = [[1, 0, 0], [0, np.cos(b), -np.sin(b)], [0, np.sin(b), np.cos(b)]]
    affine[:3, :3] = np.array(tilt_z) @ tilt_x @ affine[:3, :3]
    # The middle of the grid is at 3, -20, 5 mm.
    affine[:3, 3] = [3, -20, 5] - affine[:3, :3] @ ((np.array(SHAPE) - 1) / 2)
    return affine


AFFINES = {
    "positive": affine_of((0, 1, 2), (3, 3, 3)),
    "radiological": affine_of((0, 1, 2), (-3, 3, 3)),
    "all negative, anisotropic": affine_of((0, 1, 2), (-2, -3, -4.5)),
    "permuted": affine_of((1, 2, 0), (3, 2, 4)),
    "permuted, negative": affine_of((2, 0, 1), (3, -2, -4)),
    "oblique": affine_of((0, 1, 2), (3, 3, 3), degrees=20),
    "oblique, permuted, negative": affine_of((1, 0, 2), (-3, 2, -4), degrees=35),
}
IN_PLANE = {"x": (1, 2), "y": (0, 2), "z": (0, 1)}
each_affine = pytest.mark.parametrize("affine", AFFINES.values(), ids=AFFINES)
each_axis = pytest.mark.parametrize("axis", IN_PLANE)


@pytest.fixture(autouse=True)
def _course_style():
    with mpl.rc_context():
        use_course_style()
        yield
    plt.close("all")


def bright(affine, voxel=VOXEL, value=100.0, shape=SHAPE):
    data = np.full(shape, 1.0, dtype=np.float32)
    data[voxel] = value
    return nib.Nifti1Image(data, affine)


def world(affine, voxel=VOXEL):
    return nib.affines.apply_affine(affine, voxel)


def centers(image):
    """Read where the pixels of a drawn image are, in mm: x of columns, y of rows."""
    left, right, low, high = image.get_extent()
    n_rows, n_columns = image.get_array().shape
    x = left + (np.arange(n_columns) + 0.5) * (right - left) / n_columns
    y = low + (np.arange(n_rows) + 0.5) * (high - low) / n_rows
    assert image.origin == "lower"
    return x, y


def brightest(image):
    """Return where the drawn pixels of the largest value lie, in mm, on average."""
    x, y = centers(image)
    values = image.get_array().filled(-np.inf)
    rows, columns = np.nonzero(values == values.max())
    return x[columns].mean(), y[rows].mean()


def texts(ax, word):
    return [t for t in ax.texts if t.get_text() == word]


# --- A voxel is drawn where it is -----------------------------------------------------


@each_axis
@each_affine
def test_bright_voxel_lies_at_its_millimeters(affine, axis):
    where = world(affine)
    ax = plot_slice(bright(affine), where["xyz".index(axis)], axis, vmin=0, vmax=100)
    across, up = IN_PLANE[axis]
    image = ax.images[0]
    assert image.get_array().max() == 100
    # Aligned voxels exactly; of oblique ones the cut's outline, to half of its step.
    assert brightest(image) == pytest.approx((where[across], where[up]), abs=0.76)
    if np.count_nonzero(affine[:3, :3]) == 3:
        assert brightest(image) == pytest.approx((where[across], where[up]), abs=1e-6)


@pytest.mark.parametrize("axis", ["y", "z"])
@each_affine
def test_left_is_at_the_mark_l(affine, axis):
    ends = []
    for voxel in np.ndindex(2, 2, 2):  # of the corners, one far left and one far right
        corner = tuple(np.array(voxel) * (np.array(SHAPE) - 1))
        ends.append((world(affine, corner)[0], corner))
    for side, (_, corner) in (("L", min(ends)), ("R", max(ends))):
        cut = world(affine, corner)["xyz".index(axis)]
        ax = plot_slice(bright(affine, corner), cut, axis, vmin=0, vmax=100)
        ax.figure.canvas.draw()
        at = ax.transData.transform(brightest(ax.images[0]))[0]
        gap = {
            mark: abs(texts(ax, mark)[0].get_window_extent().x0 - at) for mark in "LR"
        }
        assert min(gap, key=gap.get) == side


def test_sagittal_cut_has_back_and_front():
    ax = plot_slice(bright(AFFINES["radiological"]), axis="x")
    ax.figure.canvas.draw()
    back, front = (texts(ax, end)[0].get_window_extent().x0 for end in "PA")
    y_left, y_right = ax.get_xlim()
    assert back < front and y_left < y_right
    assert not texts(ax, "L") and not texts(ax, "R")


@each_axis
@each_affine
def test_cut_agrees_with_nilearn(affine, axis):
    data = np.random.default_rng(0).normal(10, 1, SHAPE).astype(np.float32)
    img = nib.Nifti1Image(data, affine)
    cut = "xyz".index(axis)
    coord = world(affine)[cut] + 0.3  # away from the faces, where rounding decides
    ax = plot_slice(img, coord, axis, vmin=0, vmax=20)
    x, y = centers(ax.images[0])
    # nilearn samples a block one voxel thick at the centers of our pixels.
    across, up = IN_PLANE[axis]
    target, shape = np.eye(4), np.ones(3, dtype=int)
    target[across, across], target[up, up] = x[1] - x[0], y[1] - y[0]
    target[[across, up, cut], 3] = x[0], y[0], coord
    shape[[across, up]] = len(x), len(y)
    theirs = resample_img(
        img, target, tuple(shape), interpolation="nearest", force_resample=True,
        copy_header=True,
    ).get_fdata()  # fmt: skip
    theirs = np.take(theirs, 0, axis=cut).T
    ours = ax.images[0].get_array().filled(0)
    # They drop the outer half of the border voxels; inside, few points are on a face.
    inner = theirs != 0
    assert inner.mean() > 0.3
    assert np.mean(ours[inner] != theirs[inner]) < 0.01
    assert np.count_nonzero(ours) >= inner.sum()


def test_map_lies_on_a_background_of_another_grid():
    fine = affine_of((1, 2, 0), (1, -1.5, 1))
    coarse = AFFINES["radiological"]
    fine[:3, 3] += world(coarse) - world(fine)  # now VOXEL is at one place in both
    where = world(coarse)
    ax = plot_map(bright(coarse), bright(fine), coord=where[2])
    under, over = ax.images
    assert brightest(under) == pytest.approx(tuple(where[:2]), abs=1e-6)
    assert brightest(over) == pytest.approx(tuple(where[:2]), abs=1e-6)
    assert under.get_zorder() <= over.get_zorder()


@each_axis
@each_affine
def test_view_is_the_tissue_of_the_background(affine, axis):
    anatomy = block(affine, (2, 3, 1), (9, 10, 8))
    coord = world(affine, (5.5, 6.5, 4.5))["xyz".index(axis)]
    ax = plot_map(bright(affine), anatomy, coord=coord, axis=axis)
    faces = [
        world(affine, v) for v in itertools.product((1.5, 9.5), (2.5, 10.5), (0.5, 8.5))
    ]
    low, high = np.min(faces, axis=0), np.max(faces, axis=0)
    across, up = IN_PLANE[axis]
    assert ax.get_xlim() == pytest.approx((low[across] - 3, high[across] + 3))
    assert ax.get_ylim() == pytest.approx((low[up] - 3, high[up] + 3))


def test_default_cut_goes_through_the_largest_absolute_value():
    affine = AFFINES["oblique, permuted, negative"]
    ax = plot_map(bright(affine, value=-50), axis="y")
    assert ax.images[0].get_array().min() == -50
    (text,) = [t.get_text() for t in ax.texts if "mm" in t.get_text()]
    number = float(text.removeprefix("y = ").removesuffix(" mm").replace("−", "-"))
    assert number == pytest.approx(world(affine)[1], abs=0.051)


@pytest.mark.parametrize(
    ("coord", "text"), [(-16, "−16"), (-0.01, "0"), (4.25, "4.2"), (12.0, "12")]
)
def test_coordinate_is_printed(coord, text):
    affine = np.diag([3, 3, 10, 1.0])
    affine[2, 3] = -50
    ax = plot_slice(bright(affine), coord)
    assert texts(ax, f"z = {text} mm")


# --- Transparent where there is nothing -----------------------------------------------


def opacity(image):
    return image.cmap(image.norm(image.get_array()))[..., 3]


def drawn_pixels(data, draw=plot_map, **kwargs):
    """Draw the plane z = 0 of a one-slice image; return the drawn image."""
    data = np.asarray(data, dtype=np.float32)[..., None]
    ax = draw(nib.Nifti1Image(data, np.eye(4)), coord=0, **kwargs)
    return ax.images[-1]


@pytest.mark.parametrize("draw", [plot_map, plot_slice])
def test_nan_infinity_and_zero_are_transparent(draw):
    data = np.array([[1, 0, np.nan], [2, np.inf, -3], [-np.inf, 4, 5]])
    seen = opacity(drawn_pixels(data, draw)).T
    assert np.array_equal(seen == 1, np.isfinite(data) & (data != 0))
    assert set(np.unique(seen)) == {0, 1}


def test_threshold_hides_both_signs_below_it():
    data = np.array([[0.5, -0.5], [2, -2], [1, -1.0], [0.99, -0.99]])
    seen = opacity(drawn_pixels(data, threshold=1)).T == 1
    assert np.array_equal(seen, np.abs(data) >= 1)


def test_mask_on_another_grid_hides_what_is_outside():
    img = nib.Nifti1Image(np.ones((8, 8, 1), np.float32), np.eye(4))
    affine = np.diag([-2, 2, 2, 1.0])
    affine[:3, 3] = [6.5, 0.5, 0]
    inside = np.zeros((4, 4, 1), np.uint8)
    inside[3, 1, 0] = 1  # x from -0.5 to 1.5, y from 1.5 to 3.5 mm
    ax = plot_slice(img, 0, mask=nib.Nifti1Image(inside, affine))
    expected = np.zeros((8, 8))
    expected[2:4, 0:2] = 1  # rows are y
    assert np.array_equal(opacity(ax.images[0]), expected)


def test_beyond_the_grid_of_an_image_or_mask_nothing_is_drawn():
    # A box turned by 45 degrees covers half of the square that surrounds it.
    turned = affine_of((0, 1, 2), (1, 1, 1))
    turned[:2, :2] = np.sqrt(0.5) * np.array([[1, -1], [1, 1]])
    box = nib.Nifti1Image(np.ones((40, 40, 3), np.float32), turned)
    seen = opacity(plot_slice(box, world(turned, (20, 20, 1))[2]).images[0])
    assert seen.mean() == pytest.approx(0.5, abs=0.03)

    img = nib.Nifti1Image(np.ones((8, 8, 1), np.float32), np.eye(4))
    small = nib.Nifti1Image(np.ones((2, 3, 1), np.uint8), np.eye(4))
    seen = opacity(plot_slice(img, 0, mask=small).images[0])
    assert seen[:3, :2].all() and seen.sum() == 6


def test_voxels_keep_their_edges_and_proportions():
    affine = affine_of((0, 1, 2), (2, 4, 3))
    fig, ax = plt.subplots(figsize=(7, 2))
    plot_slice(bright(affine), ax=ax)
    fig.canvas.draw()
    assert ax.images[0].get_interpolation() == "nearest"
    (x0, y0), (x1, y1) = ax.transData.transform([(0, 0), (10, 10)])
    assert x1 - x0 == pytest.approx(y1 - y0)


def test_mask_drawn_alone_differs_from_a_white_page():
    image = drawn_pixels([[1, 0], [1, 1]], plot_slice)
    (gray,) = {tuple(c) for c in image.cmap(image.norm(image.get_array().compressed()))}
    assert 0.2 < gray[0] < 0.8


# --- Colors ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kwargs", "limits"),
    [
        ({}, (-8, 8)),
        ({"vmax": 2}, (-2, 2)),
        ({"vmin": -5}, (-5, 5)),
        ({"vmin": -1, "vmax": 3}, (-1, 3)),
        ({"vmin": 0}, (0, 8)),
    ],
)
def test_signed_map_is_centered_on_zero(kwargs, limits):
    image = drawn_pixels([[3, -8], [1, 0]], **kwargs)
    assert image.get_clim() == pytest.approx(limits)
    assert image.cmap.name == "RdBu_r"


def test_unsigned_map_starts_at_zero():
    image = drawn_pixels([[3, 8], [1, 0]])
    assert image.get_clim() == (0, 8)
    assert image.cmap.name == "inferno"


def test_slices_of_one_image_share_their_scale():
    data = np.ones((4, 4, 2), np.float32)
    data[0, 0], data[1, 1, 1] = 3, 90
    img = nib.Nifti1Image(data, np.eye(4))
    for draw in (plot_slice, plot_map):
        first, second = (draw(img, coord=z).images[0].get_clim() for z in (0, 1))
        assert first == second


def test_color_bar_writes_thousands_in_full():
    ax = plot_slice(bright(np.eye(4)), vmin=-1250, vmax=1250, colorbar="bottom")
    ax.figure.canvas.draw()
    (bar,) = ax.child_axes
    written = [label.get_text() for label in bar.get_xticklabels()]
    assert written == ["\N{MINUS SIGN}1250", "0", "1250"]


@pytest.mark.parametrize("place", [True, "right", "bottom"])
@pytest.mark.parametrize("draw", [plot_map, plot_slice])
def test_color_bar_has_its_label(draw, place):
    ax = draw(bright(np.eye(4)), colorbar=place, label="F score")
    (bar,) = ax.child_axes
    labels = {True: bar.get_ylabel(), "right": bar.get_ylabel()}
    assert labels.get(place, bar.get_xlabel()) == "F score"
    ax.figure.canvas.draw()
    ours, slice_ = bar.get_window_extent(), ax.get_window_extent()
    assert (ours.y1 < slice_.y0) if place == "bottom" else (ours.x0 > slice_.x1)


def test_color_bar_can_be_left_out():
    assert not plot_map(bright(np.eye(4)), colorbar=False).child_axes


def test_color_bar_points_at_values_beyond_it():
    drawn = drawn_pixels([[3, -8], [1, 0]], vmin=-2, vmax=5)
    assert drawn.colorbar.extend == "min"


@pytest.mark.parametrize("page", ["#FFFFFF", "#14181E"])
@pytest.mark.parametrize("name", COLORS)
def test_palette_is_legible_on_both_themes(name, page):
    ratio = contrast(to_rgb(COLORS[name]), to_rgb(page))
    # Words of figures, which stay white on the dark theme, have these colors, too.
    assert ratio >= (4.5 if page == "#FFFFFF" and name != "chair" else 3)


CATEGORIES = ["face", "house", "cat", "bottle"]
CATEGORIES += ["scissors", "shoe", "chair", "scrambledpix"]
# Machado, Oliveira & Fernandes 2009, full severity, on linear RGB.
VISION = {
    "usual": np.eye(3),
    "protanopia": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "deuteranopia": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
}


def lab(rgb, vision):
    """Turn sRGB into CIELAB (D65), as seen with a kind of color vision."""
    rgb = np.array(rgb)
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    linear = np.clip(VISION[vision] @ linear, 0, 1)
    to_xyz = [
        [0.4124, 0.3576, 0.1805],
        [0.2126, 0.7152, 0.0722],
        [0.0193, 0.1192, 0.9505],
    ]
    t = np.array(to_xyz) @ linear / [0.9505, 1, 1.089]
    f = np.where(t > 0.008856, np.cbrt(t), 7.787 * t + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("vision", VISION)
@pytest.mark.parametrize(
    "names",
    [
        CATEGORIES,
        ["face", "house", "signal", "noise", "train", "test"],
        ["real", "simulated", "chance"],
    ],
    ids=["categories", "roles", "sources"],
)
def test_palette_is_told_apart(names, vision):
    # A difference of 2 in CIELAB is just noticeable; small areas need several times it.
    seen = [lab(to_rgb(COLORS[name]), vision) for name in names]
    nearest = min(np.linalg.norm(a - b) for a, b in itertools.combinations(seen, 2))
    assert nearest > 15


# --- Contours -------------------------------------------------------------------------


def block(affine, first, last, shape=SHAPE):
    data = np.zeros(shape, np.uint8)
    data[tuple(slice(a, b + 1) for a, b in zip(first, last, strict=True))] = 1
    return nib.Nifti1Image(data, affine)


def outline(ax, i=0):
    """Return the points in mm of the i-th contour drawn."""
    sets = [c for c in ax.collections if isinstance(c, mpl.contour.ContourSet)]
    return sets[i].get_paths()[0].vertices


@pytest.mark.parametrize("first", [(3, 5, 2), (0, 0, 0)], ids=["inside", "border"])
@pytest.mark.parametrize("name", [n for n in AFFINES if "oblique" not in n])
def test_contour_follows_the_edges_of_the_mask(name, first):
    affine, last = AFFINES[name], (5, 6, 4)
    mask = block(affine, first, last)
    corners = [world(affine, np.subtract(first, 0.5)), world(affine, np.add(last, 0.5))]
    middle = world(affine, np.add(first, last) / 2)
    low, high = np.min(corners, axis=0), np.max(corners, axis=0)
    for axis, (across, up) in IN_PLANE.items():
        cut = middle["xyz".index(axis)] + 0.1
        ax = plot_map(bright(affine), coord=cut, axis=axis, contours={"face": mask})
        points = outline(ax)
        assert points.min(axis=0) == pytest.approx(low[[across, up]], abs=1e-6)
        assert points.max(axis=0) == pytest.approx(high[[across, up]], abs=1e-6)
        assert np.array_equal(points[0], points[-1])  # closed


def test_contour_lies_around_an_oblique_mask():
    affine = AFFINES["oblique"]
    mask = block(affine, (4, 4, 2), (8, 9, 7))
    coord = world(affine, (6, 6.5, 4.5))[2]
    ax = plot_map(bright(affine), coord=coord, contours={"face": mask})
    path = mpl.path.Path(outline(ax))
    xy = np.random.default_rng(0).uniform([-15, -40], [20, 0], (4000, 2))
    points = np.column_stack([xy, np.full(len(xy), coord)])
    voxels = nib.affines.apply_affine(np.linalg.inv(affine), points)
    offside = np.abs(voxels - [6, 6.5, 4.5]) - [2.5, 3, 3]
    truth = (offside < 0).all(axis=1)
    far = np.abs(offside.max(axis=1)) > 0.5  # not within half a voxel of the edge
    assert truth[far].sum() > 100
    assert np.array_equal(path.contains_points(xy)[far], truth[far])


def test_contours_have_legend_entries_in_the_palette():
    affine = AFFINES["positive"]
    masks = {"face": block(affine, (1, 1, 6), (3, 3, 6)),
             "house": block(affine, (5, 5, 6), (7, 7, 6)),
             "cat": block(affine, (5, 5, 0), (7, 7, 0))}  # fmt: skip
    ax = plot_map(bright(affine), coord=world(affine)[2], contours=masks)
    assert [t.get_text() for t in ax.get_legend().texts] == ["face", "house"]
    for i, (name, line) in enumerate(
        zip(("face", "house"), ax.get_legend().legend_handles, strict=True)
    ):
        assert mpl.colors.same_color(line.get_color(), COLORS[name])
        drawn = [c for c in ax.collections if isinstance(c, mpl.contour.ContourSet)][i]
        assert mpl.colors.same_color(drawn.get_edgecolor(), COLORS[name])


def test_contours_as_a_list_with_colors():
    affine = AFFINES["positive"]
    region = {"mask": block(affine, VOXEL, VOXEL), "label": "faces", "color": "#123456"}
    ax = plot_map(bright(affine), contours=[region])
    (line,) = ax.get_legend().legend_handles
    assert (line.get_label(), line.get_color()) == ("faces", "#123456")
    assert (
        plot_map(bright(affine), contours=[region], legend=False).get_legend() is None
    )


# --- The look -------------------------------------------------------------------------


def all_texts(fig):
    return [
        t
        for t in fig.findobj(mpl.text.Text)
        if t.get_visible() and t.get_text().strip() and t.get_window_extent().width
    ]


def panel(ax, colorbar, **kwargs):
    affine = affine_of((0, 1, 2), (-12, 12, 12))
    masks = {"face": block(affine, (1, 1, 6), (3, 3, 6)),
             "house": block(affine, (5, 5, 6), (7, 7, 6))}  # fmt: skip
    return plot_map(
        bright(affine, value=-0.0123), bright(affine), coord=world(affine)[2], ax=ax,
        title="SVM weights", label="weight (a.u.)", contours=masks, colorbar=colorbar,
        **kwargs,
    )  # fmt: skip


@pytest.mark.parametrize("height", [2.6, 3.4, 4.4])
@pytest.mark.parametrize(
    ("n_panels", "colorbar"),
    [(1, "right"), (2, "right"), (1, "bottom"), (2, "bottom"), (3, "bottom")],
)
def test_nothing_overlaps_or_is_clipped(n_panels, height, colorbar):
    fig, axes = plt.subplots(1, n_panels, figsize=(6.4, height), squeeze=False)
    for i, ax in enumerate(axes.flat):
        panel(ax, colorbar, legend=i == n_panels // 2)
    fig.canvas.draw()
    boxes = [(t.get_text(), t.get_window_extent()) for t in all_texts(fig)]
    boxes += [("slice or bar", a.get_window_extent()) for a in fig.findobj(plt.Axes)]
    assert len(boxes) > 8 * n_panels
    for (name, a), (other, b) in itertools.combinations(boxes, 2):
        over_x = min(a.x1, b.x1) - max(a.x0, b.x0)
        over_y = min(a.y1, b.y1) - max(a.y0, b.y0)
        assert min(over_x, over_y) < 1, f"{name!r} overlaps {other!r}"
    page = fig.get_tightbbox().padded(-0.01).extents
    assert (page[:2] >= -0.01).all() and (
        page[2:] <= fig.get_size_inches() + 0.01
    ).all()
    assert min(t.get_fontsize() for t in all_texts(fig)) >= 9


@pytest.mark.parametrize("colorbar", ["right", "bottom"])
@pytest.mark.parametrize("n_panels", [1, 2])
def test_letters_differ_from_what_is_behind_them(n_panels, colorbar):
    """L and R, the coordinate, the title, the legend, the color bar's numbers."""
    fig, axes = plt.subplots(1, n_panels, figsize=(6.4, 3.4), squeeze=False)
    for ax in axes.flat:
        panel(ax, colorbar)
    fig.canvas.draw()
    written = {text.get_text() for text, _, _ in texts_with_contrast(fig)}
    assert {"L", "R", "SVM weights", "weight (a.u.)", "face", "house"} <= written
    assert any("mm" in text for text in written)
    assert len(written) >= 9  # numbers of the color bar
    assert faults(fig) == []


def test_letters_on_parcels_and_on_anatomy_alone():
    for ax in (plot_parcels(random_parcels()), plot_slice(bright(np.eye(4)))):
        ax.figure.canvas.draw()
        assert len(texts_with_contrast(ax.figure)) >= 3
        assert faults(ax.figure) == []


def test_pale_letters_are_found():
    """On the light half of a picture, on the dark half, over a box; seen through."""
    fig, ax = plt.subplots()
    ax.imshow([[0.0, 1.0]], cmap="gray", vmin=0, vmax=1)
    ax.text(-0.4, 0, "on dark", color="white")
    ax.text(0.6, 0, "on light", color="white")
    ax.text(0.5, 0.15, "across both halves", color="white", ha="center")
    ax.text(0.6, 0.3, "boxed", color="white", bbox={"facecolor": "black"})
    ax.text(0.6, -0.3, "faint", color="black", alpha=0.4)
    ax.text(0.6, -0.2, "hidden", color="white", visible=False)
    ax.annotate(
        "arrow", (-0.3, 0.4), (1.1, 0.4), color="0.7", arrowprops={"color": "r"}
    )
    ax.set_title("large", color=COLORS["chair"], size=18)
    ax.set_xlabel("small", color=COLORS["chair"])
    fig.canvas.draw()
    before = np.array(fig.canvas.buffer_rgba())
    found = {fault.split("'")[1] for fault in faults(fig)}
    assert found == {"on light", "across both halves", "faint", "arrow", "small"}
    ratios = {t.get_text(): ratio for t, ratio, _ in texts_with_contrast(fig)}
    assert ratios["on dark"] == pytest.approx(21)
    assert ratios["on light"] == pytest.approx(1)
    # The figure is as it was.
    fig.canvas.draw()
    assert np.array_equal(before, fig.canvas.buffer_rgba())


def test_style_fits_the_page():
    fig, ax = plt.subplots()
    ax.set(title="t", xlabel="x", ylabel="y")
    ax.plot([0, 1], label="a")
    ax.legend()
    assert 600 <= fig.get_figwidth() * fig.dpi <= 720
    assert min(t.get_fontsize() for t in all_texts(fig)) >= 9
    assert mpl.colors.same_color(fig.get_facecolor(), "white")


def test_returns_the_axes_given():
    fig, ax = plt.subplots()
    assert plot_slice(bright(np.eye(4)), ax=ax) is ax
    assert plot_map(bright(np.eye(4)), ax=ax) is ax
    assert plt.get_fignums() == [fig.number]


def test_takes_a_path_and_a_single_volume(tmp_path):
    img = bright(AFFINES["permuted"])
    nib.save(img, tmp_path / "t1.nii.gz")
    one = nib.Nifti1Image(img.get_fdata()[..., None], img.affine)
    pictures = [
        plot_slice(which, coord=world(img.affine)[2]).images[0].get_array()
        for which in (img, tmp_path / "t1.nii.gz", str(tmp_path / "t1.nii.gz"), one)
    ]
    for other in pictures[1:]:
        np.testing.assert_array_equal(pictures[0].filled(0), other.filled(0))


def test_a_cut_is_cheaper_than_resampling_the_volume():
    affine = affine_of((0, 1, 2), (1, 1, 1), degrees=20)
    data = np.random.default_rng(0).random((100, 100, 100), dtype=np.float32)
    img = nib.Nifti1Image(data, affine)
    start = time.perf_counter()
    resample_img(img, np.eye(3), force_resample=True, copy_header=True)
    whole = time.perf_counter() - start
    start = time.perf_counter()
    plot_slice(img)
    assert time.perf_counter() - start < whole


# --- Errors ---------------------------------------------------------------------------


@pytest.mark.parametrize("draw", [plot_map, plot_slice])
def test_errors_name_the_mend(draw):
    affine = AFFINES["positive"]
    img = bright(affine)
    series = nib.Nifti1Image(np.ones((*SHAPE, 3)), affine)
    with pytest.raises(ValueError, match=r"\(12, 14, 10, 3\).*slicer\[\.\.\., 0\]"):
        draw(series)
    with pytest.raises(
        ValueError, match=r"coord=99 mm.*from -10\.0 to 20\.0 mm along z"
    ):
        draw(img, coord=99)
    with pytest.raises(ValueError, match="axis.*'axial'"):
        draw(img, axis="axial")
    with pytest.raises(ValueError, match="no finite value"):
        draw(nib.Nifti1Image(np.full(SHAPE, np.nan), affine))
    with pytest.raises(TypeError, match="ndarray"):
        draw(np.ones(SHAPE))
    with pytest.raises(ValueError, match="vmin must be below vmax"):
        draw(img, vmin=3, vmax=3)
    with pytest.raises(ValueError, match="colorbar.*'left'"):
        draw(img, colorbar="left")


def test_background_and_contours_are_checked():
    img = bright(AFFINES["positive"])
    with pytest.raises(ValueError, match="background must be a 3-D image"):
        plot_map(img, nib.Nifti1Image(np.ones((*SHAPE, 3)), img.affine))
    with pytest.raises(ValueError, match="outside of background"):
        plot_map(img, bright(np.eye(4)), coord=15)
    for unknown in (img, [img], [{"img": img}], ["face"]):
        with pytest.raises(TypeError, match="contours"):
            plot_map(img, contours=unknown)
    with pytest.raises(TypeError, match="contour 'face'.*got int"):
        plot_map(img, contours={"face": 3})
    empty = nib.Nifti1Image(np.zeros(SHAPE), img.affine)
    with pytest.raises(ValueError, match="contour 'house'.*empty"):
        plot_map(img, contours={"house": empty})
    with pytest.raises(ValueError, match="mask: .*empty"):
        plot_slice(img, mask=empty)
    with pytest.raises(TypeError, match="background: .*got ndarray"):
        plot_map(img, np.ones(SHAPE))


def test_empty_background_is_no_trouble():
    img = bright(AFFINES["positive"])
    ax = plot_map(img, nib.Nifti1Image(np.zeros(SHAPE), img.affine))
    assert ax.get_xlim() == tuple(ax.images[0].get_extent()[:2])


def test_contour_of_another_grid_leaves_the_view_alone():
    img = bright(AFFINES["positive"])
    wide = block(affine_of((0, 1, 2), (9, 9, 9)), (1, 1, 1), (10, 12, 8))
    ax = plot_map(img, contours={"face": wide})
    left, right, low, high = ax.images[0].get_extent()
    assert (*ax.get_xlim(), *ax.get_ylim()) == (left, right, low, high)


def test_map_of_zeros_draws_the_background_only():
    affine = AFFINES["positive"]
    ax = plot_map(nib.Nifti1Image(np.zeros(SHAPE), affine), bright(affine))
    under, over = ax.images
    assert opacity(under).all() and not opacity(over).any()


def random_parcels(n=60, seed=0):
    """Return an image of the cells around some random points, a corner left empty."""
    rng = np.random.default_rng(seed)
    points = rng.uniform(0, SHAPE, (n, 3))
    voxels = np.moveaxis(np.indices(SHAPE), 0, -1)
    distance = np.linalg.norm(voxels[..., None, :] - points, axis=-1)
    labels = 10 + 3 * distance.argmin(axis=-1)  # names with gaps between them
    labels[:4, :4] = 0
    return nib.Nifti1Image(labels.astype(np.int16), AFFINES["oblique"])


def test_parcels_that_touch_differ_in_color():
    img = random_parcels()
    labels = np.asarray(img.dataobj)
    colors = np.asarray(color_parcels(img).dataobj)
    assert np.array_equal(colors == 0, labels == 0)
    for label in np.unique(labels):
        assert len(np.unique(colors[labels == label])) == 1
    n_borders = 0
    for axis in range(3):
        along = np.moveaxis(labels, axis, 0)
        inside = (along[:-1] > 0) & (along[1:] > 0)
        touch = np.moveaxis((along[:-1] != along[1:]) & inside, 0, axis)
        n_borders += touch.sum()
        assert np.diff(colors, axis=axis)[touch].all()
    assert n_borders > 500 and 4 <= colors.max() <= 12


def test_as_many_colors_as_neighbors_need():
    """Rods across rods: each of 14 parcels touches all the others."""
    labels = np.empty((14, 14, 2), dtype=int)
    labels[:, :, 0] = np.arange(1, 15)[:, None]
    labels[:, :, 1] = np.arange(1, 15)
    colors = np.asarray(color_parcels(nib.Nifti1Image(labels * 1.0, np.eye(4))).dataobj)
    assert len(np.unique(colors)) == 14


def test_parcels_are_drawn_in_their_colors():
    ax = plot_parcels(random_parcels(), axis="x")
    drawn = ax.images[0]
    shown = drawn.get_array()
    rgba = drawn.cmap(drawn.norm(shown.compressed()))
    pairs = np.unique(np.column_stack([shown.compressed(), rgba]), axis=0)
    assert (
        len(pairs) == len(np.unique(shown.compressed())) == len(np.unique(rgba, axis=0))
    )


def test_a_map_is_no_parcellation():
    with pytest.raises(ValueError, match="whole number"):
        color_parcels(nib.Nifti1Image(np.full(SHAPE, 0.5), np.eye(4)))
