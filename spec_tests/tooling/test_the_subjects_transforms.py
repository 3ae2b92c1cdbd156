"""Transforms as functions of a subject: files that hold some of them, what they may leave out, and torchvision."""

import inspect

import numpy as np
import pytest

import reference
from spec_tests import subjects
from spec_tests.tooling.nested_run import pytest_in_this_process
from spec_tests.vocabulary import ledger, torchvision_transforms
from spec_tests.vocabulary.operations import TRANSFORMS
from spec_tests.vocabulary.subject import NotAvailable, NotOffered, written_into

pytestmark = pytest.mark.tooling

PICTURE = np.arange(12, dtype=np.uint8).reshape(3, 2, 2)


def of(**settings):
    """Return a subject whose functions are those of the references, but for those given."""
    functions = {"hflip": reference.hflip, "resize": reference.resize}
    functions |= {name: value for name, value in settings.items() if callable(value)}
    others = {name: value for name, value in settings.items() if not callable(value)}
    return subjects.of_functions(functions, "mine", "cpu", **others)


@pytest.mark.slow
@pytest.mark.parametrize("names", ["normalize", "resize", "to_tensor", "hflip, vflip", "adjust_hue", "color_jitter"])
def test_a_file_with_right_transforms_passes_what_is_asked_of_them(tmp_path, names):
    file = tmp_path / "mine.py"
    file.write_text(f"from reference import {names}\n", encoding="utf-8")
    folder = inspect.getfile(subjects).rpartition("subjects")[0]
    only = [f"--only={name}" for name in names.split(", ")]

    with ledger.set_aside():
        code, output = pytest_in_this_process(f"{folder}test_1_3_every_transform.py", "-q", f"--subject={file}", *only)

    assert code == 0, output
    assert " passed" in output


def test_a_function_that_only_has_the_name_of_a_transform_is_left_out_and_said_so():
    subject = of(normalize=lambda vectors, norm=2.0: vectors / norm)

    assert not subject.offers("normalize")
    assert subject.offers("hflip")
    assert any("it is not taken for the transform" in note for note in subject.notes)


def test_a_function_that_is_renamed_to_a_transform_must_fit_it():
    with pytest.raises(NotAvailable, match="has no argument for mean"):
        of(scaled=lambda tensor: tensor, NAMES={"normalize": "scaled"})


def test_a_subject_may_leave_out_batches_and_bytes_of_transforms():
    without = of(NOT_OFFERED=["batched", "resize.integers", "resize.interpolation=bicubic"])

    assert without.hflip(PICTURE).shape == PICTURE.shape
    for call in (
        lambda: without.hflip(PICTURE[np.newaxis]),
        lambda: without.resize(PICTURE, (3, 3)),
        lambda: without.resize(PICTURE / 255, (3, 3), interpolation="bicubic"),
    ):
        with pytest.raises(NotOffered):
            call()


def test_torch_offers_no_transform_without_torchvision(monkeypatch):
    monkeypatch.setattr(torchvision_transforms.util, "find_spec", lambda _: None)

    with pytest.raises(NotOffered, match="torchvision's, which is not installed"):
        torchvision_transforms.transformed("hflip", {"img": PICTURE}, np.asarray, np.asarray)


@pytest.mark.parametrize(
    ("call", "rung"),
    [
        ({"size": (2, 3), "interpolation": "nearest"}, "nearest"),
        ({"size": (2, 3)}, "bilinear"),
        ({"size": 2}, "one number as the size"),
        ({"size": 2, "antialias": False}, "without antialias"),
        ({"size": 2, "interpolation": "bicubic"}, "bicubic"),
    ],
)
def test_a_call_is_on_the_rung_of_its_hardest_feature(call, rung):
    assert TRANSFORMS["resize"].rung_of({"img": PICTURE / 255, **call}) == rung
    assert TRANSFORMS["resize"].rung_of({"img": PICTURE, **call}) == "bytes"


def test_what_a_subject_wrote_into_is_noticed_once():
    def black(img):
        img[...] = 0
        return img.copy()

    subject = of(hflip=black)
    picture = PICTURE.copy()

    subject.hflip(picture)

    assert (picture == PICTURE).all()
    assert written_into(subject) == ("img",)
    assert written_into(subject) == ()
