"""Labelled data of users: arrays in an npz file, or images with a folder for each class.

An npz file holds `labels`, numbers or texts, one for each example, and either `images` (bytes, or
numbers between 0 and 1; n x height x width, or with a last axis of three colours) or `values` (n x
values, each scaled from its least to its largest). In a folder, the images of a class are the PNG
and JPEG files of one folder, at any depth; the class is called by the path of that folder.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from warnings import catch_warnings, simplefilter

import numpy as np
from numpy.typing import NDArray

from thalia.data.files import DataFile, DataFolder
from thalia.data.numpy_files import Archive, Header, read_numbers
from thalia.errors import CircuitError, Problem, counted, did_you_mean, fail

type Floats = NDArray[np.float64]

MOST_VALUES = 100_000_000  # of all examples together: 0.8 GB
MOST_LABELS = 800_000_000  # bytes
IMAGES = (".png", ".jpg", ".jpeg")
MODES = {"1": "L", "L": "L", "P": "RGB", "RGB": "RGB"}  # of Pillow, and what they are read as
_HOW = "one folder for each class, with its images"


@dataclass(frozen=True)
class Labelled:
    """Examples with their classes.

    `values` (n_examples, n_values) lie between 0 and 1, `labels` (n_examples,) count from 0 in the
    order of `classes`. `shape` is that of one example: of an image its height and width, with
    colours a 3 after them.
    """

    name: str
    values: Floats
    labels: NDArray[np.int64]
    classes: tuple[str, ...]
    shape: tuple[int, ...]

    def numbers_of(self, names: Sequence[str]) -> list[int]:
        """The numbers of classes: those of a name, or all in a folder of that name.

        Raises
        ------
        CircuitError
            With every name that is none of a class.
        """
        found: list[int] = []
        problems = []
        for name in names:
            mine = [
                number
                for number, each in enumerate(self.classes)
                if each == name or each.startswith(f"{name.rstrip('/')}/")
            ]
            if not mine:
                message = f"{self.name} has no class '{name}'"
                problems.append(Problem((), message, did_you_mean(name, self.classes)))
            found += mine
        if problems:
            raise CircuitError(problems)
        return found


def read_labelled(file: DataFile, side: int | None = None, inverted: bool = False) -> Labelled:
    """The examples of an npz file, or of a folder of images.

    Parameters
    ----------
    side : int, optional
        Reduce images to so many pixels squared, each the mean over its area.
    inverted : bool
        Exchange bright and dark.

    Raises
    ------
    CircuitError
        If it cannot be read, is something else, is too large, or has examples of several sizes.
    """
    return _read(file, file.identity, side, inverted)


@lru_cache(maxsize=2)
def _read(file: DataFile, identity: object, side: int | None, inverted: bool) -> Labelled:
    if isinstance(file, DataFolder):
        return _of_folder(file, side, inverted)
    if file.ending == ".npz":
        return _of_arrays(file, side, inverted)
    raise fail(f"{file.name}: expected an npz file, or a folder of images", _HOW)


def _of_arrays(file: DataFile, side: int | None, inverted: bool) -> Labelled:
    with file.opened() as raw:
        archive = Archive(raw, file.name)
        kinds = [name for name in ("images", "values") if name in archive.members]
        if len(kinds) != 1 or "labels" not in archive.members:
            held = ", ".join(archive.members) or "nothing"
            raise fail(f"{file.name}: expected 'labels', and 'images' or 'values', found {held}")
        (kind,) = kinds
        _check_headers(archive.header(kind), archive.header("labels"), kind, file.name)
        given, labels = (_array(archive, name) for name in (kind, "labels"))
    place = f"{file.name}: '{kind}'"
    if kind == "images":
        images = _between(given, place)
        examples = _shown(images, side, inverted)
    elif side or inverted:
        raise fail(f"{file.name}: holds values, and only images have a side, bright and dark")
    else:
        examples = _scaled(_finite(given, place))
    classes, numbers = np.unique(labels, return_inverse=True)
    if classes.dtype.kind == "S":
        classes = np.char.decode(classes, "utf-8", "replace")
    return _labelled(file.name, examples, numbers, tuple(map(str, classes)))


def _check_headers(examples: Header, labels: Header, kind: str, name: str) -> None:
    """Refuse arrays that do not belong together, before they are read."""
    shape, dtype = examples.shape, examples.dtype
    wanted = "n x values"
    fits = len(shape) == 2
    if kind == "images":
        wanted = "n x height x width, or n x height x width x 3"
        fits = len(shape) == 3 or (len(shape) == 4 and shape[3] == 3)
    if not fits or not all(shape) or dtype.kind not in "biuf":
        raise fail(f"{name}: '{kind}' is {_by(shape)} of {dtype}, expected numbers, {wanted}")
    if labels.shape != shape[:1] or labels.dtype.kind not in "biuUS":
        raise fail(
            f"{name}: 'labels' is {_by(labels.shape)} of {labels.dtype}, "
            f"expected {shape[0]:,} integers or texts, one for each example"
        )
    _check_size(examples.count, name)
    if labels.count * labels.dtype.itemsize > MOST_LABELS:
        raise fail(f"{name}: 'labels' would take more than {MOST_LABELS / 1e9:g} GB", "number them")


def _array(archive: Archive, name: str) -> NDArray[Any]:
    with archive.array(name) as (header, stream):
        flat = read_numbers(stream, header.dtype, header.count, f"{archive.name}: '{name}'")
    return flat.reshape(header.shape, order="F" if header.by_columns else "C")


def _of_folder(folder: DataFolder, side: int | None, inverted: bool) -> Labelled:
    """The images of a folder; everything that is wrong with them is told at once."""
    faults = _ImageFaults()
    files: list[tuple[str, DataFile]] = []
    for path, file in folder.files():
        place, _, name = path.rpartition("/")
        if not name.lower().endswith(IMAGES):
            faults.note("kind", file.name, f"is no image ({', '.join(IMAGES)})", "move it away")
        elif not place:
            faults.note("class", file.name, "is in no class", _HOW)
        else:
            files.append((place, file))
    if not files and not faults.found:
        raise fail(f"{folder.name}: holds no images", _HOW)
    if not files:
        faults.raise_all()
    images = [image for _, file in files if (image := _image(file, len(files), faults)) is not None]
    shapes = [image.shape for image in images]
    if not side and len(images) == len(files):
        for (_, file), shape in zip(files, shapes, strict=True):
            if shape != shapes[0]:
                told = f"is {_by(shape)}, and {files[0][1].name} {_by(shapes[0])}"
                faults.note("size", file.name, told, "give `side:`, to which all are reduced")
    elif len({len(shape) for shape in shapes}) > 1:
        faults.note("colour", folder.name, "holds images with colours and without", "convert them")
    faults.raise_all()
    examples = _shown([each / 255.0 for each in images], side, inverted)
    classes = tuple(sorted({place for place, _ in files}))
    number_of = {name: number for number, name in enumerate(classes)}
    numbers = np.array([number_of[place] for place, _ in files])
    return _labelled(folder.name, examples, numbers, classes)


def _image(file: DataFile, count: int, faults: "_ImageFaults") -> NDArray[np.uint8] | None:
    """The pixels of an image, (height, width) or with three colours; None where it has a fault."""
    try:
        from PIL import Image
    except ImportError:
        raise fail(
            f"{file.name}: images need Pillow, which is not installed",
            "`pip install pillow`, or save arrays with `numpy.savez`",
        ) from None
    with file.raw() as raw, catch_warnings():
        simplefilter("error", Image.DecompressionBombWarning)
        try:
            with Image.open(raw, formats=("PNG", "JPEG")) as image:
                width, height = image.size
                _check_size(width * height * count, file.name)
                wanted = MODES.get(image.mode)
                if wanted is None or "transparency" in image.info:
                    told = f"has pixels of the kind {image.mode}, expected grey or colours"
                    faults.note("mode", file.name, told, "convert it, without transparency")
                    return None
                return np.asarray(image.convert(wanted), dtype=np.uint8)
        except CircuitError:
            raise
        except (Image.DecompressionBombError, Image.DecompressionBombWarning):
            raise fail(f"{file.name}: has more pixels than are read") from None
        except Exception:  # whatever Pillow raises for what is damaged
            faults.note("damage", file.name, "cannot be read as an image", "write it again")
            return None


class _ImageFaults:
    """The first file with each kind of fault, and how many more there are."""

    def __init__(self) -> None:
        self.found: dict[str, tuple[Problem, int]] = {}

    def note(self, kind: str, name: str, message: str, hint: str) -> None:
        """Take note of what is wrong with a file."""
        problem, count = self.found.get(kind, (Problem((), f"{name}: {message}", hint), 0))
        self.found[kind] = problem, count + 1

    def raise_all(self) -> None:
        """Report everything."""
        problems = [
            Problem(
                (), f"{each.message}; {counted(count - 1, 'more file')} of this kind", each.hint
            )
            if count > 1
            else each
            for each, count in self.found.values()
        ]
        if problems:
            raise CircuitError(problems)


def _check_size(count: int, name: str) -> None:
    if count > MOST_VALUES:
        raise fail(
            f"{name}: all examples together have {count:,} values, "
            f"and at most {MOST_VALUES:,} are read"
        )


def _finite(given: NDArray[Any], place: str) -> Floats:
    found = given.astype(np.float64)
    if not np.isfinite(found).all():
        raise fail(f"{place} holds numbers that are not finite")
    return found


def _between(given: NDArray[Any], place: str) -> Floats:
    """Bytes as parts of 255, other numbers as they are."""
    if given.dtype == np.uint8:
        return given / 255.0
    found = _finite(given, place)
    if found.min() < 0 or found.max() > 1:
        told = f"numbers from {found.min():g} to {found.max():g}"
        raise fail(f"{place} holds {told}, expected bytes, or numbers from 0 to 1")
    return found


def _scaled(values: Floats) -> Floats:
    """Each value from its least, 0, to its largest, 1; 0 where all are the same."""
    low, high = values.min(axis=0), values.max(axis=0)
    scaled: Floats = (values - low) / np.where(high > low, high - low, 1)
    return scaled


def _resized(image: Floats, side: int | None) -> Floats:
    """An image reduced to `side` pixels each way, which are means over areas."""
    if side is None:
        return image
    rows, columns = (_areas(size, side) for size in image.shape[:2])
    reduced: Floats = np.einsum("ih,hw...,jw->ij...", rows, image, columns)
    return reduced


@lru_cache(maxsize=64)
def _areas(size: int, side: int) -> Floats:
    """Which part of each new pixel is covered by each old one, (side, size)."""
    edges, borders = np.arange(size + 1), np.linspace(0, size, side + 1)
    low = np.maximum(edges[None, :-1], borders[:-1, None])
    high = np.minimum(edges[None, 1:], borders[1:, None])
    covered: Floats = np.maximum(high - low, 0) * side / size
    return covered


def _shown(images: Iterable[Floats], side: int | None, inverted: bool) -> Floats:
    """Images as they are shown: reduced, and with bright and dark exchanged."""
    found = np.stack([_resized(each, side) for each in images])
    return 1 - found if inverted else found


def _labelled(
    name: str, examples: Floats, numbers: NDArray[np.integer], classes: tuple[str, ...]
) -> Labelled:
    values = examples.reshape(len(examples), -1)
    return Labelled(name, values, numbers.astype(np.int64), classes, examples.shape[1:])


def _by(shape: Sequence[int]) -> str:
    return " x ".join(f"{side:,}" for side in shape) or "one number"
