"""The figures for the reader's hands: what they compute is the references', and what they show is what they compute."""

import re
import shutil
from contextlib import contextmanager

import numpy as np
import pytest

import reference
from spec_tests import worked_examples
from spec_tests.report import hands
from spec_tests.report.hands import __main__ as command
from spec_tests.report.hands.picture import picture
from spec_tests.tooling import javascript
from spec_tests.tooling.hands import DRAWS, WITHIN

pytest.importorskip("latex2mathml", reason='the report needs latex2mathml: pip install "torch-by-hand[report]"')

pytestmark = [pytest.mark.tooling, pytest.mark.slow]

CASES = 1000
"""Drawn for every function."""
SEED = 20_26
LARGEST = 70_000  # bytes that the figures add to a page

DEFECTS = (
    ("productsOf", "tapRow * dilation, column", "tapRow, column"),
    ("convolvedSize", "2 * padding - dilation * (kernel - 1) - 1", "2 * padding - kernel"),
    ("convolved", "input[0].length, kernel[0].length", "input.length, kernel.length"),
    ("pooledSize", "(places - 1) * stride >= size + padding ? places - 1 : places", "places"),
    ("winners", "cell.value > leader.value", "cell.value >= leader.value"),
    ("maxPooled", " || Number.isNaN(cell.value)", ""),
    ("maxPooledGradient", "+= gradOutput[r][c]", "= gradOutput[r][c]"),
    ("activations.sigmoid", "x < 0 ? small : 1", "1"),
    ("activationGradients.relu", "x <= 0 ? 0", "x < 0 ? 0"),
    ("activationGradients.tanh", "1 - activations.tanh(x) ** 2", "1 - activations.tanh(x)"),
    ("softmax", "Math.exp(score - largest)", "Math.exp(score)"),
    ("logSoftmax", "shifted.map((score) => score - total)", "shifted.map((score) => Math.fround(score - total))"),
    ("meanCrossEntropyGradient", ") / samples.length)", "))"),
    ("steps.sgd", "momentum * old[i] + g", "momentum * old[i] + (1 - momentum) * g"),
    ("steps.adam", "/ second + eps", "/ second"),
    ("path", "bowlGradient(bowl, param), state", "bowlGradient(bowl, param), {}"),
    ("largestRate", "1 + momentum", "1"),
    ("normalized", "(pixel - means[c]) / deviations[c]", "pixel / deviations[c] - means[c]"),
    ("resizeWeights", "antialias ? -0.5 : -0.75", "-0.5"),
    ("resized", "(i + 0.5) * old) / wanted", "i * (old - 1)) / Math.max(wanted - 1, 1) + 0.5"),
    ("resizedSize", "height <= width", "true"),
)
"""A function, and what is planted in place of what; its own check has to notice."""

ENOUGH = 200
"""Of the drawn cases, so many have to notice a planted defect."""


def drawn(name):
    """Return the drawn calls of a function, each with its check."""
    rng = np.random.default_rng([SEED, *name.encode()])
    return [DRAWS[name](rng) for _ in range(CASES)]


@pytest.fixture(scope="module")
def cases():
    """The drawn calls of every function."""
    return {name: drawn(name) for name in DRAWS}


@pytest.fixture(scope="module", params=javascript.ENGINES)
def answers(request, cases, tmp_path_factory):
    """What the page's functions answer to the drawn calls, all computed in one process of an engine."""
    if shutil.which(request.param) is None:
        pytest.skip(f"there is no {request.param} here: apt-get install {javascript.ENGINES[request.param]}")
    calls = [(name, arguments) for name, of in cases.items() for arguments, _ in of]
    found = iter(javascript.answers(hands.mathematics(), calls, request.param, tmp_path_factory.mktemp("calls")))
    return {name: [next(found) for _ in of] for name, of in cases.items()}


@pytest.mark.parametrize("name", DRAWS)
def test_the_page_computes_what_the_references_do(name, cases, answers):
    for (_, check), answer in zip(cases[name], answers[name], strict=True):
        check(answer)


@pytest.mark.parametrize(("name", "right", "wrong"), DEFECTS, ids=[name for name, *_ in DEFECTS])
def test_a_defect_planted_in_the_pages_mathematics_is_noticed(name, right, wrong, cases, tmp_path):
    engine = next(filter(shutil.which, javascript.ENGINES), None)
    if engine is None:
        pytest.skip("there is neither node nor chromium here: apt-get install nodejs")
    source, some = hands.mathematics(), cases[name][:ENOUGH]
    assert right in source

    calls = [(name, arguments) for arguments, _ in some]
    found = javascript.answers(source.replace(right, wrong), calls, engine, tmp_path)

    assert not all(holds(check, answer) for (_, check), answer in zip(some, found, strict=True))


def holds(check, answer):
    """Tell whether an answer passes its check."""
    try:
        check(answer)
    except AssertionError:
        return False
    return True


def test_every_function_of_the_pages_mathematics_is_held_to_the_references():
    source = hands.mathematics()
    functions = set(re.findall(r"^function (\w+)", source, re.M))
    groups = re.findall(r"^const (\w+) = \{\n(.*?)^\};", source, re.M | re.S)
    members = {f"{group}.{name}" for group, body in groups for name in re.findall(r"^  (\w+)(?:\(|: \()", body, re.M)}

    assert functions | members == {*DRAWS, *WITHIN}
    assert {*WITHIN.values()} <= {*DRAWS}


# The page


@pytest.fixture(scope="module")
def browser():
    """Chromium, headless."""
    executable = shutil.which("chromium")
    if executable is None:
        pytest.skip("there is no chromium here: apt-get install chromium")
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: pip install playwright")
    options = ["--disable-gpu", "--disable-dev-shm-usage", "--no-proxy-server"]
    with api.sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=executable, args=options)
        yield running
        running.close()


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """The figures' own page, as the command writes it."""
    path = tmp_path_factory.mktemp("hands") / "hands.html"
    command.main([str(path)])
    return path


@pytest.fixture
def opened(browser, file):
    """A function that opens the page and fails the test if the page logs an error or requests anything else."""

    @contextmanager
    def open_page(**options):
        complaints, requests = [], []
        context = browser.new_context(**{"locale": "en-US", **options})
        context.set_default_timeout(10_000)
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: requests.append(request.url))
        try:
            page.goto(file.as_uri())
            yield page
        finally:
            context.close()
        assert (complaints, {*requests}) == ([], {file.as_uri()})

    return open_page


def figure(page, name):
    """Return a figure of the page."""
    return page.locator(f"#hands-{name}")


def said(place):
    """Return what a figure says of its result."""
    return place.locator('[data-part="result"]').inner_text()


def numbers(place, part, columns):
    """Return the numbers of a grid."""
    cells = place.locator(f'[data-part="{part}"] > *').all_inner_texts()
    return np.array([float(cell.replace("−", "-")) for cell in cells]).reshape(-1, columns)


def slide(place, name, to):
    """Move a slider as the keyboard does."""
    slider = place.get_by_role("slider", name=name, exact=True)
    while (at := int(slider.input_value())) != to:
        slider.press("ArrowRight" if at < to else "ArrowLeft")


def test_the_figures_are_small():
    html = "".join(hands.widgets(section) for section in {*hands.FIGURES.values()})
    assert len(f"{hands.script()}{hands.style()}{html}".encode()) < LARGEST


def test_a_section_without_figures_has_an_empty_text():
    assert (hands.widgets("2.4"), hands.widgets("2.1") == "") == ("", False)


def test_without_scripts_no_figure_shows(opened):
    with opened(java_script_enabled=False) as page:
        assert page.locator(".hands").count() == len(hands.FIGURES)
        assert page.locator(".hands:visible").count() == 0


def test_with_scripts_every_figure_shows_and_says_its_result_in_one_language(opened):
    with opened() as page:
        assert page.locator(".hands:visible").count() == len(hands.FIGURES)
        assert all(page.locator(".hands [role=status]").all_inner_texts())
        page.get_by_role("button", name="中文").click()

        assert page.locator(".hands .en:visible").count() == 0
        labels = page.locator(".hands [aria-label]").evaluate_all("all => all.map(it => it.ariaLabel)")
        assert labels and all(re.search(r"[\u4e00-\u9fff]", label) for label in labels)
        assert said(figure(page, "convolution")).startswith("第 1 个窗口，共 9 个")


def test_every_control_has_a_name_and_every_one_can_be_focused(opened):
    with opened() as page:
        controls = page.locator(".hands :is(input, button)")
        unnamed = "all => all.filter(it => !it.ariaLabel && !(it.labels?.length) && !it.textContent.trim()).length"
        assert controls.evaluate_all(unnamed) == 0
        assert controls.evaluate_all(
            "all => all.every(it => it.disabled || (it.focus(), document.activeElement === it))"
        )


def test_a_grid_is_one_tab_stop_in_which_the_arrow_keys_move(opened):
    with opened() as page:
        stops = page.locator(".hands-grid").evaluate_all(
            "all => all.map(it => [...it.querySelectorAll('input, button')].filter(each => each.tabIndex === 0).length)"
        )
        assert set(stops) == {0, 1}

        place = figure(page, "convolution")
        field = place.get_by_label("input, row 1, column 1")
        field.focus()
        for key in ("ArrowRight", "ArrowDown", "ArrowDown", "ArrowLeft", "ArrowLeft"):
            page.keyboard.press(key)
        assert page.evaluate("document.activeElement.ariaLabel") == "input, row 3, column 1"
        assert field.input_value() == "1"  # an arrow does not count up or down

        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.ariaLabel") == "kernel, row 1, column 1"
        page.keyboard.press("Shift+Tab")
        assert page.evaluate("document.activeElement.ariaLabel") == "input, row 3, column 1"


def test_the_chosen_window_is_the_tab_stop_of_its_grid(opened):
    with opened() as page:
        place = figure(page, "convolution")
        place.get_by_role("button", name="Next window").click()

        stop = place.locator('[data-part="output"] > [tabindex="0"]')
        assert stop.evaluate_all("all => all.map(it => it.ariaCurrent)") == ["true"]


def test_the_convolution_begins_with_the_worked_example(opened):
    with opened() as page:
        place = figure(page, "convolution")
        expected = reference.conv2d(worked_examples.MAP[None, None], worked_examples.KERNEL[None, None])[0, 0]

        assert numbers(place, "output", 3).tolist() == expected.tolist()
        assert said(place).endswith("1·1 + 2·0 + 3·(−1) + 4·1 + 5·0 + 6·(−1) + 7·1 + 8·0 + 9·(−1) = −6")


def test_stepping_goes_from_window_to_window_and_around(opened):
    with opened() as page:
        place = figure(page, "convolution")
        place.get_by_role("button", name="Next window").click()
        assert said(place).startswith("Window 2 of 9 (row 1, column 2): ") and said(place).endswith(" = 12")

        place.get_by_role("button", name="Previous window").press("Enter")
        place.get_by_role("button", name="Previous window").press("Enter")
        assert said(place).startswith("Window 9 of 9 (row 3, column 3): ")

        place.get_by_role("button", name="window, row 2, column 1").press("Enter")
        assert said(place).startswith("Window 4 of 9 (row 2, column 1): ")
        assert page.evaluate("document.activeElement.ariaLabel") == "window, row 2, column 1: −6"


def test_an_edited_number_changes_the_output_and_the_sum(opened):
    with opened() as page:
        place = figure(page, "convolution")
        place.get_by_label("input, row 1, column 1").fill("10")
        place.get_by_label("kernel, row 1, column 2").fill("0.5")
        changed, kernel = worked_examples.MAP.copy(), worked_examples.KERNEL.copy()
        changed[0, 0], kernel[0, 1] = 10, 0.5

        expected = reference.conv2d(changed[None, None], kernel[None, None])[0, 0]
        assert numbers(place, "output", 3).tolist() == expected.tolist()
        assert said(place).endswith(f" = {expected[0, 0]:g}")

        place.get_by_label("input, row 1, column 1").fill("")
        assert place.get_by_label("input, row 1, column 1").get_attribute("aria-invalid") == "true"
        assert numbers(place, "output", 3).tolist() == expected.tolist()


def test_the_output_follows_the_options_and_so_does_its_size(opened):
    with opened() as page:
        place = figure(page, "convolution")
        for name, to in (("Padding", 2), ("Stride", 2), ("Dilation", 2)):
            slide(place, name, to)

        arrays = worked_examples.MAP[None, None], worked_examples.KERNEL[None, None]
        expected = reference.conv2d(*arrays, stride=2, padding=2, dilation=2)[0, 0]
        assert numbers(place, "output", 3).tolist() == expected.tolist()
        assert "⌊(5 + 2·2 − 2·(3 − 1) − 1) / 2⌋ + 1 = 3" in place.inner_text()

        place.get_by_role("button", name="The worked example").click()
        assert said(place).endswith(" = −6")


def test_a_map_that_shrinks_and_grows_again_is_what_it_was(opened):
    with opened() as page:
        place = figure(page, "convolution")
        place.get_by_label("input, row 5, column 4").fill("42")
        place.get_by_label("kernel, row 3, column 1").fill("7")
        for size, kernel in ((3, 1), (8, 4), (5, 3)):
            slide(place, "Kernel size", kernel)
            slide(place, "Input size", size)

        changed, kernel = worked_examples.MAP.copy(), worked_examples.KERNEL.copy()
        changed[4, 3], kernel[2, 0] = 42, 7
        fields = place.get_by_role("spinbutton").evaluate_all("all => all.map(it => it.valueAsNumber)")
        assert fields == [*changed.ravel(), *kernel.ravel()]

        place.get_by_role("button", name="The worked example").click()
        assert place.get_by_label("input, row 5, column 4").input_value() == "0"


def test_a_kernel_that_does_not_fit_is_told_and_has_no_output(opened):
    with opened() as page:
        place = figure(page, "convolution")
        slide(place, "Dilation", 3)

        assert "The kernel spans 7 cells and does not fit into 5" in place.inner_text()
        assert place.locator('[data-part="output"] > *').count() == 0
        assert place.get_by_role("button", name="Next window").is_disabled()


def test_the_pooling_shows_the_winners_and_where_the_gradient_goes(opened):
    with opened() as page:
        place = figure(page, "pooling")
        slide(place, "Stride", 2)
        slide(place, "Padding", 1)
        place.get_by_role("checkbox", name="ceil_mode").check()
        options = {"kernel_size": 3, "stride": 2, "padding": 1, "ceil_mode": True}

        output = reference.max_pool2d(worked_examples.POOLED_MAP, **options)
        gradient = reference.max_pool2d_backward(np.ones_like(output), worked_examples.POOLED_MAP, **options)
        assert numbers(place, "output", output.shape[2]).tolist() == output[0].tolist()
        assert numbers(place, "gradient", 5).tolist() == gradient[0].tolist()


def test_of_a_tie_the_first_takes_all_of_the_gradient(opened):
    with opened() as page:
        place = figure(page, "pooling")
        place.get_by_role("button", name="An example with ties").click()
        place.get_by_role("button", name="window, row 1, column 3").click()

        assert "the largest of 1, 1, 1, 1 is 1, at row 1, column 3" in said(place)
        assert "4 cells have it; the first of them, row by row, takes all" in said(place)
        fields = place.get_by_role("spinbutton").evaluate_all("all => all.map(it => it.valueAsNumber)")
        expected = reference.max_pool2d_backward(np.ones((1, 4, 4)), np.reshape(fields, (1, 5, 5)).astype(float), 2, 1)
        assert numbers(place, "gradient", 5).tolist() == expected[0].tolist()


def test_a_padding_over_half_of_the_window_is_refused(opened):
    with opened() as page:
        place = figure(page, "pooling")
        slide(place, "Padding", 2)

        assert "The padding, 2, must be at most half of the kernel, 3." in place.inner_text()
        assert place.locator('[data-part="output"] > *').count() == 0


def test_the_point_on_a_curve_moves_by_keyboard_and_by_mouse(opened):
    with opened() as page:
        place = figure(page, "activation")
        slider = place.get_by_role("slider", name="x", exact=True)
        slider.fill("0")
        assert "at x = 0 is 0. The gradient is 0: at the kink" in said(place)

        place.get_by_role("radio", name="sigmoid").check()
        assert "at x = 0 is 0.5. The gradient is s·(1 − s) = 0.5·0.5 = 0.25." in said(place)

        place.get_by_role("radio", name="tanh").check()
        place.locator("svg").scroll_into_view_if_needed()
        box = place.locator("svg").bounding_box()
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        page.mouse.down()
        page.mouse.move(box["x"] + box["width"] * 7 / 12, box["y"] + box["height"] / 2)
        page.mouse.up()
        assert float(slider.input_value()) == pytest.approx(1, abs=0.05)  # half a step of the slider, and a pixel
        x = np.array([float(slider.input_value())])
        assert f"is {reference.tanh(x).item():.4g}." in said(place)
        assert f"= {reference.tanh_backward(np.ones(1), x).item():.4g}." in said(place)


def test_the_cross_entropy_begins_with_the_documents_models(opened):
    with opened() as page:
        place = figure(page, "cross_entropy")
        for button, model in (("Model 1", worked_examples.MODEL_1), ("Model 2", worked_examples.MODEL_2)):
            place.get_by_role("button", name=button).click()

            loss = reference.cross_entropy(np.log(model), worked_examples.TRUTH).item()
            assert said(place).endswith(f"= {loss:.4g}")
            shares = place.locator('[data-part="share"]').all_inner_texts()
            assert shares == [f"p = {share:.3f}" for share in model.ravel()]
            gradient = reference.cross_entropy_backward(np.array(1.0), np.log(model), worked_examples.TRUTH)[0]
            slopes = place.locator('[data-part="slope"]').all_inner_texts()
            assert [float(slope.split()[-1].replace("−", "-")) for slope in slopes] == gradient.ravel().round(
                3
            ).tolist()


def test_a_dragged_score_changes_the_loss(opened):
    with opened() as page:
        place = figure(page, "cross_entropy")
        scores = np.log(worked_examples.MODEL_1)
        scores[0, worked_examples.PIG] = 3
        place.get_by_role("group", name="A picture of a pig").get_by_role("slider", name="pig").fill("3")

        assert said(place).endswith(f"= {reference.cross_entropy(scores, worked_examples.TRUTH).item():.4g}")


def test_scores_are_doubled_exactly_or_not_at_all(opened):
    with opened() as page:
        place = figure(page, "cross_entropy")
        double, limit = place.get_by_role("button", name="twice as large"), place.locator('[data-part="limit"]')
        assert double.is_enabled() and not limit.is_visible()

        double.click()
        scores = 2 * np.log(worked_examples.MODEL_1)
        assert double.is_disabled() and limit.is_visible()  # 4·ln 0.1 is less than −6
        assert said(place).endswith(f"= {reference.cross_entropy(scores, worked_examples.TRUTH).item():.4g}")
        place.get_by_role("slider").evaluate_all("all => all.forEach(it => (it.value = 3))")
        place.get_by_role("slider").first.dispatch_event("input")
        assert double.is_enabled() and not limit.is_visible()


def test_an_optimizer_takes_no_step_before_the_first_or_after_the_last(opened):
    with opened() as page:
        place = figure(page, "optimizers")
        buttons = [place.get_by_role("button", name=name) for name in ("One step back", "One step on")]
        for count, enabled in (("0", [False, True]), ("50", [True, True]), ("100", [True, False])):
            place.get_by_role("slider", name="Steps").fill(count)
            assert [button.is_enabled() for button in buttons] == enabled


def test_the_path_of_an_optimizer_ends_where_the_references_does(opened):
    with opened() as page:
        place = figure(page, "optimizers")
        place.get_by_role("button", name="With momentum").click()
        place.get_by_role("button", name="One step on").press("Enter")
        assert said(place).startswith(
            f"After 31 steps f = {height_after(31, reference.sgd, lr=0.05, momentum=0.8):.3g}"
        )

        place.get_by_role("radio", name="Adam").check()
        assert said(place).startswith(f"After 31 steps f = {height_after(31, reference.adam, lr=0.05):.3g}")
        assert not place.get_by_role("slider", name="Momentum").is_visible()

        place.get_by_role("button", name="A rate that is too large").click()
        assert "It does not converge" in said(place)
        assert said(place).startswith(f"After 31 steps f = {height_after(31, reference.sgd, lr=0.17):.3g}")


def height_after(count, step, **options):
    """Return the height of the figure's bowl after so many steps of an optimizer."""
    param, state = np.array([-4.0, -1.0]), {}
    minimum, steepness = np.array([3.0, 1.0]), np.array([1.0, 12.0])
    for _ in range(count):
        param, state = step(param, steepness * (param - minimum), state, **options)
    return (steepness * (param - minimum) ** 2).sum() / 2


def test_the_normalized_picture_has_the_references_numbers(opened):
    with opened() as page:
        place = figure(page, "normalize")
        place.get_by_role("button", name="mean 0.5, std 0.5").click()

        result = reference.normalize(reference.to_tensor(picture().transpose(1, 2, 0)).astype("float64"), [0.5], [0.5])
        found = [float(n.replace("−", "-")) for n in re.findall(r"−?\d+(?:\.\d+)?", said(place))[:4]]
        assert found == pytest.approx([result.min(), result.max(), result.mean(), result.std()], abs=0.0005 + 1e-6)
        assert painted(place) == np.clip(np.rint(result * 255), 0, 255).tolist()


@pytest.mark.parametrize(("interpolation", "antialias"), [("bilinear", True), ("bicubic", False), ("nearest", False)])
def test_the_resized_picture_has_the_references_pixels(opened, interpolation, antialias):
    with opened() as page:
        place = figure(page, "resize")
        place.get_by_role("radio", name=interpolation).check()
        place.get_by_role("checkbox", name="antialias").set_checked(antialias)

        result = reference.resize(picture() / 255, 14, interpolation, antialias=antialias)
        assert f"36×48 became {result.shape[1]}×{result.shape[2]}" in said(place)
        assert f"{unused(interpolation, antialias)} of the 48 columns count for nothing" in said(place)
        assert painted(place) == np.clip(np.rint(result * 255), 0, 255).tolist()


def unused(interpolation, antialias):
    """Return how many of 48 columns do not matter when they are resized to 18: each alone, on black."""
    return sum(not reference.resize(one[None], (1, 18), interpolation, antialias=antialias).any() for one in np.eye(48))


def painted(place):
    """Return the pixels of a figure's canvas, channel by channel."""
    read = "it => [it.height, it.width, ...it.getContext('2d').getImageData(0, 0, it.width, it.height).data]"
    height, width, *pixels = place.locator('[data-part="canvas"]').evaluate(read)
    return np.array(pixels, float).reshape(height, width, 4)[..., :3].transpose(2, 0, 1).tolist()


def test_on_a_phone_even_the_largest_map_is_no_wider_than_the_screen(opened):
    with opened(viewport={"width": 360, "height": 740}) as page:
        place = figure(page, "convolution")
        for name, to in (("Input size", 8), ("Padding", 3), ("Kernel size", 4)):
            slide(place, name, to)

        assert page.evaluate("document.documentElement.scrollWidth") == 360
