"""The report's figures: they contain the numbers that the references compute, and they fit into any page."""

import re
from collections import Counter
from functools import cache
from math import prod
from xml.etree import ElementTree

import numpy as np
import pytest

import reference
from spec_tests.report.figures import dataloader, figure, networks, optimizers, transforms
from spec_tests.report.figures.all_figures import draw
from spec_tests.report.figures.labels import in_both_languages, in_chinese
from spec_tests.report.figures.paper import number
from spec_tests.vocabulary.claims import SECTIONS
from spec_tests.worked_examples import KERNEL, MAP, MODEL_1, MODEL_2, POOLED_MAP, TRUTH

pytestmark = [pytest.mark.tooling, pytest.mark.slow]

LARGEST = 1_500_000
"""Bytes of all figures together, so that the page opens quickly."""

SHOWN = {"1.3", "1.5", "2.1", "2.1.2", "2.2", "2.3", "2.5", "2.6.2", "2.6.3", "2.6.5", "2.7", "2.8"}
"""The sections with something to see."""


@cache
def drawn():
    """Return the figures by id, drawn once."""
    return {each.id: each for each in draw()}


def test_the_labels_of_figures_are_told_in_chinese_but_for_names():
    labels = {label for id in drawn() for label in map(str.strip, texts(id))}

    assert len(labels) > 100
    assert {label for label in labels if re.search("[a-z]{2,} (?!lr=)[a-z]{2,}|batch$", in_chinese(label))} == set()
    assert in_chinese("hue + 0.5") == "色调 + 0.5"


@pytest.mark.parametrize(
    ("label", "chinese"),
    [
        ("conv2d forward, 32 to 32 at 16x16, batch 64", "conv2d 前向，32 到 32 通道，16×16，批量 64"),
        ("cpu, 1 thread, reference", "cpu, 1 个线程，参考实现"),
        ("floor of cpu, 2 threads, ieee", "下限：cpu, 2 个线程，ieee"),
        ("max_pool2d(input, 3, ceil_mode=True)", "max_pool2d(input, 3, ceil_mode=True)"),
    ],
)
def test_a_label_keeps_its_numbers_and_names_in_chinese(label, chinese):
    assert in_chinese(label) == chinese


def test_a_page_has_a_label_in_both_languages():
    svg = '<svg><text x="1">time of one batch</text><text>relu</text></svg>'

    english, chinese = "time of one batch", "每批的时间"
    both = f'<tspan class="en" lang="en">{english}</tspan><tspan class="zh" lang="zh-Hans">{chinese}</tspan>'
    assert in_both_languages(svg) == f'<svg><text x="1">{both}</text><text>relu</text></svg>'


@cache
def tree(id):
    """Return a figure as an XML element."""
    return ElementTree.fromstring(drawn()[id].svg)


def texts(id):
    """Return all texts in a figure."""
    return ["".join(element.itertext()) for element in tree(id).iter() if element.tag.endswith("}text")]


def written(id, name):
    """Return the text under this name, which is unique in the figure."""
    (group,) = [element for element in tree(id).iter() if element.get("id") == f"{id}-{name}"]
    return "".join(group.itertext()).strip()


def cells(id, name):
    """Return the numbers of the grid with this name by position."""
    pattern = re.compile(rf"{re.escape(f'{id}-{name}')}-(\d+)-(\d+)")
    found = {pattern.fullmatch(element.get("id", "")): element for element in tree(id).iter()}
    return {
        (int(match[1]), int(match[2])): float("".join(element.itertext()).strip().replace("−", "-"))
        for match, element in found.items()
        if match
    }


def as_cells(values):
    """Return numbers (h, w) by position."""
    return {place: float(value) for place, value in np.ndenumerate(values)}


# Every figure


def test_the_figures_are_in_the_documents_order_and_leave_out_no_section():
    sections = [each.section for each in drawn().values()]

    assert sections == sorted(sections, key=list(SECTIONS).index)
    assert set(sections) == SHOWN


def test_drawing_twice_gives_the_same_bytes():
    assert draw() == list(drawn().values())


def test_every_figure_has_a_title_and_a_description_in_both_languages():
    for each in drawn().values():
        assert len(each.title_en) > 20 < len(each.alt_en), each.id
        assert all(re.search("[\u4e00-\u9fff]{2}", text) for text in (each.title_zh, each.alt_zh)), each.id


def test_no_two_elements_of_any_figures_share_an_id():
    ids = Counter(element.get("id") for id in drawn() for element in tree(id).iter() if element.get("id"))

    assert ids.most_common(1)[0][1] == 1


def test_a_figure_refers_only_to_its_own_elements():
    for id, each in drawn().items():
        named = {element.get("id") for element in tree(id).iter()}
        references = re.findall(r'href="#([^"]+)"|url\(#([^)]+)\)', each.svg)

        assert {first or second for first, second in references} <= named, id


def test_a_figure_needs_nothing_from_outside_and_affects_nothing_outside():
    for each in drawn().values():
        addresses = re.findall(r"https?://[^\"' ]+", re.sub(r' xmlns(:\w+)?="[^"]*"', "", each.svg))

        assert not addresses, each.id
        assert not re.search(r"<(style|script|metadata|!)|@import", each.svg), each.id


def test_a_figure_shrinks_with_the_page_and_has_no_background():
    for id, each in drawn().items():
        assert tree(id).get("viewBox"), id
        assert "max-width: max(100%, " in tree(id).get("style"), id
        assert "#ffffff" not in each.svg.lower(), id


def test_text_has_the_colour_of_the_page():
    for id, each in drawn().items():
        assert figure.INK not in each.svg, id
        assert not re.search("fill: #0{3,6}(?![0-9a-f])", each.svg), id


def test_no_text_is_smaller_than_9_points():
    for id, each in drawn().items():
        sizes = [float(size) for size in re.findall(r"font(?:-size)?: ([\d.]+)px", each.svg)]

        assert min(sizes) >= 9, id


def test_every_figure_shrinks_enough_for_a_phone():
    for id in drawn():
        (least,) = re.findall(r"max\(100%, (\d+)pt\)", tree(id).get("style"))

        assert int(least) * 96 / 72 <= 360 - 2 * 10, id


def test_all_figures_together_are_small():
    assert sum(len(each.svg.encode()) for each in drawn().values()) < LARGEST


def test_two_figures_drawn_alike_share_no_id():
    from matplotlib.figure import Figure

    figures = [figure.to_svg(Figure(), id) for id in ("first", "second")]

    ids = [element.get("id") for svg in figures for element in ElementTree.fromstring(svg).iter() if element.get("id")]
    assert len(ids) == len(set(ids)) > 0


# What they show


@pytest.mark.parametrize(("row", "column"), list(np.ndindex(3, 3)))
def test_each_window_shows_its_products_and_their_sum(row, column):
    products = MAP[row : row + 3, column : column + 3] * KERNEL
    output = reference.conv2d(MAP[np.newaxis], KERNEL[np.newaxis, np.newaxis])[0]

    window = f"window-{row}-{column}"
    assert cells("convolution-windows", f"{window}-product") == as_cells(products)
    assert cells("convolution-windows", f"{window}-output")[row, column] == products.sum() == output[row, column]
    assert f"= {number(products.sum())}" in texts("convolution-windows")


def test_the_sliding_kernel_fills_the_output_cell_by_cell():
    sizes = [len(cells("convolution-windows", f"window-{row}-{column}-output")) for row, column in np.ndindex(3, 3)]

    assert sizes == list(range(1, 10))


def test_the_results_of_two_channels_are_summed():
    first, second, total = (cells("convolution-two-channels", name)[0, 0] for name in ("part-0", "part-1", "total"))

    assert first + second == total == 18


def test_an_impulse_returns_the_flipped_kernel_and_a_flipped_kernel_returns_it_as_is():
    ramp = np.arange(1.0, 10).reshape(3, 3)

    assert cells("convolution-flipped", "dot-0") == as_cells(ramp[::-1, ::-1])
    assert cells("convolution-flipped", "dot-1") == as_cells(ramp)


def test_the_maximum_of_each_window_is_bold():
    _, places = reference.max_pool2d(POOLED_MAP, 3, stride=1, return_indices=True)

    for (row, column), place in np.ndenumerate(places[0]):
        bold = [
            element.get("id")
            for element in tree("pooling-winners").iter()
            if f"window-{row}-{column}-" in element.get("id", "") and "700" in ElementTree.tostring(element).decode()
        ]
        assert bold == [f"pooling-winners-window-{row}-{column}-{place // 5}-{place % 5}"]


def test_the_pooling_figures_show_where_the_gradient_goes():
    overlapping = reference.max_pool2d_backward(np.ones((1, 3, 3)), POOLED_MAP, 3, 1)[0]
    hanging_over = reference.max_pool2d_backward(np.ones((1, 2, 2)), POOLED_MAP, 3, ceil_mode=True)[0]

    assert cells("pooling-winners", "gradient") == as_cells(overlapping)
    assert cells("pooling-ceil-mode", "pooled-2-gradient") == as_cells(hanging_over)


def test_ceil_mode_shows_one_window_and_four():
    assert cells("pooling-ceil-mode", "pooled-1") == as_cells(reference.max_pool2d(POOLED_MAP, 3)[0])
    assert cells("pooling-ceil-mode", "pooled-2") == as_cells(reference.max_pool2d(POOLED_MAP, 3, ceil_mode=True)[0])


def test_the_cross_entropy_figure_gives_each_loss_and_both_means():
    found = " ".join(texts("cross-entropy"))

    for model in (MODEL_1, MODEL_2):
        for probability in model[np.arange(3), TRUTH]:
            assert f"−ln {probability:g} = {-np.log(probability):.3f}" in found
        assert f"= {-np.log(model[np.arange(3), TRUTH]).mean():.3f}   ✓ 2/3" in found


def test_every_optimizer_nears_the_minimum_except_the_one_with_too_large_a_step():
    heights = [optimizers.height(optimizers.run_steps(step, o)[-1]) for _, step, o in optimizers.RUNS]
    start = optimizers.height(optimizers.START)

    assert [height < start / 100 for height in heights] == [True, False, *[True] * 6]
    assert heights[1] > start


def test_adamw_ends_closer_to_zero_than_adam():
    adam, adamw = (optimizers.run_steps(step, o)[-1] for _, step, o in optimizers.RUNS[-2:])

    assert np.linalg.norm(adamw) < np.linalg.norm(adam)


def test_the_network_figures_add_up_their_parameters():
    for id, total in (("cifar10-cnn", 89_578), ("resnet50", 25_557_032)):
        parts = [text for text in texts(id) if re.fullmatch(r"[\d,]+", text) and "," in text]

        assert written(id, "size-total") == f"{total:,}"
        assert sum(int(part.replace(",", "")) for part in parts) == 2 * total


def test_the_network_figures_give_the_shapes_of_the_outputs():
    assert written("cifar10-cnn", "shape-p3") == "64×4×4"
    assert written("resnet50", "shape-layer4") == "2048×7×7"
    assert prod(map(int, written("cifar10-cnn", "shape-p3").split("×"))) == int(written("cifar10-cnn", "shape-flatten"))


def test_the_weights_of_zeros_take_no_memory():
    assert all(
        value.base is not None and value.strides == (0,) * value.ndim for value in networks.weightless().values()
    )


def test_there_are_as_many_photographs_as_transforms():
    images = re.findall("data:image/jpeg;base64,", drawn()["transforms"].svg)

    assert len(images) == len(transforms.TRANSFORMS) == 12


def test_the_batches_figure_shows_every_item_and_in_grey_what_drop_last_leaves_out():
    items = [int(text) for text in texts("batches") if text.isdigit()]
    grey = [
        element.text for element in tree("batches").iter() if "opacity" in element.get("style", "") and element.text
    ]
    kept = reference.dataloader.batches(dataloader.ITEMS, dataloader.BATCH, drop_last=True)

    rows = np.reshape(items, (4, dataloader.ITEMS))
    assert [sorted(row) for row in rows.tolist()] == [list(range(dataloader.ITEMS))] * 4
    assert [int(text) for text in grey if text.strip()] == rows[1, sum(map(len, kept)) :].tolist() == [8, 9]


def test_the_gradients_of_the_chain_match_a_small_step():
    weight, bias, target = np.array([[3.0, -1.0]]), np.array([-1.0]), np.array([1.0])
    step = 2.0**-10
    inputs = [np.array([1.0 + sign * step, 2.0]) for sign in (1, -1)]
    up, down = (reference.mse_loss(reference.sigmoid(reference.linear(x, weight, bias)), target) for x in inputs)

    slope = round(float(up - down) / (2 * step), 3)
    assert written("backpropagation", "gradient-x").startswith(f"∂loss/∂x = [−{-slope:g}, ")
