"""What every function of `reference.__all__` promises of its options, its errors and its silence."""

import inspect
import warnings
from collections.abc import Mapping

import numpy as np
import pytest

import reference
from reference import checks, dataloader, training
from reference.random_transforms import pad_image
from reference.windows import windows
from spec_tests.tooling.reference_calls import calls, parameters_of

pytestmark = pytest.mark.tooling

CALLS = list(calls())
IDS = [f"{call.function}-{sum(other.function == call.function for other in CALLS[:n])}" for n, call in enumerate(CALLS)]
KINDS = ["bool_", "int8", "uint8", "int64", "uint64", "float16", "float32", "float64", "longdouble"]
ODD = {
    "float32": [np.inf, -np.inf, np.nan, 3e38, -3e38, 1e-38, -1e-45, 0.0, -0.0, 1.0, 2e19],
    "float64": [np.inf, -np.inf, np.nan, 1e308, -1e308, 1e-308, -5e-324, 0.0, -0.0, 1.0, 1e155],
}
"""Numbers on which arithmetic overflows, underflows or has no result."""
FUNCTIONS_OF = {
    **{name: function for name in reference.__all__ if (function := name.removesuffix("_backward")) != name},
    "batch_norm_statistics": "batch_norm",
}
"""The function that each gradient, and the running statistics, belong to."""


OF_PICTURES = {
    "resize": {"size": (2, 3)},
    "crop": {"top": -1, "left": 1, "height": 2, "width": 3},
    "center_crop": {"output_size": (2, 3)},
    "hflip": {},
    "vflip": {},
}
OF_COLORED_PICTURES = {
    "adjust_brightness": {"brightness_factor": 0.5},
    "adjust_contrast": {"contrast_factor": 0.5},
    "adjust_saturation": {"saturation_factor": 0.5},
    "adjust_hue": {"hue_factor": 0.25},
}


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
@pytest.mark.parametrize("before", [(0,), (0, 1), (1, 0), (0, 3), (2, 0, 1)])
@pytest.mark.parametrize("name", [*OF_PICTURES, *OF_COLORED_PICTURES])
def test_a_transform_of_no_pictures_is_no_pictures(name, before, dtype):
    if name in OF_COLORED_PICTURES:
        before = (*before, 3)
    options = {**OF_PICTURES, **OF_COLORED_PICTURES}[name]

    output = getattr(reference, name)(np.ones((*before, 4, 5), dtype), **options)

    size = (4, 5) if name in ("hflip", "vflip", *OF_COLORED_PICTURES) else (2, 3)
    assert (output.shape, output.dtype) == ((*before, *size), dtype)


# Options that are left out


def defaults_of(function):
    """Return the options of a function that need not be given, each with its default."""
    parameters = inspect.signature(getattr(reference, function)).parameters.values()
    return {p.name: p.default for p in parameters if p.default is not p.empty}


SHARED = [
    (name, option)
    for name, function in FUNCTIONS_OF.items()
    for option in defaults_of(function)
    if option in parameters_of(name)
]
"""The gradients, each with an option that its function has too."""


@pytest.mark.parametrize(("name", "option"), SHARED)
def test_an_option_that_is_left_out_is_in_a_gradient_what_it_is_in_the_function(name, option):
    assert defaults_of(name)[option] == defaults_of(FUNCTIONS_OF[name])[option]


def test_without_momentum_a_tenth_of_the_batch_goes_into_the_running_statistics():
    mean, var = reference.batch_norm_statistics(np.array([[1.0], [3.0]]), np.array([0.0]), np.array([1.0]))

    np.testing.assert_allclose([*mean, *var], [0.2, 1.1], rtol=1e-15)


# Options as numbers of NumPy's


def test_the_calls_of_these_tests_give_every_parameter_of_every_function():
    given = {name: set() for name in reference.__all__}
    for call in CALLS:
        given[call.function] |= call.arguments().keys()

    assert given == {name: set(parameters_of(name)) for name in reference.__all__}


@pytest.mark.slow
@pytest.mark.parametrize("call", CALLS, ids=IDS)
def test_a_numpy_number_as_an_option_gives_what_the_python_number_gives(call):
    expected = described(call(call.arguments()))

    for kind in KINDS:
        given = {name: as_numpy(value, getattr(np, kind)) for name, value in call.arguments().items()}
        assert described(call(given)) == expected, kind


def as_numpy(value, kind):
    """Return a value with every number in it that this type of NumPy's holds exactly as one of this type."""
    match value:
        case bool():
            return kind(value) if kind is np.bool_ else value
        case int() | float():
            return kind(value) if kind is not np.bool_ and holds(kind, value) else value
        case tuple() | list():
            return type(value)(as_numpy(part, kind) for part in value)
        case Mapping() if "step" in value:
            return {**value, "step": as_numpy(value["step"], kind)}
    return value


def holds(kind, number):
    """Tell whether a type of NumPy's holds a number, whole ones only if it was written as one."""
    if issubclass(kind, np.integer):
        return isinstance(number, int) and np.iinfo(kind).min <= number <= np.iinfo(kind).max
    return isinstance(number, float) and float(kind(number)) == number


def described(result):
    """Return a result in a form in which types, dtypes, shapes and bytes are compared."""
    match result:
        case np.ndarray() | np.generic():
            return type(result), result.dtype, result.shape, np.ascontiguousarray(result).tobytes()
        case tuple() | list():
            return type(result), [described(part) for part in result]
        case Mapping():
            return {name: described(part) for name, part in result.items()}
        case _ if callable(result):
            return type(result)
    return type(result), result


def test_a_whole_numpy_number_is_as_good_as_a_python_one_where_any_number_is():
    weights = np.array([1.0, 2.0], np.float32)

    after, _ = reference.sgd(weights, weights, {}, lr=np.int64(1), weight_decay=np.uint8(200))

    assert (after.dtype, after.tolist()) == (np.float32, [-200.0, -400.0])


def test_batches_are_counted_with_numpy_numbers_as_with_python_ones():
    assert dataloader.batches(np.uint8(255), np.uint8(200)) == dataloader.batches(255, 200)
    assert dataloader.number_of_batches(np.uint8(255), np.uint8(200)) == 2
    assert len(list(training.batches(np.uint8(255), np.uint8(20), np.uint8(1), np.uint8(0)))) == 12


# Silence


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("call", CALLS, ids=IDS)
def test_no_function_warns_about_or_stumbles_over_infinite_or_overflowing_numbers(call, dtype):
    ordinary = described_form(call(call.arguments(dtype)))

    for start in range(len(ODD[dtype])):
        given = odd(call.arguments(dtype), ODD[dtype][start:] + ODD[dtype][:start])
        with np.errstate(all="raise"), warnings.catch_warnings(action="error"):
            assert described_form(call(given)) == ordinary


def odd(value, numbers):
    """Return a value with these numbers, over and over, in place of those in its floating point arrays."""
    if isinstance(value, Mapping):
        return {name: odd(part, numbers) for name, part in value.items()}
    if not isinstance(value, np.ndarray) or value.dtype.kind != "f":
        return value
    return np.resize(np.array(numbers, value.dtype), value.shape)


def described_form(result):
    """Return the types, dtypes and shapes of a result."""
    match result:
        case np.ndarray() | np.generic():
            return type(result), result.dtype, result.shape
        case tuple() | list():
            return [described_form(part) for part in result]
        case Mapping():
            return {name: described_form(part) for name, part in result.items()}
    return type(result)


# Errors and sizes


@pytest.mark.parametrize("wanted", ["int8", "float16", "no such"])
def test_initial_parameters_are_of_float32_or_float64(wanted):
    with pytest.raises(TypeError, match=r"^dtype must be float32 or float64, got "):
        reference.initial_parameters(np.random.default_rng(0), wanted)
    with pytest.raises(TypeError, match=r"^rng must be a generator "):
        reference.initial_parameters(None)


@pytest.mark.parametrize("number", [10**400, 2**63, -(2**63) - 1, 10**5000], ids=range(4))
def test_a_number_of_more_than_64_bits_is_refused_in_one_short_line(number):
    image = np.zeros((1, 2, 2))
    for call in (
        lambda: reference.max_pool2d(image, number),
        lambda: reference.crop(image, number, 0, 1, 1),
        lambda: reference.pad(image, (0, number)),
        lambda: reference.softmax(image, dim=number),
    ):
        with pytest.raises(ValueError, match="must be a 64-bit integer, got ") as refusal:
            call()
        assert len(str(refusal.value)) < 200


def test_a_number_beyond_float64_is_refused():
    with pytest.raises(ValueError, match=r"^lr must be a number of at most float64's range"):
        reference.sgd(np.ones(1), np.ones(1), {}, lr=10**400)


NUMBERS = [
    ("uint8", 0),
    ("uint8", 255),
    ("int8", -128),
    ("int64", -(2**63)),
    ("int64", 2**63 - 1),
    ("int64", 2**53 + 1),
]


@pytest.mark.parametrize(("kind", "value"), NUMBERS)
def test_whole_numbers_are_padded_with_any_that_their_format_holds_digit_by_digit(kind, value):
    assert reference.pad(np.ones((1, 1), kind), (1, 1), value=value).tolist() == [[value, 1, value]]


@pytest.mark.parametrize("sign", [-1, 1])
@pytest.mark.parametrize("kind", ["float32", "float64"])
def test_numbers_are_padded_with_the_largest_of_their_format(kind, sign):
    largest = sign * float(np.finfo(kind).max)

    assert reference.pad(np.ones((1, 1), kind), (1, 1), value=largest).tolist() == [[largest, 1, largest]]


def test_the_class_of_a_single_sample_may_be_a_byte():
    scores = np.ones(3, "float32")

    assert reference.cross_entropy(scores, np.array(1, np.uint8)) == reference.cross_entropy(scores, np.array(1))


@pytest.mark.parametrize("shape", [(3, 0, 2), (3, 2, 0)])
def test_an_empty_picture_has_no_colors_and_no_new_size(shape):
    for call in (
        lambda image: pad_image(image, 1),
        lambda image: reference.resize(image, 2),
        lambda image: reference.adjust_hue(image, 0.25),
        lambda image: reference.adjust_contrast(image, 0.5),
    ):
        with pytest.raises(ValueError, match=r"^img has shape"):
            call(np.zeros(shape, np.uint8))


@pytest.mark.parametrize("pixels", [np.uint8, np.float32])
def test_a_batch_without_pictures_is_resized_and_padded_to_one_without_pictures(pixels):
    none = np.zeros((0, 3, 2, 4), pixels)

    assert reference.resize(none, (3, 5)).shape == reference.resize(none, (3, 5), "nearest").shape == (0, 3, 3, 5)
    assert pad_image(none, 1).shape == (0, 3, 4, 6)


@pytest.mark.parametrize("pool", [reference.max_pool2d, reference.avg_pool2d])
def test_a_huge_stride_or_window_costs_no_more_than_the_cells_it_reaches(pool):
    image = np.arange(4.0).reshape(1, 2, 2)

    assert pool(image, 2, stride=10**10, ceil_mode=True).shape == (1, 1, 1)
    assert pool(image, 10**10, padding=5 * 10**9).shape == (1, 1, 1)


def test_a_huge_window_finds_the_maximum_among_the_cells_that_it_reaches():
    pooled = reference.max_pool1d(np.array([[1.0, 3.0, 2.0]]), 10**10, stride=1, padding=5 * 10**9)

    assert pooled.tolist() == [[3.0, 3.0, 3.0, 3.0]]  # every window is longer than the whole input


@pytest.mark.parametrize(
    "call",
    [
        lambda image: reference.pad(image, (0, 10**10)),
        lambda image: reference.pad(image, (0, 10**10), "replicate"),
        lambda image: reference.crop(image, 0, 0, 10**10, 10**10),
        lambda image: reference.center_crop(image, 10**10),
        lambda image: reference.resize(image, 10**10),
        lambda image: reference.adaptive_avg_pool2d(image, 10**10),
        lambda image: reference.conv2d(image, np.ones((1, 1, 1, 1)), padding=10**10),
        lambda image: reference.conv2d(image, np.ones((1, 1, 1, 1)), padding=10**10, stride=10**10),
        lambda image: reference.conv2d_weight(image, (10**10, 1, 1, 1), image),
    ],
)
def test_an_array_of_2_to_the_31_elements_or_more_is_refused_before_it_is_made(call):
    with pytest.raises(ValueError, match=r"would have shape .*, expected fewer than 2\^31 elements"):
        call(np.zeros((1, 2, 2)))


IMAGES = np.arange(2 * 3 * 4 * 5.0).reshape(2, 3, 4, 5)


@pytest.mark.parametrize(
    ("operation", "arguments", "most"),
    [
        ("pad", (IMAGES, (1, 0, 2, 4)), 2 * 3 * 10 * 6),
        ("pad", (IMAGES, (0, 2, 1, 0, 0, 1), "replicate"), 2 * 4 * 5 * 7),
        ("pad_image", (IMAGES, (1, 2, 4, 6)), 2 * 3 * 12 * 10),
        ("pad_image", (IMAGES[0], (1, 2, 4, 6)), 3 * 12 * 10),
        ("crop", (IMAGES, 0, 0, 6, 7), 2 * 3 * 6 * 7),
        ("center_crop", (IMAGES, (7, 8)), 2 * 3 * 7 * 8),
        ("resize", (IMAGES, (6, 7)), 2 * 3 * 6 * 7),
        ("resize", (IMAGES[0], (6, 7)), 3 * 6 * 7),
        ("resize", (IMAGES, (6, 2)), 2 * 3 * 6 * 5),
        ("resize", (IMAGES[0, :, :1], (1, 60)), 60 * 5),
        ("resize", (IMAGES[0, :, :, :1], (60, 1)), 60 * 4),
        ("adaptive_avg_pool2d", (IMAGES, (6, 7)), 2 * 3 * 6 * 7),
        ("adaptive_avg_pool2d", (IMAGES[0], (6, 7)), 3 * 6 * 7),
        ("conv2d", (IMAGES, np.ones((16, 3, 2, 1))), 2 * 16 * 3 * 5),
        ("conv2d", (IMAGES, np.ones((1, 3, 2, 3))), 3 * 2 * 3 * 3 * 3),
        ("conv2d_weight", (IMAGES, (6, 3, 4, 5), np.ones((2, 6, 1, 1))), 6 * 3 * 4 * 5),
    ],
)
def test_a_result_is_refused_for_its_size_and_for_no_other(operation, arguments, most, monkeypatch):
    function = pad_image if operation == "pad_image" else getattr(reference, operation)

    monkeypatch.setattr(checks, "MOST_ELEMENTS", most + 1)
    function(*arguments)
    monkeypatch.setattr(checks, "MOST_ELEMENTS", most)
    with pytest.raises(ValueError, match=r"would have shape .*, expected fewer than 2\^31 elements"):
        function(*arguments)


def test_an_argument_is_refused_for_its_size_and_for_no_other(monkeypatch):
    monkeypatch.setattr(checks, "MOST_ELEMENTS", IMAGES.size + 1)
    reference.relu(IMAGES)
    for most in (IMAGES.size, IMAGES.size - 1):
        monkeypatch.setattr(checks, "MOST_ELEMENTS", most)
        with pytest.raises(ValueError, match=r"input has shape \(2, 3, 4, 5\), expected fewer than 2\^31 elements"):
            reference.relu(IMAGES)


# Dtypes and memory


def test_windows_of_an_array_cannot_be_written_to_unless_that_is_asked_for():
    view = windows(np.zeros((1, 4)), (2,), (1,), (1,))

    assert not view.flags.writeable
    assert windows(np.zeros((1, 4)), (2,), (1,), (1,), writeable=True).flags.writeable


@pytest.mark.parametrize(
    "call", [call for call in CALLS if call.function.endswith("_backward")], ids=lambda c: c.function
)
def test_no_gradient_of_a_reference_lies_in_the_memory_of_an_argument(call):
    given = call.arguments()
    results, arguments = arrays_in(call(given)), arrays_in(given)

    assert results
    assert not any(np.shares_memory(result, argument) for result in results for argument in arguments)


def arrays_in(value):
    """Return all arrays in a value."""
    if isinstance(value, Mapping):
        value = tuple(value.values())
    if isinstance(value, tuple | list):
        return [array for part in value for array in arrays_in(part)]
    return [value] if isinstance(value, np.ndarray) else []


@pytest.mark.parametrize("loss", ["l1_loss", "mse_loss"])
def test_each_gradient_of_a_loss_has_the_dtype_of_its_own_argument(loss):
    input, target = np.array([1.0, 2.0], np.float32), np.array([3.0, 5.0], np.float64)
    backward = getattr(reference, f"{loss}_backward")

    grads = backward(np.array(1.0), input, target, weight=np.array([1.0, 2.0], np.float32))

    assert [grad.dtype.name for grad in grads] == ["float32", "float64", "float32"]


def test_a_sum_of_bytes_is_computed_in_64_bits():
    total = reference.l1_loss(np.array([200, 200], np.uint8), np.array([0, 0], np.uint8), reduction="sum")

    assert (total.dtype, total) == (np.int64, 400)


def test_a_weight_of_one_axis_takes_no_bias_even_if_their_shapes_agree():
    numbers = np.array([1.0, 2.0])

    with pytest.raises(ValueError, match=r"^bias has shape \(2,\), but a weight of one axis takes no bias"):
        reference.linear(numbers, numbers, numbers)


@pytest.mark.parametrize(("value", "filled"), [(0.5, 0), (2.0, 2), (2.9, 2), (-2.9, -2), (np.float32(1.5), 1)])
def test_padding_of_whole_numbers_drops_the_fraction(value, filled):
    assert reference.pad(np.array([[1, 3]]), (1, 0), value=value).tolist() == [[filled, 1, 3]]
