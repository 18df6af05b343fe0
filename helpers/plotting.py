"""Draw one slice of the brain, in millimeters, with left on the left.

Everything is drawn at its place in the world (the scanner's or the template's
millimeters), never at its place in an array. So a map of 3.5 mm voxels lies where it
should on an anatomy of 1 mm voxels, whatever the order in which a file stores them.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import matplotlib.patheffects as path_effects
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, ListedColormap, hsv_to_rgb
from matplotlib.image import AxesImage
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.transforms import (
    Affine2D,
    ScaledTranslation,
    Transform,
    blended_transform_factory,
)
from nibabel.affines import apply_affine, voxel_sizes
from nibabel.spatialimages import SpatialImage

from helpers.masking import load_image, load_mask

Image = str | Path | SpatialImage

# The same thing has the same color on every page. All are told apart with the common
# color blindnesses, and have a contrast above 3 with white and with the dark theme; all
# but "chair" also above 4.5 with white, so that words may have them.
COLORS = {
    "face": "#C25500",
    "house": "#0072B2",
    "cat": "#1F8548",
    "bottle": "#5840FF",
    "scissors": "#D60039",
    "shoe": "#D600BA",
    "chair": "#7384FF",
    "scrambledpix": "#757575",
    "rest": "#757575",
    "signal": "#1F8548",
    "truth": "#1F8548",
    "noise": "#757575",
    "train": "#5840FF",
    "test": "#D600BA",
    "chance": "#757575",
    "real": "#5840FF",
    "simulated": "#967000",
    "default mode": "#C25500",
    "visual": "#0072B2",
    "motor": "#1F8548",
    "auditory": "#5840FF",
    "fronto-parietal": "#D600BA",
    "salience": "#D60039",
}

_CYCLE = [COLORS[name] for name in ("house", "face", "cat", "bottle", "shoe", "chair")]
MINUS = "\N{MINUS SIGN}"
AXES = {"x": 0, "y": 1, "z": 2}
_OTHER_AXES = ((1, 2), (0, 2), (0, 1))
# What the reader finds at the left and at the right end of a cut across each axis.
ENDS = {"x": ("P", "A"), "y": ("L", "R"), "z": ("L", "R")}


def use_course_style() -> None:
    """Set Matplotlib's defaults for a page of the course.

    Call it once, at the top of a notebook. Figures are 704 pixels wide at most, the
    width of a page's text, so 11-point letters come out as large as that text.

    Notes
    -----
    The figure's background stays white on purpose: on its dark theme the book puts
    pictures on a white card, so a transparent figure would gain nothing.
    """
    plt.rcParams.update(
        {
            "figure.figsize": (6.4, 4.0),
            "figure.dpi": 110,
            "figure.facecolor": "white",
            "figure.constrained_layout.use": True,
            "savefig.facecolor": "white",
            "font.size": 11,
            "axes.titlesize": 11,
            "axes.labelsize": 11,
            "xtick.labelsize": 10,
            "ytick.labelsize": 10,
            "legend.fontsize": 10,
            "legend.frameon": False,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.prop_cycle": plt.cycler(color=_CYCLE),
            "image.interpolation": "nearest",
        }
    )


def plot_slice(
    img: Image,
    coord: float | None = None,
    axis: str = "z",
    ax: Axes | None = None,
    cmap: str = "gray",
    vmin: float | None = None,
    vmax: float | None = None,
    mask: Image | None = None,
    title: str | None = None,
    colorbar: bool | str = False,
    label: str | None = None,
) -> Axes:
    """Draw one slice of a 3-D image at a world coordinate.

    Every voxel is shown as it is, without interpolation. Where the image is zero or
    not finite, or outside `mask`, the drawing is transparent.

    Parameters
    ----------
    img : path or nibabel image, shape (x, y, z)
        The image, in any orientation; oblique images are cut along the world's axes.
    coord : float, optional
        Where to cut, in mm along `axis`; by default through the image's middle voxel.
    axis : {"x", "y", "z"}
        The world axis that the cut is perpendicular to: "x" gives a sagittal,
        "y" a coronal and "z" an axial slice.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default in a new figure.
    cmap : str
        Name of a Matplotlib color map.
    vmin, vmax : float, optional
        Values of the ends of the color map, in the image's unit. By default taken from
        the whole image (without its 0.2 % extremes), so that slices can be compared.
    mask : path or nibabel image, shape (x, y, z), optional
        Draw only its non-zero voxels. Its grid may differ from that of `img`.
    title : str, optional
        Title of the axes.
    colorbar : bool or {"right", "bottom"}
        Whether, and where, to draw a color bar; True means at the right.
    label : str, optional
        What the color bar measures, with its unit.

    Returns
    -------
    matplotlib.axes.Axes
        The axes drawn in; both its scales are in mm.

    Raises
    ------
    ValueError
        If an image is not 3-D, has no finite value, is not cut by `coord`, or if
        `axis` is not one of x, y, z.
    TypeError
        If an image is neither a path nor a nibabel image.
    """
    img = _load(img, "img")
    coord = _middle(img, axis) if coord is None else coord
    points, extent = _plane(img, coord, axis, "img")
    plane = _sample(img, points)
    if mask is not None:
        plane[_sample(_load_mask(mask, "mask"), points) != 1] = np.nan
    ax = _axes(ax)
    drawn = _draw_gray(ax, img, plane, extent, cmap, vmin, vmax)
    if colorbar:
        _color_bar(drawn, colorbar, label, img)
    return _finish(ax, coord, axis, title)


def plot_map(
    stat_img: Image,
    background: Image | None = None,
    coord: float | None = None,
    axis: str = "z",
    threshold: float | None = None,
    cmap: str | Colormap | None = None,
    vmin: float | None = None,
    vmax: float | None = None,
    contours: Mapping[str, Image] | Sequence[Mapping] | None = None,
    colorbar: bool | str = True,
    label: str | None = None,
    ax: Axes | None = None,
    title: str | None = None,
    legend: bool = True,
) -> Axes:
    """Draw a map of the brain over its anatomy, with the outlines of regions.

    The map is transparent where it is zero, not finite or below `threshold`.
    All images may have grids of their own: each is drawn where it is in the world.

    Parameters
    ----------
    stat_img : path or nibabel image, shape (x, y, z)
        The map: F-scores, weights, accuracies...
    background : path or nibabel image, shape (x, y, z), optional
        The anatomy, drawn in gray under the map.
    coord : float, optional
        Where to cut, in mm along `axis`; by default through the largest absolute
        value of the map.
    axis : {"x", "y", "z"}
        The world axis that the cut is perpendicular to.
    threshold : float, optional
        Hide values closer to zero than this, in the map's unit.
    cmap : str or matplotlib.colors.Colormap, optional
        A color map or its name; by default "RdBu_r" (red above zero, blue below it)
        for a map with negative values and "inferno" for one without.
    vmin, vmax : float, optional
        Values of the ends of the color map, by default from the whole map. For a map
        with negative values one end is taken as minus the other, so that zero is in
        the middle.
    contours : dict of name to mask, or list of dict, optional
        Regions to outline, each with an entry in the legend when the cut meets it.
        A name found in `COLORS` gives the color. As a list, each region is a dict
        with "mask" and "label" and, if wanted, "color".
    colorbar : bool or {"right", "bottom"}
        Whether, and where, to draw a color bar; True means at the right.
    label : str, optional
        What the color bar measures, with its unit.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default in a new figure.
    title : str, optional
        Title of the axes.
    legend : bool
        Whether to draw the legend of the contours, under the slice. Of several maps
        side by side with the same contours, the middle one alone needs it.

    Returns
    -------
    matplotlib.axes.Axes
        The axes drawn in; both its scales are in mm.

    Raises
    ------
    ValueError
        If an image is not 3-D, has no finite value, is not cut by `coord`, or if
        `axis` is not one of x, y, z.
    TypeError
        If an image is neither a path nor a nibabel image, or `contours` is not as
        described.
    """
    stat_img = _load(stat_img, "stat_img")
    regions = list(_regions(contours))
    vmin, vmax, signed = _map_range(stat_img, vmin, vmax)
    coord = _peak(stat_img, axis) if coord is None else coord
    points, extent = _plane(stat_img, coord, axis, "stat_img")
    plane = _sample(stat_img, points)
    plane[np.abs(plane) < (threshold or 0)] = np.nan
    plane[plane == 0] = np.nan

    ax = _axes(ax)
    if background is not None:
        background = _load(background, "background")
        points, extent_below = _plane(background, coord, axis, "background")
        _draw_gray(ax, background, _sample(background, points), extent_below)
    cmap = cmap or ("RdBu_r" if signed else "inferno")
    drawn = _draw(ax, plane, extent, cmap, vmin, vmax)
    for mask, color, name in regions:
        _outline(ax, mask, coord, axis, color, name)
    ax.set(xlim=extent[:2], ylim=extent[2:])
    if background is not None:
        _look_at_brain(ax, background, axis)
    if colorbar:
        _color_bar(drawn, colorbar, label, stat_img)
    if legend and ax.get_legend_handles_labels()[0]:
        _legend(ax, y=-70 if colorbar == "bottom" else -20)
    return _finish(ax, coord, axis, title)


def color_parcels(labels_img: Image) -> SpatialImage:
    """Give each parcel of a brain the number of a color, neighbors different ones.

    Parameters
    ----------
    labels_img : path or nibabel image, shape (x, y, z)
        The label of each voxel's parcel, a whole number; 0 where there is none.

    Returns
    -------
    nibabel image, shape (x, y, z)
        Numbers from 1, and 0 where there is no parcel. Two parcels that share the face
        of a voxel never have the same number.

    Raises
    ------
    ValueError
        If the image is not 3-D, or a label is not a whole number.

    Notes
    -----
    Greedy coloring of the graph of neighbors, those with the most neighbors first
    [1]_, each in the color used least so far. Twelve colors at least, more where a
    parcel with many neighbors needs them.

    References
    ----------
    .. [1] Welsh and Powell (1967), The Computer Journal 10(1):85-86.
    """
    img = _load(labels_img, "labels_img")
    values = np.asanyarray(img.dataobj)
    if not np.array_equal(values, np.round(values)):
        raise ValueError(
            "labels_img must hold one whole number a parcel, but some values are not: "
            "is it a map, or was it resampled with interpolation?"
        )
    names, labels = np.unique(values, return_inverse=True)
    labels = labels.reshape(values.shape)
    neighbors = _touching(labels, np.flatnonzero(names == 0), len(names))
    colors = np.zeros(len(names), dtype=np.int16)
    used = np.zeros(13, dtype=int)  # how often each color was given; none has number 0
    for parcel in sorted(range(len(names)), key=lambda k: -len(neighbors[k])):
        if names[parcel] == 0:
            continue
        free = np.setdiff1d(np.arange(1, len(used)), colors[list(neighbors[parcel])])
        if not free.size:
            free, used = np.array([len(used)]), np.append(used, 0)
        colors[parcel] = free[used[free].argmin()]
        used[colors[parcel]] += 1
    return SpatialImage(colors[labels], img.affine)


def _touching(labels: np.ndarray, empty: np.ndarray, n_labels: int) -> list[set]:
    """Return for each label those that share a face with it; none for the empty one."""
    neighbors = [set() for _ in range(n_labels)]
    for axis in range(3):
        along = np.moveaxis(labels, axis, 0)
        pairs = np.stack([along[:-1].ravel(), along[1:].ravel()], axis=1)
        pairs = pairs[(pairs[:, 0] != pairs[:, 1]) & ~np.isin(pairs, empty).any(axis=1)]
        for a, b in np.unique(pairs, axis=0).tolist():
            neighbors[a].add(b)
            neighbors[b].add(a)
    return neighbors


def plot_parcels(
    labels_img: Image,
    background: Image | None = None,
    coord: float | None = None,
    axis: str = "z",
    contours: Mapping[str, Image] | Sequence[Mapping] | None = None,
    ax: Axes | None = None,
    title: str | None = None,
    legend: bool = True,
) -> Axes:
    """Draw one slice of a parcellation; parcels that touch have different colors.

    Parameters
    ----------
    labels_img : path or nibabel image, shape (x, y, z)
        The label of each voxel's parcel, a whole number; 0 where there is none.
    background, coord, axis, contours, ax, title, legend
        As for `plot_map`; by default the cut is through the middle.

    Returns
    -------
    matplotlib.axes.Axes
        The axes drawn in; both its scales are in mm. The colors mean nothing.

    Raises
    ------
    TypeError, ValueError
        As `plot_map` and `color_parcels` do.
    """
    colored = color_parcels(labels_img)
    n_colors = max(int(np.max(colored.dataobj)), 2)
    return plot_map(
        colored,
        background,
        coord=_middle(colored, axis) if coord is None else coord,
        axis=axis,
        cmap=ListedColormap([_parcel_color(k) for k in range(n_colors)]),
        vmin=0.5,
        vmax=n_colors + 0.5,
        contours=contours,
        colorbar=False,
        ax=ax,
        title=title,
        legend=legend,
    )


def _parcel_color(k: int) -> tuple[float, float, float]:
    """Return the color of a number: hues far apart, light and dark in turn."""
    hue = (k * 0.381966) % 1  # the golden section spreads any number of hues evenly
    saturation, value = ((0.45, 0.98), (0.8, 0.85), (0.75, 0.55))[k % 3]
    return hsv_to_rgb((hue, saturation, value))


# --- Images -------------------------------------------------------------------------


def _load(img: Image, name: str) -> SpatialImage:
    """Load an image into memory, and insist on three dimensions."""
    try:
        img = load_image(img)
    except TypeError as error:
        raise TypeError(f"{name}: {error}") from None
    if len(img.shape) < 3 or np.prod(img.shape[3:]) != 1:
        raise ValueError(
            f"{name} must be a 3-D image, got shape {img.shape}: take one volume of a "
            "4-D image, for instance the first with img.slicer[..., 0]"
        )
    data = np.asanyarray(img.dataobj).reshape(img.shape[:3])
    return SpatialImage(data, img.affine)


def _load_mask(mask: Image, name: str) -> SpatialImage:
    """Load a mask as an image of ones and zeros."""
    try:
        inside, affine = load_mask(mask)
    except (TypeError, ValueError) as error:
        raise type(error)(f"{name}: {error}") from None
    return SpatialImage(inside.astype(np.uint8), affine)


def _values(img: SpatialImage, name: str) -> np.ndarray:
    """Return the finite, non-zero voxels (or a single 0 when all are zero)."""
    data = np.asanyarray(img.dataobj)
    finite = np.isfinite(data)
    if not finite.any():
        raise ValueError(
            f"{name} has no finite value (all voxels are NaN or infinite): look for "
            "constant voxels or a division by zero in what made it"
        )
    values = data[finite & (data != 0)]
    return values if values.size else np.zeros(1)


def _gray_range(img: SpatialImage) -> tuple[float, float]:
    """Choose the values drawn black and white: of all slices, not only this one."""
    values = _values(img, "the image")
    values = values[:: values.size // 200_000 + 1]  # plenty for two percentiles
    low, high = np.percentile(values.astype(float), [0.2, 99.8])
    if low == high:  # a mask: its one value in mid-gray, to be seen on a white page
        return min(2 * low, 0.0), max(2 * high, 0.0) or 1.0
    # The brightest tissue stops short of white, so that it differs from the page.
    return _round_away(min(low, 0.0)), _round_away(1.15 * max(high, 0.0))


def _nothing(img: SpatialImage) -> float:
    """Return the size up to which a voxel of anatomy counts as empty."""
    # Resampled templates hold specks of 1e-40 where they mean 0.
    return 1e-3 * np.abs(_gray_range(img)).max()


def _map_range(
    img: SpatialImage, vmin: float | None, vmax: float | None
) -> tuple[float, float, bool]:
    """Choose a map's scale, centered on zero if the map has negative values."""
    values = _values(img, "stat_img")
    lowest, highest = float(values.min()), float(values.max())
    signed = lowest < 0
    given = [abs(end) for end in (vmin, vmax) if end is not None]
    largest = max(given, default=0.0) or _round_away(max(-lowest, highest)) or 1.0
    if signed:
        return _or(vmin, -largest), _or(vmax, largest), signed
    return _or(vmin, 0.0), _or(vmax, _round_away(highest) or 1.0), signed


def _round_away(value: float) -> float:
    """Round away from zero to two digits, for ends of color bars that read well."""
    if value == 0:
        return 0.0
    step = 10.0 ** (np.floor(np.log10(abs(value))) - 1)
    return float(np.sign(value) * np.ceil(abs(value) / step - 1e-9) * step)


def _or(value: float | None, default: float) -> float:
    """Return the value, or the default where none was given."""
    return float(default if value is None else value)


# --- Where things are ---------------------------------------------------------------


def _axis_index(axis: str) -> int:
    """Translate x, y, z to 0, 1, 2."""
    if axis not in AXES:
        raise ValueError(f'axis must be "x", "y" or "z", got {axis!r}')
    return AXES[axis]


def _middle(img: SpatialImage, axis: str) -> float:
    """Return the world coordinate of the middle voxel."""
    middle = (np.array(img.shape) - 1) // 2
    return float(apply_affine(img.affine, middle)[_axis_index(axis)])


def _peak(img: SpatialImage, axis: str) -> float:
    """Return the world coordinate of the voxel with the largest absolute value."""
    size = np.abs(np.nan_to_num(np.asanyarray(img.dataobj), posinf=0, neginf=0))
    if not size.any():
        return _middle(img, axis)
    peak = np.unravel_index(size.argmax(), size.shape)
    return float(apply_affine(img.affine, peak)[_axis_index(axis)])


def _world_box(
    img: SpatialImage, first: np.ndarray, last: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the bounds in mm of a block of voxels, from outer face to outer face."""
    corners = np.stack(np.meshgrid(*np.transpose([first - 0.5, last + 0.5])), axis=-1)
    corners = apply_affine(img.affine, corners.reshape(-1, 3))
    return corners.min(axis=0), corners.max(axis=0)


def _plane(
    img: SpatialImage, coord: float, axis: str, name: str
) -> tuple[np.ndarray, tuple[float, float, float, float]]:
    """Lay a grid of points (rows, columns, 3) in mm over the image's cut."""
    cut = _axis_index(axis)
    low, high = _world_box(img, np.zeros(3), np.array(img.shape) - 1)
    if not low[cut] - 1e-6 <= coord <= high[cut] + 1e-6:
        raise ValueError(
            f"coord={coord:g} mm is outside of {name}, which reaches from "
            f"{low[cut]:.1f} to {high[cut]:.1f} mm along {axis}"
        )
    # One point a voxel where the voxels follow the world's axes. Where they are
    # oblique, two points a voxel in each direction show their tilted outline.
    steps = np.abs(img.affine[:3, :3]).max(axis=1)
    sizes = voxel_sizes(img.affine)
    across, up = _OTHER_AXES[cut]
    if not np.allclose(np.sort(steps), np.sort(sizes), rtol=1e-6):
        steps = np.full(3, sizes.min() / 2)
    n_columns, n_rows = (round((high[i] - low[i]) / steps[i]) for i in (across, up))
    points = np.empty((n_rows, n_columns, 3))
    points[..., cut] = coord
    points[..., across] = low[across] + steps[across] * (np.arange(n_columns) + 0.5)
    points[..., up] = (low[up] + steps[up] * (np.arange(n_rows) + 0.5))[:, None]
    right = low[across] + steps[across] * n_columns
    top = low[up] + steps[up] * n_rows
    return points, (low[across], right, low[up], top)


def _sample(img: SpatialImage, points: np.ndarray) -> np.ndarray:
    """Read the voxel at each point (..., 3) in mm; NaN outside of the image."""
    voxels = apply_affine(np.linalg.inv(img.affine), points)
    shape = np.array(img.shape)
    inside = np.all((voxels > -0.5 - 1e-6) & (voxels < shape - 0.5 + 1e-6), axis=-1)
    # A point on the face between two voxels belongs to the upper one, at any rounding.
    voxels = np.clip(np.floor(voxels + 0.5 + 1e-6).astype(int), 0, shape - 1)
    values = np.asanyarray(img.dataobj)[tuple(np.moveaxis(voxels, -1, 0))]
    return np.where(inside, values, np.nan).astype(float)


# --- Drawing ------------------------------------------------------------------------


def _axes(ax: Axes | None) -> Axes:
    """Take the axes given, or make a figure for one slice."""
    if ax is None:
        _, ax = plt.subplots(figsize=(4.4, 4.2), layout="compressed")
    return ax


def _draw(
    ax: Axes,
    plane: np.ndarray,
    extent: tuple[float, float, float, float],
    cmap: str | Colormap,
    vmin: float,
    vmax: float,
) -> AxesImage:
    """Lay a plane at its place in mm; NaN stays transparent."""
    if not vmin < vmax:
        raise ValueError(f"vmin must be below vmax, got vmin={vmin:g}, vmax={vmax:g}")
    return ax.imshow(
        np.ma.masked_invalid(plane),
        extent=extent,
        origin="lower",
        interpolation="nearest",
        aspect="equal",
        cmap=cmap,
        vmin=vmin,
        vmax=vmax,
    )


def _draw_gray(
    ax: Axes,
    img: SpatialImage,
    plane: np.ndarray,
    extent: tuple[float, float, float, float],
    cmap: str = "gray",
    vmin: float | None = None,
    vmax: float | None = None,
) -> AxesImage:
    """Draw a slice of anatomy; nothing where it is zero, or next to it."""
    low, high = _gray_range(img)
    plane = np.where(np.abs(plane) > _nothing(img), plane, np.nan)
    return _draw(ax, plane, extent, cmap, _or(vmin, low), _or(vmax, high))


def _look_at_brain(ax: Axes, background: SpatialImage, axis: str) -> None:
    """Leave out the empty border, the same one for all slices of an anatomy."""
    data = np.asanyarray(background.dataobj)
    tissue = np.abs(data) > _nothing(background)
    if not tissue.any():
        return
    ends = [np.flatnonzero(tissue.any(axis=other))[[0, -1]] for other in _OTHER_AXES]
    low, high = _world_box(background, *np.transpose(ends))
    across, up = _OTHER_AXES[AXES[axis]]
    margin = 3  # mm
    ax.set_xlim(low[across] - margin, high[across] + margin)
    ax.set_ylim(low[up] - margin, high[up] + margin)


def _finish(ax: Axes, coord: float, axis: str, title: str | None) -> Axes:
    """Write which end is which (L and R), the cut's coordinate and the title."""
    ax.set(xticks=[], yticks=[])
    ax.spines[:].set_visible(False)
    ax.patch.set_visible(False)
    left, right = ENDS[axis]
    millimeters = f"{round(coord, 1) + 0:g}".replace("-", MINUS)
    # Beside and below the slice, where they hide no voxel and each has room.
    below = _below(ax)
    mark = {"transform": below, "weight": "bold", "va": "bottom"}
    ax.text(-0.02, 0, left, ha="right", **mark)
    ax.text(1.02, 0, right, ha="left", **mark)
    where = f"{axis} = {millimeters} mm"
    ax.text(0.5, -3, where, transform=below, ha="center", va="top")
    # Slices side by side hang from the same line, whatever their heights. Axes that
    # keep an aspect need the variant of the constrained layout made for them.
    ax.set_anchor("N")
    figure = ax.get_figure(root=True)
    if isinstance(figure.get_layout_engine(), ConstrainedLayoutEngine):
        figure.set_layout_engine("compressed", w_pad=0.1)
    if title:
        ax.set_title(title)
    return ax


def _regions(
    contours: Mapping[str, Image] | Sequence[Mapping] | None,
) -> Iterator[tuple[SpatialImage, str, str]]:
    """Bring both ways to give contours to (mask, color, label)."""
    if contours is None:
        return
    if isinstance(contours, Mapping):
        contours = [{"mask": mask, "label": name} for name, mask in contours.items()]
    if isinstance(contours, str | Path | SpatialImage):
        raise TypeError(
            "contours must name its regions, got a single image: give a dict such as "
            '{"face": mask}'
        )
    for i, region in enumerate(contours):
        if not isinstance(region, Mapping) or not {"mask", "label"} <= set(region):
            raise TypeError(
                "contours must be a dict of name to mask, or a list of dicts with "
                f'"mask" and "label" (and "color"), got {region!r} in the list'
            )
        color = region.get(
            "color", COLORS.get(region["label"], _CYCLE[i % len(_CYCLE)])
        )
        name = region["label"]
        yield _load_mask(region["mask"], f"contour {name!r}"), color, name


def _outline(
    ax: Axes,
    mask: SpatialImage,
    coord: float,
    axis: str,
    color: str,
    name: str,
) -> None:
    """Draw a line around a mask, along the edges of its voxels."""
    points, (left, right, low, high) = _plane(mask, coord, axis, f"contour {name!r}")
    inside = _sample(mask, points) == 1
    if not inside.any():
        return
    # An empty rim closes the line of a region that touches the image's border. Each
    # voxel becomes 8 x 8 points: matplotlib's line, half way between a point inside
    # and one outside, then follows the voxel's edge and not the line of centers.
    fine = np.kron(np.pad(inside, 1), np.ones((8, 8)))
    n_rows, n_columns = inside.shape
    width, height = (right - left) / n_columns, (high - low) / n_rows
    x = left - width + width * (np.arange(fine.shape[1]) + 0.5) / 8
    y = low - height + height * (np.arange(fine.shape[0]) + 0.5) / 8
    line = ax.contour(x, y, fine, levels=[0.5], colors=[color], linewidths=1.5)
    # A white rim keeps the line readable on any color of the map.
    halo = [path_effects.withStroke(linewidth=2.7, foreground="white")]
    line.set(path_effects=halo, gid=f"contour {name}")
    ax.plot([], [], color=color, linewidth=2, label=name)


def _color_bar(
    drawn: AxesImage,
    where: bool | str,
    label: str | None,
    img: SpatialImage,
) -> None:
    """Attach a color bar to the slice, with arrowheads if values lie beyond it."""
    if where not in (True, "right", "bottom"):
        raise ValueError(
            f'colorbar must be True, False, "right" or "bottom", got {where!r}'
        )
    values = _values(img, "img")
    low, high = drawn.get_clim()
    beyond = (values.min() < low, values.max() > high)
    extend = {(0, 0): "neither", (1, 0): "min", (0, 1): "max", (1, 1): "both"}[beyond]
    ax = drawn.axes
    if where == "bottom":
        bar = ax.inset_axes([0.1, -32, 0.8, 9], transform=_below(ax))
        bar_ax = {"cax": bar, "orientation": "horizontal"}
    else:
        bar_ax = {"cax": ax.inset_axes([1.06, 0.15, 0.05, 0.8])}
    bar = ax.figure.colorbar(drawn, **bar_ax, label=label or "", extend=extend)
    if where == "bottom":  # in a narrow panel only three numbers have room
        ticks = np.linspace(*drawn.get_clim(), 3)
        bar.set_ticks(
            ticks, labels=[_three_digits(tick).replace("-", MINUS) for tick in ticks]
        )


def _three_digits(value: float) -> str:
    """Write a number with three digits or, from 1000 on, as a whole number."""
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def _legend(ax: Axes, y: float) -> None:
    """Put the legend under the slice, its top `y` points from the lower edge."""
    ax.legend(
        loc="upper center",
        bbox_to_anchor=(0.5, y),
        bbox_transform=_below(ax),
        ncols=3,
        handlelength=1.4,
        borderaxespad=0,
        columnspacing=1.2,
    )


def _below(ax: Axes) -> Transform:
    """Measure x in fractions of the axes, and y in points from its lower edge."""
    lower_left = ScaledTranslation(0, 0, ax.transAxes)
    points = Affine2D().scale(1 / 72) + ax.figure.dpi_scale_trans + lower_left
    return blended_transform_factory(ax.transAxes, points)
