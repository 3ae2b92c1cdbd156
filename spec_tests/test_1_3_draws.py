"""1.3 What random transforms draw: every number by itself, uniformly, and from torch's generator alone.

The seeds are fixed, and a correct implementation would fail a test at no more than `FALSE_ALARM_RATE` of all seeds.
"""

import random
from collections import Counter
from functools import cache, partial
from itertools import combinations, permutations

import numpy as np
import pytest

from reference import random_transforms
from reference.color import ADJUSTMENTS
from spec_tests.vocabulary.compare import assert_equal
from spec_tests.vocabulary.image_paths import (
    REFERENCES,
    any_bytes,
    each_path,
    frequency_tolerance,
    reseed,
    through_torchvision,
)
from spec_tests.vocabulary.torch_when_needed import torch

PICTURE = any_bytes(np.random.default_rng(0), (3, 6, 5))
AMOUNTS = {"brightness": 0.5, "contrast": (0.25, 2), "saturation": 1.5, "hue": 0.25}
RANGES = {"brightness": (0.5, 1.5), "contrast": (0.25, 2), "saturation": (0, 2.5), "hue": (-0.25, 0.25)}
DRAWS = 1000


def jitters(path, times, seed=0, **amounts):
    """Return what ColorJitter draws, this many times: the order, and the factor of each adjustment that has one."""
    if path is REFERENCES:
        draw = partial(random_transforms.jitter_parameters, **amounts, generator=np.random.default_rng(seed))
        return [
            (order, {name.removesuffix("_factor"): f for name, f in factors.items()})
            for order, factors in (draw() for _ in range(times))
        ]
    jitter, img = path.module.ColorJitter(**amounts), path.wrap(PICTURE)
    reseed(seed)
    drawn = []
    for _ in range(times):
        if path.version == "v1":
            order, *factors = jitter.get_params(jitter.brightness, jitter.contrast, jitter.saturation, jitter.hue)
        else:
            order, *factors = jitter.make_params([img]).values()
        by_name = zip(ADJUSTMENTS, factors, strict=True)
        drawn.append(([ADJUSTMENTS[n] for n in order], {name: f for name, f in by_name if f is not None}))
    return drawn


@cache
def drawn_by(path):
    """Return one draw more than is counted, for several tests."""
    return jitters(path, DRAWS + 1, **AMOUNTS)


def above_the_middle(drawn):
    """Return for each adjustment which of its factors lie in the upper half of their range."""
    return {name: np.array([factors[name] > sum(RANGES[name]) / 2 for _, factors in drawn]) for name in ADJUSTMENTS}


def assert_independent(pairs):
    """Require of each pair of coins, thrown many times, that its four outcomes are equally frequent."""
    tolerance = frequency_tolerance(DRAWS, 4 * len(pairs))
    for name, (one, other) in pairs.items():
        outcomes = Counter(zip(one.tolist(), other.tolist(), strict=True))
        frequencies = [outcomes[first, second] / DRAWS for first in (False, True) for second in (False, True)]
        assert max(abs(frequency - 1 / 4) for frequency in frequencies) < tolerance, f"{name}: {frequencies}"


# ColorJitter


@each_path
@pytest.mark.parametrize("name", ["brightness", "contrast", "saturation"])
def test_an_amount_of_more_than_1_draws_factors_from_0_on(path, name):
    factors = [drawn[name] for _, drawn in jitters(path, 100, **{name: 1.5})]

    assert 0 <= min(factors) < 0.5
    assert 2 < max(factors) <= 2.5


@each_path
@pytest.mark.parametrize("limits", [(0.5, 1), (1, 1.5), (1.25, 1.5)], ids=str)
def test_a_range_of_factors_is_drawn_from_wherever_it_lies(path, limits):
    factors = [drawn["contrast"] for _, drawn in jitters(path, 20, contrast=limits)]

    assert limits[0] <= min(factors) < max(factors) <= limits[1]


@each_path
@pytest.mark.parametrize("hue", [0.5, (-0.5, 0.5), (0.25, 0.5)], ids=str)
def test_a_hue_is_shifted_by_half_a_circle_at_most(path, hue):
    low, high = hue if isinstance(hue, tuple) else (-hue, hue)

    shifts = [drawn["hue"] for _, drawn in jitters(path, 20, hue=hue)]

    assert low <= min(shifts) < max(shifts) <= high
    with pytest.raises(ValueError, match="hue"):
        jitters(path, 1, hue=(low, high + 2**-10))


@pytest.mark.claim("1.3.m")
@each_path
def test_every_factor_is_drawn_by_itself(path):
    upper = above_the_middle(drawn_by(path)[:DRAWS])

    assert_independent({(one, two): (upper[one], upper[two]) for one, two in combinations(ADJUSTMENTS, 2)})


@pytest.mark.claim("1.3.m")
@each_path
def test_no_factor_depends_on_the_place_of_its_adjustment_or_of_another(path):
    drawn = drawn_by(path)[:DRAWS]
    upper = above_the_middle(drawn)
    early = {name: np.array([order.index(name) < 2 for order, _ in drawn]) for name in ADJUSTMENTS}

    assert_independent({(one, two): (upper[one], early[two]) for one in ADJUSTMENTS for two in ADJUSTMENTS})


@pytest.mark.claim("1.3.m")
@each_path
def test_no_draw_depends_on_the_one_before_it(path):
    drawn = drawn_by(path)
    upper = above_the_middle(drawn)
    early = np.array([order.index("hue") < 2 for order, _ in drawn])

    pairs = {name: (coins[:-1], coins[1:]) for name, coins in upper.items()}
    assert_independent({**pairs, "order": (early[:-1], early[1:])})


@pytest.mark.claim("1.3.m")
@each_path
def test_each_factor_fills_its_range_evenly_and_each_order_comes_up(path):
    drawn = drawn_by(path)[:DRAWS]

    for name, (low, high) in RANGES.items():
        positions = np.sort([(factors[name] - low) / (high - low) for _, factors in drawn])
        assert 0 <= positions[0] <= positions[-1] <= 1
        assert abs(positions - np.arange(DRAWS) / DRAWS).max() < frequency_tolerance(DRAWS, 4)
    orders = {tuple(order) for order, _ in drawn}
    assert orders == set(permutations(ADJUSTMENTS))  # one is missing at < 24·(23/24)¹⁰⁰⁰ ≈ 10⁻¹⁷ of all seeds


@pytest.mark.claim("1.3.m")
@each_path
@pytest.mark.parametrize("name", ADJUSTMENTS)
def test_an_adjustment_alone_draws_no_factor_for_the_others(path, name):
    for order, factors in jitters(path, 20, **{name: 0.25}):
        assert sorted(order) == sorted(ADJUSTMENTS)
        assert [*factors] == [name]


@pytest.mark.claim("1.3.m")
@through_torchvision
@pytest.mark.parametrize("name", ADJUSTMENTS)
def test_a_jitter_of_one_adjustment_makes_that_one_alone(path, name):
    (_, factors), *_ = jitters(path, 1, seed=3, **{name: 0.25})

    reseed(3)
    output = path.through(path.module.ColorJitter(**{name: 0.25}))(PICTURE)

    assert_equal(output, getattr(path, f"adjust_{name}")(PICTURE, factors[name]))


@pytest.mark.parametrize(
    ("message", "amounts"),
    [
        ("brightness must be at least 0, got -0.1", {"brightness": -0.1}),
        ("contrast must be a range within 0.0 to inf", {"contrast": (-0.1, 1)}),
        ("saturation must be a range within 0.0 to inf", {"saturation": (2, 1)}),
        ("hue must be a range within -0.5 to 0.5, got 0.6", {"hue": 0.6}),
        ("hue must be a number or two", {"hue": (0, 0.1, 0.2)}),
        ("brightness must be a number or two", {"brightness": (1,)}),
        ("hue must be a number, got '0.1'", {"hue": "0.1"}),
    ],
)
def test_the_reference_refuses_to_draw_from_these_ranges(message, amounts):
    with pytest.raises((ValueError, TypeError), match=message):
        jitters(REFERENCES, 1, **amounts)


def test_the_reference_draws_from_a_generator_of_numpy_only():
    for call in (random_transforms.jitter_parameters, partial(random_transforms.random_crop, PICTURE, 3)):
        with pytest.raises(TypeError, match=r"generator must be like numpy.random.default_rng\(seed\), got 5"):
            call(generator=5)


# The generator

RANDOM = {
    "RandomCrop": {"size": 3},
    "RandomHorizontalFlip": {},
    "RandomVerticalFlip": {},
    "ColorJitter": AMOUNTS,
}


@through_torchvision
@pytest.mark.parametrize("name", RANDOM)
def test_random_transforms_follow_torchs_seed_and_neither_pythons_nor_numpys(path, name):
    transform = path.through(getattr(path.module, name)(**RANDOM[name]))
    states = random.getstate(), np.random.get_state()  # noqa: NPY002
    try:
        drawn = []
        for other in (1, 2):
            reseed(7)
            random.seed(other)
            np.random.seed(other)  # noqa: NPY002  # what NumPy's global generator does is the question
            drawn.append(np.stack([transform(PICTURE) for _ in range(10)]))
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])  # noqa: NPY002

    assert_equal(*drawn)


@through_torchvision
@pytest.mark.parametrize("name", RANDOM)
def test_a_random_transform_leaves_torchs_generator_where_its_draws_end(path, name):
    transform = path.through(getattr(path.module, name)(**RANDOM[name]))

    reseed(7)
    transform(PICTURE)
    state = torch.random.get_rng_state()
    second = transform(PICTURE)
    torch.random.set_rng_state(state)

    assert_equal(transform(PICTURE), second)


@through_torchvision
def test_flips_of_both_kinds_are_drawn_by_themselves(path):
    numbered = np.arange(1, 5, dtype=np.uint8).reshape(1, 2, 2)
    flips = path.module.Compose([path.module.RandomHorizontalFlip(), path.module.RandomVerticalFlip()])
    transform = path.through(flips)
    reseed(0)

    corners = [int(transform(numbered)[0, 0, 0]) for _ in range(DRAWS)]

    left_right = np.array([corner in (2, 4) for corner in corners])
    assert_independent({"flips": (left_right, np.array([corner in (3, 4) for corner in corners]))})
