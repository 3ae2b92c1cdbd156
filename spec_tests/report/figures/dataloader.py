"""The figure of section 1.5: how items are grouped into batches."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes

from reference.dataloader import batches
from spec_tests.report.figures.figure import BLUE, GREY, INK, to_svg
from spec_tests.report.figures.paper import PLAIN, SMALL, box, number, outline, paper, tint, write
from spec_tests.report.page_figure import PageFigure

ITEMS, BATCH = 10, 4


def epochs() -> PageFigure:
    """Draw the batches of ten items, with and without the last one, in order and shuffled twice."""
    rng = np.random.default_rng(0)
    rows: dict[str, Any] = {
        f"batch_size={BATCH}": batches(ITEMS, BATCH),
        f"batch_size={BATCH}, drop_last=True": batches(ITEMS, BATCH, drop_last=True),
        f"batch_size={BATCH}, shuffle=True": batches(ITEMS, BATCH, shuffle=True, generator=rng),
        "": batches(ITEMS, BATCH, shuffle=True, generator=rng),
    }
    figure, axes = paper(12.2, 7.6, square=0.38)
    y = 0.3
    for title, in_batches in rows.items():
        if title:
            write(axes, (0.1, y), title, SMALL, align="left")
        _epoch(axes, y + 0.5, in_batches)
        y += 2.1 if title != f"batch_size={BATCH}, shuffle=True" else 1.35
    lengths, kept = ([len(batch) for batch in in_batches] for in_batches in list(rows.values())[:2])
    first, second = ("; ".join(" ".join(map(str, batch)) for batch in rows[key]) for key in list(rows)[2:])
    return PageFigure(
        id="batches",
        section="1.5",
        title_en=f"{ITEMS} items in batches of {BATCH}: the last is smaller or dropped; shuffled, each epoch differs",
        title_zh=f"{ITEMS} 个样本，每批 {BATCH} 个：最后一批较小，或被丢弃；打乱后每个 epoch 的顺序都不同",
        alt_en=(
            f"Four rows of the items 0 to {ITEMS - 1}, with a frame around each batch. In order, the batches have "
            f"{_listed(lengths)} items; with drop_last only {_listed(kept)}, and the rest is dropped. Shuffled by "
            f"NumPy's generator with seed 0, the first epoch is {first} and the second {second}; each contains every "
            "item once."
        ),
        alt_zh=(
            f"四行样本 0 到 {ITEMS - 1}，每批一个框。按顺序时各批为 {_listed(lengths)} 个；"
            f"drop_last 时只有 {_listed(kept)} 个，剩下的不用。用种子为 0 的 NumPy 生成器打乱：第一个 epoch 为 "
            f"{first}，第二个为 {second}，每个样本在每个 epoch 中都恰好出现一次。"
        ),
        svg=to_svg(figure, "batches"),
    )


def _epoch(axes: Axes, y: float, in_batches: list[list[int]]) -> None:
    """Draw the batches of one epoch, each in a frame, and in grey the items that are in none."""
    x = 0.1
    for batch in in_batches:
        for place, item in enumerate(batch):
            box(axes, (x + place, y), (1, 1), tint(BLUE, 0.08 + 0.06 * item))
            write(axes, (x + place + 0.5, y + 0.5), number(item), PLAIN)
        outline(axes, (x, y), (len(batch), 1), BLUE)
        x += len(batch) + 0.5
    left_out = sorted(set(range(ITEMS)).difference(*in_batches))
    for place, item in enumerate(left_out):
        outline(axes, (x + place, y), (1, 1), GREY, linestyle=":", linewidth=1)
        write(axes, (x + place + 0.5, y + 0.5), number(item), PLAIN, f"{INK}80")


def _listed(lengths: list[int]) -> str:
    return " + ".join(map(str, lengths))
