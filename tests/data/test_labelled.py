"""Labelled data of users: what is read is what was saved, and what cannot be is told in words."""

import os
from zlib import crc32

import numpy as np
import pytest
from PIL import Image

from thalia.data import labelled
from thalia.data.files import DataFolder, data_file
from thalia.data.labelled import read_labelled
from thalia.errors import CircuitError
from thalia.syntax.folder import Folder

GREY = np.arange(12, dtype=np.uint8).reshape(3, 4) * 20


def images_in(folder, images):
    """Images by their paths."""
    for path, pixels in images.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(file)


def read(folder, name, *arguments):
    return read_labelled(data_file(Folder(folder), name, folders=True), *arguments)


def test_images_of_a_folder_are_as_they_were_saved(tmp_path):
    images_in(tmp_path / "set", {"b/1.png": GREY, "a/x.PNG": GREY + 1, "a/w.png": 255 - GREY})
    (tmp_path / "set" / "a" / ".thumbnails").write_text("hidden")

    found = read(tmp_path, "set")

    assert found.classes == ("a", "b")
    assert found.labels.tolist() == [0, 0, 1]
    expected = np.stack([255 - GREY, GREY + 1, GREY]).reshape(3, 12) / 255
    assert found.values == pytest.approx(expected)


def test_classes_may_be_folders_in_folders(tmp_path):
    images_in(tmp_path / "set", {f"{path}/1.png": GREY for path in ("Greek/b", "Greek/a", "Latin")})

    found = read(tmp_path, "set")

    assert found.classes == ("Greek/a", "Greek/b", "Latin")
    assert found.numbers_of(["Latin", "Greek"]) == [2, 0, 1]
    assert found.numbers_of(["Greek/b"]) == [1]
    with pytest.raises(CircuitError, match=r"has no class 'Latn'\n    hint: did you mean 'Latin'"):
        found.numbers_of(["Greek", "Latn"])


def test_colours_are_kept_and_black_and_white_is_grey(tmp_path):
    colours = np.stack([GREY, GREY + 1, GREY + 2], axis=-1)
    images_in(tmp_path / "colours", {"a/1.png": colours})
    images_in(tmp_path / "bits", {"a/1.png": GREY > 100})

    assert read(tmp_path, "colours").values[0] == pytest.approx(colours.ravel() / 255)
    assert read(tmp_path, "bits").values[0].tolist() == (GREY > 100).ravel().tolist()


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize(
    "labels", [np.array([3, 10, 3]), np.array(["x", "y", "x"]), np.array([b"x", b"y", b"x"])]
)
def test_arrays_are_as_they_were_saved(tmp_path, order, labels):
    images = np.asarray(np.stack([GREY, 255 - GREY, GREY + 1]), order=order)
    np.savez(tmp_path / "set.npz", images=images, labels=labels)

    found = read(tmp_path, "set.npz")

    assert found.values == pytest.approx(images.reshape(3, 12) / 255)
    assert found.labels.tolist() == [0, 1, 0]
    assert found.classes in (("3", "10"), ("x", "y"))


def test_values_lie_between_their_least_and_their_largest(tmp_path):
    values = np.array([[1.0, 5], [3, 5], [2, 5]])
    np.savez_compressed(tmp_path / "set.npz", values=values, labels=[0, 1, 0])

    assert read(tmp_path, "set.npz").values.tolist() == [[0, 0], [1, 0], [0.5, 0]]


@pytest.mark.parametrize("inverted", [False, True])
def test_reduced_images_are_means_over_areas(tmp_path, inverted):
    """Of 6 x 4 pixels 2 x 2 are left, blocks of 3 x 2; 3 x 3 cut pixels into parts and keep the mean."""
    images = np.random.default_rng(1).random((2, 6, 4))
    np.savez(tmp_path / "set.npz", images=images, labels=[0, 1])

    two, three = (read(tmp_path, "set.npz", side, inverted).values for side in (2, 3))

    blocks = images.reshape(2, 2, 3, 2, 2).mean(axis=(2, 4)).reshape(2, 4)
    assert two == pytest.approx(1 - blocks if inverted else blocks)
    means = images.mean(axis=(1, 2))
    assert three.mean(axis=1) == pytest.approx(1 - means if inverted else means)


def damaged(folder):
    images_in(folder, {"a/1.png": GREY})
    (folder / "a" / "2.png").write_bytes((folder / "a" / "1.png").read_bytes()[:40])


def enormous(folder):
    """A header that promises an image of 10 GB."""
    images_in(folder, {"a/1.png": GREY})
    content = bytearray((folder / "a" / "1.png").read_bytes())
    content[16:24] = (100_000).to_bytes(4, "big") * 2
    content[29:33] = crc32(bytes(content[12:29])).to_bytes(4, "big")
    (folder / "a" / "1.png").write_bytes(bytes(content))


def linked(folder):
    images_in(folder, {"a/1.png": GREY})
    os.symlink(folder / "a" / "1.png", folder / "a" / "2.png")


WRONG_FOLDERS = {
    "no_classes": (lambda folder: images_in(folder, {"1.png": GREY, "2.png": GREY}), "1.png: is in no class; 1 more file of this kind\n    hint: one folder for each class, with its images"),
    "nothing": (lambda folder: folder.mkdir(), "set: holds no images\n    hint: one folder for each class"),
    "sizes": (lambda folder: images_in(folder, {"a/1.png": GREY, "a/2.png": GREY.T, "b/1.png": GREY.T}), "a/2.png: is 4 x 3, and .*a/1.png 3 x 4; 1 more file of this kind\n    hint: give `side:`"),
    "text": (lambda folder: (images_in(folder, {"a/1.png": GREY}), (folder / "a" / "readme.txt").write_text("")), r"readme.txt: is no image \(.png, .jpg, .jpeg\)"),
    "transparent": (lambda folder: images_in(folder, {"a/1.png": np.stack([GREY] * 4, axis=-1)}), "1.png: has pixels of the kind RGBA, expected grey or colours"),
    "damaged": (damaged, "2.png: cannot be read as an image"),
    "enormous": (enormous, "1.png: has more pixels than are read"),
    "linked": (linked, "a/2.png: is a link\n    hint: copy what it stands for"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG_FOLDERS)
def test_folders_that_cannot_be_read_are_told(tmp_path, name):
    make, message = WRONG_FOLDERS[name]
    make(tmp_path / "set")

    with pytest.raises(CircuitError, match=message):
        read(tmp_path, "set")


def test_labels_that_would_fill_the_memory_are_refused(tmp_path, monkeypatch):
    """A text of fixed length takes that much for each example, and compresses to nothing."""
    labels = np.array(["a", "b", "c"], "U100")
    np.savez(tmp_path / "x.npz", values=np.eye(3), labels=labels)
    monkeypatch.setattr(labelled, "MOST_LABELS", 1000)

    with pytest.raises(CircuitError, match=r"x\.npz: 'labels' would take more than"):
        read(tmp_path, "x.npz")


def test_everything_that_is_wrong_with_images_is_told_at_once(tmp_path):
    images_in(tmp_path / "set", {"1.png": GREY, "a/1.png": GREY, "b/1.png": GREY})
    (tmp_path / "set" / "b" / "2.png").write_text("none")
    (tmp_path / "set" / "notes").write_text("none")

    with pytest.raises(
        CircuitError,
        match=r"1.png: is in no class[^$]*notes: is no image[^$]*b/2.png: cannot be read",
    ):
        read(tmp_path, "set")


WRONG_ARRAYS = {
    "none": ({"images": GREY[None]}, "expected 'labels', and 'images' or 'values', found images"),
    "both": ({"images": GREY[None], "values": GREY, "labels": [0]}, "expected 'labels', and 'images' or 'values'"),
    "flat": ({"images": GREY, "labels": [0, 1, 2]}, "'images' is 3 x 4 of uint8, expected numbers, n x height x width"),
    "four": ({"images": np.zeros((2, 3, 3, 4)), "labels": [0, 1]}, "'images' is 2 x 3 x 3 x 4 of float64, expected numbers"),
    "empty": ({"values": np.zeros((0, 4)), "labels": np.zeros(0, int)}, "'values' is 0 x 4 of float64"),
    "few": ({"images": GREY[None], "labels": [0, 1]}, "'labels' is 2 of int64, expected 1 integers or texts"),
    "floats": ({"images": GREY[None], "labels": [0.5]}, "'labels' is 1 of float64, expected 1 integers or texts"),
    "large": ({"images": GREY[None] * 1.0, "labels": [0]}, "'images' holds numbers from 0 to 220, expected bytes, or numbers from 0 to 1"),
    "infinite": ({"values": [[np.inf]], "labels": [0]}, "'values' holds numbers that are not finite"),
    "objects": ({"values": np.array([[None]]), "labels": [0]}, "'values' holds objects, which are not read"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG_ARRAYS)
def test_arrays_that_cannot_be_read_are_told(tmp_path, name):
    arrays, message = WRONG_ARRAYS[name]
    np.savez(tmp_path / "set.npz", **arrays)

    with pytest.raises(CircuitError, match=message):
        read(tmp_path, "set.npz")


def test_values_have_no_side(tmp_path):
    np.savez(tmp_path / "set.npz", values=np.eye(2), labels=[0, 1])

    with pytest.raises(CircuitError, match="holds values, and only images have a side"):
        read(tmp_path, "set.npz", 3)


def test_a_folder_is_known_again_by_its_digest(tmp_path):
    """It is that of names and contents: the same elsewhere, another once an image has changed."""
    images_in(tmp_path / "set", {"a/1.png": GREY, "b/1.png": GREY})
    images_in(tmp_path / "copy", {"a/1.png": GREY, "b/1.png": GREY})
    folder = data_file(Folder(tmp_path), "set", folders=True)
    again = Folder(tmp_path / "elsewhere", texts={"set": folder.reference()})

    assert isinstance(folder, DataFolder)
    assert folder.digest == data_file(Folder(tmp_path), "copy", folders=True).digest
    assert data_file(again, "set", folders=True).digest == folder.digest
    images_in(tmp_path / "set", {"b/1.png": GREY + 1})
    with pytest.raises(CircuitError, match="is not the file that the run used"):
        data_file(again, "set", folders=True)


def test_data_outside_of_the_folder_are_refused(tmp_path):
    images_in(tmp_path / "set", {"a/1.png": GREY})
    (tmp_path / "circuit").mkdir()

    with pytest.raises(CircuitError, match="is outside the folder of the circuit"):
        read(tmp_path / "circuit", "../set")
