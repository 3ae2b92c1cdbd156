"""The sentences and tables for a result of the benchmarks, each in English and in Chinese."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import product
from typing import Any

from benchmarks import results
from benchmarks.configuration import PHASES, VALUES
from benchmarks.results import PHASES_ZH, Result, Row, percent, three_digits, with_unit
from spec_tests.report.benchmark_part import Table

Words = tuple[str, str]
"""The same text in English and in Chinese."""

DATA_ZH = {"resident": "已在设备上", "copied": "每次复制"}
SCALING_ZH = {"one process": "单进程", "weak": "弱扩展", "strong": "强扩展"}
BINDS_ZH = {"compute": "计算", "memory": "内存", "": ""}
DISTURBED, FAST = "†", "‡"
"""Marks of rows that were disturbed and of rows that are faster than their floor."""

KINDS: dict[str, Words] = {
    "forward": ("a convolution's forward pass", "卷积前向"),
    "backward": ("a convolution's backward pass", "卷积反向"),
    "training step": ("a training step of the network", "网络训练一步"),
    "resnet50": ("ResNet-50", " ResNet-50"),
}
"""The kinds of work that have goals."""

CONVOLUTION_LIMIT: Words = (
    "NumPy's convolutions are limited by the BLAS's rate for matrix products and by memory traffic, because the "
    "windows contain every cell once for each tap of the kernel and have to be written and read (see "
    "reference/convolution.py).",
    "NumPy 卷积受限于 BLAS 计算矩阵乘积的速率和内存读写：卷积核有多少个元素，每个输入元素就在各窗口中出现多少次，"
    "而这些窗口都要写入并读出（见 reference/convolution.py）。",
)
POOLING_LIMIT: Words = (
    "In pooling's backward pass, the reference, which keeps no state, has to find the maxima again; torch has kept "
    "their positions from its forward pass.",
    "池化的反向：参考实现不保存状态，必须重新查找各窗口的最大值；torch 在前向时已保存了它们的位置。",
)

MISSING: dict[str, Words] = {
    "network": ("the network (so no times against batch and no ladder)", "网络（因此没有耗时与批大小图和阶梯图）"),
    "layer": ("single layers (so no roofline and no shares)", "单独的层（因此没有屋顶线图和占比图）"),
    "rivals": ("other implementations", "其他实现"),
    "resnet50": ("ResNet-50", "ResNet-50"),
}
"""What is missing from a result without rows of a question."""


def title(result: Result) -> Words:
    """Return the machine's name."""
    environment = result["environment"]
    gpu = environment.get("device")
    cores = environment["cores"]
    return (
        f"{environment['cpu']}, {cores} {'core' if cores == 1 else 'cores'}" + (f", {gpu}" if gpu else ""),
        f"{environment['cpu']}，{cores} 核" + (f"，{gpu}" if gpu else ""),
    )


def sentences(result: Result) -> list[Words]:
    """Return what the run was, what it found, and what calls for caution."""
    rows = results.all_rows(result)
    return [
        _where(result),
        _software(result),
        _reading(rows),
        *_without_gpu(results.network_rows(result)),
        *_goals(rows),
        *_limits(results.rows_of(result, "layer")),
        *_rivals(results.rows_of(result, "rivals")),
        *_cautions(rows),
        *_missing(result),
    ]


def tables(result: Result) -> list[Table]:
    """Return the tables for which the result has rows."""
    network, rows = results.network_rows(result), results.all_rows(result)
    found = [
        *(_network_table([row for row in network if row.phase == phase], phase) for phase in PHASES),
        _crossover_table(network),
        _layer_table(results.rows_of(result, "layer")),
        _resnet50_table(results.rows_of(result, "resnet50")),
        _ratio_table(results.against_torch(rows)),
        _rival_table(results.rows_of(result, "rivals")),
        _ceiling_table(result),
        _disturbed_table(results.disturbed(rows)),
        _suspicious_table(results.suspicious(rows)),
    ]
    return [table for table in found if table.rows]


def _where(result: Result) -> Words:
    environment = result["environment"]
    gpu, driver, commit = (environment.get(name) for name in ("device", "driver", "commit"))
    driver_en, driver_zh = (f" (driver {driver})", f"（驱动 {driver}）") if driver else ("", "")
    modified_en, modified_zh = (", modified", "（有未提交的改动）") if environment.get("modified") else ("", "")
    name_en, name_zh = title(result)
    return (
        f"Measured on {name_en}{driver_en if gpu else ', without a GPU'}; {environment['date']}; "
        f"commit {commit or 'unknown'}{modified_en}.",
        f"测量环境：{name_zh}{driver_zh if gpu else '，没有 GPU'}；{environment['date']}；"
        f"提交 {commit or '未知'}{modified_zh}。",
    )


def _software(result: Result) -> Words:
    environment = result["environment"]
    versions = ", ".join(f"{name} {version}" for name, version in environment["versions"].items())
    versions += f", BLAS {environment['blas']}" if environment.get("blas") else ""
    versions += f"; kernels: {', '.join(environment['kernels'])}" if environment.get("kernels") else ""
    flags = ", ".join(f"{name} = {_plain(value)}" for name, value in environment["flags"].items())
    limits_en, limits_zh = _limited(environment)
    return (
        f"Versions: {versions}. Flags: {flags or 'none'}.{limits_en}",
        f"版本：{versions}。设置：{flags or '无'}。{limits_zh}",
    )


def _limited(environment: Mapping[str, Any]) -> Words:
    """Say what may have kept the processor from its full speed, as far as it is known."""
    said = []
    if restricted := ", ".join(f"{name}={value}" for name, value in environment.get("restricted", {}).items()):
        said.append((f" RESTRICTED by {restricted}.", f"注意：受环境变量限制：{restricted}。"))
    if (quota := environment.get("quota")) is not None:
        said.append((f" The container may use {quota:g} processors.", f"容器最多可用 {quota:g} 个处理器。"))
    if "turbo" in environment:
        turbo = {True: ("on", "开"), False: ("off", "关"), None: ("unknown", "未知")}[environment["turbo"]]
        said.append((f" Turbo: {turbo[0]}.", f"睿频：{turbo[1]}。"))
    return "".join(en for en, _ in said), "".join(zh for _, zh in said)


def _plain(value: Any) -> str:
    """Format a flag for people."""
    return ("on" if value else "off") if isinstance(value, bool) else "none" if value is None else str(value)


def _reading(rows: Sequence[Row]) -> Words:
    rounds_en, rounds_zh = _fewest_rounds(rows)
    padding_en, padding_zh = _padding(rows)
    return (
        f"Times are medians for one batch; nine in ten lie between p5 and p95{rounds_en}. The floor is the time that "
        "the device would need if every layer reached its ceilings, the rate and the bandwidth measured in the same "
        f"run{padding_en}. "
        "A speed-up is relative to the CPU's best configuration at the same batch. ieee, tf32 and bf16 are different "
        "precisions and should be compared only within one. Errors are normwise, relative to a float64 result.",
        f"耗时是处理一批数据的中位数；九成的测量值在 p5 与 p95 之间{rounds_zh}。"
        "下限是每一层都达到设备上限时所需的时间，"
        f"上限即同一次运行中测得的运算速率与带宽{padding_zh}。加速比以同一批大小下 CPU 的最佳配置为基准。"
        "ieee、tf32 和 bf16 是不同的精度，只应在同一精度内比较。误差是相对于 float64 结果的范数误差。",
    )


def _fewest_rounds(rows: Sequence[Row]) -> Words:
    """Say how many rounds the rows have at least, if known, and what that means for their spread."""
    rounds = [row.rounds for row in rows if row.rounds is not None]
    if not rounds:
        return "", ""
    return (
        f" (every row has at least {min(rounds)} rounds; with few rounds, p5–p95 is nearly the whole range)",
        f"（每行至少测 {min(rounds)} 次；次数少时，p5–p95 几乎就是测量值的整个范围）",
    )


def _padding(rows: Sequence[Row]) -> Words:
    """Say that operations on padding do not count, if the rows distinguish them."""
    if all(row.useful_flop is None for row in rows):
        return "", ""
    return (
        "; operations on zero padding, which a kernel may skip, do not count",
        "；对补零的运算可以跳过，因此不计入",
    )


def _without_gpu(rows: Sequence[Row]) -> list[Words]:
    if not rows or any(row.device == "cuda" for row in rows):
        return []
    return [
        ("This run had no GPU; measurements on one are still to be made.", "本次运行没有 GPU，GPU 上的测量尚待进行。")
    ]


def _crossover_table(rows: Sequence[Row]) -> Table:
    """Say from which batch the GPU is faster than the CPU's best configuration, by phase, data and precision."""
    cells = []
    for data, phase, precision in product(VALUES["data"], PHASES, VALUES["precision"]):
        mine = [row for row in rows if row.device == "cpu" or data in ("resident", row.params["data"])]
        if both := results.on_both(mine, phase, precision):
            batch = results.crossover(mine, phase, precision)
            at_most = (f"not up to {both[-1]}", f"到 {both[-1]} 为止都不更快")
            found = at_most if batch is None else _same(str(batch))
            cells.append([(phase, PHASES_ZH[phase]), (data, DATA_ZH[data]), _same(precision), found])
    return _table(
        (
            "From which batch the GPU's best configuration is faster than the CPU's",
            "GPU 的最佳配置从哪个批大小起快于 CPU",
        ),
        [("phase", "阶段"), ("data", "数据"), ("precision", "精度"), ("batch", "批大小")],
        cells,
    )


def _goals(rows: Sequence[Row]) -> list[Words]:
    """Say for each goal whether it is met, judged by the slowest of its rows."""
    found = []
    for kind, (kind_en, kind_zh) in KINDS.items():
        ratios = [(row.ratio.median, row) for row in results.against_torch(rows) if row.ratio and _kind(row) == kind]
        if not ratios:
            continue
        most, row = max(ratios, key=lambda pair: pair[0])
        goal, met = results.GOALS[kind], most <= results.GOALS[kind]
        found.append(
            (
                f"Goal: {kind_en} in NumPy takes at most {goal:g} times as long as in torch. "
                f"{'Met' if met else 'Not met'}: {three_digits(most)} times ({results.work(row)}).",
                f"目标：用 NumPy 计算{kind_zh}，耗时不超过 torch 的 {goal:g} 倍。"
                f"{'已达到' if met else '未达到'}：{three_digits(most)} 倍（{_work_zh(row)}）。",
            )
        )
    return found


def _kind(row: Row) -> str:
    """Return the name of a row's goal, or an empty string."""
    if results.goal(row) is None:
        return ""
    return row.phase or row.question


def _limits(rows: Sequence[Row]) -> list[Words]:
    """Say what limits NumPy's layers, for the kinds of layers that were measured."""
    reference = {(row.params["layer"], row.phase) for row in rows if row.who == "reference"}
    both = reference & {(row.params["layer"], row.phase) for row in rows if row.who == "torch"}
    limits = []
    if any(layer.startswith("conv") for layer, _ in reference):
        limits.append(CONVOLUTION_LIMIT)
    if any(layer.startswith("p") and phase == "backward" for layer, phase in both):
        limits.append(POOLING_LIMIT)
    return limits


def _rivals(rows: Sequence[Row]) -> list[Words]:
    """Count the implementations that are slower than the reference."""
    found = results.rivalry(rows)
    if not found:
        return []
    slower = sum(ratio.median > 1 for _, ratio in found)
    return [
        (
            f"Other implementations are slower than the reference in {slower} of {len(found)} measurements.",
            f"其他实现在 {len(found)} 项测量中有 {slower} 项慢于参考实现。",
        )
    ]


def _cautions(rows: Sequence[Row]) -> list[Words]:
    """Say how many rows call for caution, and why."""
    return [*_disturbed(rows), *_unwatched(rows), *_noisy(rows), *_suspicious(rows)]


def _disturbed(rows: Sequence[Row]) -> list[Words]:
    count = len(results.disturbed(rows))
    if not count:
        return []
    return [
        (
            f"Other processes used the machine during {count} of {len(rows)} rows; they are marked {DISTURBED} "
            "in the tables and drawn hollow.",
            f"{len(rows)} 行中有 {count} 行在测量时有其他进程占用机器；这些行在表中标有 {DISTURBED}，在图中画成空心。",
        )
    ]


def _unwatched(rows: Sequence[Row]) -> list[Words]:
    count = len(results.unwatched(rows))
    if not count:
        return []
    return [
        (
            f"For {count} of {len(rows)} rows the system did not report what other processes used, so they may have "
            "been disturbed without being marked.",
            f"{len(rows)} 行中有 {count} 行在测量时系统没有报告其他进程的占用情况，因此可能受到干扰而没有标记。",
        )
    ]


def _noisy(rows: Sequence[Row]) -> list[Words]:
    noisy = results.noisy(rows)
    if not noisy:
        return []
    several = sum(row.threads > 1 for row in noisy)
    return [
        (
            f"Noisy rows, whose p95 exceeds {results.NOISY:g} times the median: {len(noisy)} of {len(rows)}, {several} "
            "of them with several threads. With several threads, the system may make one wait for a core while the "
            "others wait for it.",
            f"波动大的行（p95 超过中位数的 {results.NOISY:g} 倍）：{len(rows)} 行中有 {len(noisy)} 行，"
            f"其中 {several} 行使用多个线程。多线程时，系统可能让某个线程等待空闲的核，其余线程则要等待该线程。",
        )
    ]


def _suspicious(rows: Sequence[Row]) -> list[Words]:
    count = len(results.suspicious(rows))
    if not count:
        return []
    return [
        (
            f"ERROR: rows faster than their floor, marked {FAST}: {count}. Unless they were disturbed, a ceiling is "
            "too low or some work was not done; this has to be explained.",
            f"错误：比下限还快的行（标有 {FAST}）：{count} 行。若测量未受干扰，则要么上限偏低，要么计算没有做完，"
            "必须查明原因。",
        )
    ]


def _missing(result: Result) -> list[Words]:
    """Say what is missing because the result has no rows for it."""
    missing = [words for question, words in MISSING.items() if not results.rows_of(result, question)]
    said = []
    if missing:
        said.append(
            (
                f"The result has no rows for: {'; '.join(en for en, _ in missing)}.",
                f"结果中没有以下内容：{'；'.join(zh for _, zh in missing)}。",
            )
        )
    if others := results.other_rows(result):
        said.append(
            (
                f"Rows of other benchmarks that were left out: {len(others)}.",
                f"另有 {len(others)} 行属于其他基准测试，未列入。",
            )
        )
    return said


def _network_table(rows: Sequence[Row], phase: str) -> Table:
    """Return the times of a phase by batch."""
    rows = sorted(rows, key=lambda row: row.batch)
    header = [
        *(("configuration", "配置"), ("batch", "批大小"), ("median", "中位数"), ("p5–p95", "p5–p95")),
        *(
            ("rounds", "次数"),
            ("samples/s", "样本/秒"),
            ("floor / median", "下限 / 中位数"),
            ("bound by", "受限于"),
            ("speed-up", "加速比"),
        ),
        ("error", "误差"),
    ]
    return _table(
        (f"The network, {phase}", f"网络，{PHASES_ZH[phase]}"),
        [*header, *_known(rows)],
        [[*_network_cells(row, rows), *_known_cells(row, rows)] for row in rows],
    )


def _network_cells(row: Row, rows: Sequence[Row]) -> list[Words]:
    times = results.speed_up(row, rows)
    return [
        _same(_marked(row, row.label)),
        _same(str(row.batch)),
        *_time_cells(row),
        _same("" if row.rounds is None else str(row.rounds)),
        _same(three_digits(row.samples_per_second)),
        *_floor_cells(row),
        _same("" if times is None else f"{three_digits(times)}×"),
        _same(_error(row)),
    ]


def _known(rows: Sequence[Row]) -> list[Words]:
    """Return the headers of the columns of `KNOWN` in which some row has something."""
    return [header for header, cell in KNOWN.items() if any(map(cell, rows))]


def _known_cells(row: Row, rows: Sequence[Row]) -> list[Words]:
    return [_same(KNOWN[header](row)) for header in _known(rows)]


def _quantity(value: float | None, unit: str) -> str:
    return "" if value is None else with_unit(value, unit)


def _beside(counted: float | None, modelled: float | None, unit: str) -> str:
    """Format what was counted, and how many times what was modelled that is."""
    if counted is None or not modelled:
        return ""
    return f"{with_unit(counted, unit)} ({three_digits(counted / modelled)}×)"


def _interval(row: Row) -> str:
    if not (row.interval or row.processes):
        return ""
    among = f" ({row.processes.number})" if row.processes else ""
    return f"{with_unit(row.spread.low, 's')} – {with_unit(row.spread.high, 's')}{among}"


KNOWN: dict[Words, Callable[[Row], str]] = {
    ("95 % interval (processes)", "95 % 区间（进程数）"): _interval,
    ("cold", "冷缓存"): lambda row: _quantity(row.cold.median if row.cold else None, "s"),
    ("FLOP counted", "实计 FLOP"): lambda row: _beside(row.counted_flop, row.flop, "FLOP"),
    ("bytes counted", "实计字节"): lambda row: _beside(row.counted_bytes, row.bytes, "B"),
    ("time on GPU", "GPU 耗时"): lambda row: _quantity(row.event_seconds, "s"),
    ("launch time", "启动耗时"): lambda row: _quantity(row.launch_seconds, "s"),
    ("memory", "内存峰值"): lambda row: _quantity(row.peak_bytes, "B"),
}
"""Columns that a table has if they are known for some of its rows."""


def _layer_table(rows: Sequence[Row]) -> Table:
    header = [
        *(("layer", "层"), ("by", "实现"), ("median", "中位数"), ("p5–p95", "p5–p95")),
        *(("floor / median", "下限 / 中位数"), ("bound by", "受限于"), ("error", "误差")),
        *_known(rows),
    ]
    return _table(
        ("Single layers", "单独的层"),
        header,
        [
            [
                _work_cell(row),
                _same(_by(row)),
                *_time_cells(row),
                *_floor_cells(row),
                _same(_error(row)),
                *_known_cells(row, rows),
            ]
            for row in rows
        ],
    )


def _resnet50_table(rows: Sequence[Row]) -> Table:
    return replace(_layer_table(rows), caption_en="ResNet-50", caption_zh="ResNet-50")


def scaling_table(result: Mapping[str, Any]) -> Table:
    """Return the steps of `benchmarks.data_parallel`, whose result this is."""
    environment, rows = result["environment"], result["rows"]
    on = f"{environment.get('device') or environment['cpu']}, {result['backend'] or 'one process'}"
    return _table(
        (f"Training in several processes ({on})", f"多进程训练（{on}）"),
        [
            *(("scaling", "扩展方式"), ("processes", "进程数"), ("batch of each", "每个进程的批大小")),
            *(("median", "中位数"), ("p5–p95", "p5–p95"), ("samples/s", "样本/秒"), ("efficiency", "效率")),
        ],
        [
            [
                (row["scaling"], SCALING_ZH[row["scaling"]]),
                *map(_same, (str(row["processes"]), str(row["batch_of_a_process"]), with_unit(row["median"], "s"))),
                _same(f"{with_unit(row['p5'], 's')} – {with_unit(row['p95'], 's')}"),
                _same(three_digits(row["samples_per_second"])),
                _same("" if row["efficiency"] is None else f"{100 * row['efficiency']:.1f} %"),
            ]
            for row in rows
        ],
    )


def _ratio_table(rows: Sequence[Row]) -> Table:
    """Return NumPy's times as multiples of torch's, and whether they meet the goals."""
    header = [
        ("work", "计算"),
        ("NumPy / torch", "NumPy / torch"),
        ("quartiles (95 % among processes)", "四分位数（多进程为 95 % 区间）"),
    ]
    return _table(
        ("NumPy compared with torch, measured alternately", "NumPy 与 torch 的耗时之比（交替测量）"),
        [*header, ("goal", "目标"), ("met", "达到")],
        [[_work_cell(row), *_ratio_cells(row.ratio), *_goal_cells(row)] for row in rows],
    )


def _goal_cells(row: Row) -> list[Words]:
    goal = results.goal(row)
    if goal is None or row.ratio is None:
        return [_same(""), _same("")]
    return [_same(f"≤ {goal:g}"), ("yes", "是") if row.ratio.median <= goal else ("no", "否")]


def _rival_table(rows: Sequence[Row]) -> Table:
    ratios = dict(results.rivalry(rows))
    return _table(
        ("Other implementations", "其他实现"),
        [
            *(("work", "计算"), ("by", "实现"), ("median", "中位数"), ("p5–p95", "p5–p95")),
            *(("time / reference", "耗时 / 参考实现"), ("quartiles", "四分位数"), ("error", "误差")),
            *_known(rows),
        ],
        [
            [
                _work_cell(row),
                _same(row.who),
                *_time_cells(row),
                *_ratio_cells(ratios.get(row)),
                _same(_error(row)),
                *_known_cells(row, rows),
            ]
            for row in rows
        ],
    )


def _ceiling_table(result: Result) -> Table:
    return _table(
        ("Ceilings, measured in the same run", "同一次运行中测得的上限"),
        [
            *(("device", "设备"), ("precision", "精度"), ("matrix product", "矩阵乘法"), ("convolution", "卷积")),
            ("memory, read + write", "内存（读 + 写）"),
        ],
        [
            [
                _same(results.processor({"device": ceiling.device, "threads": ceiling.threads})),
                _same(ceiling.precision),
                _same(with_unit(ceiling.matmul, "FLOP/s")),
                _same(with_unit(ceiling.convolution, "FLOP/s")),
                _same(with_unit(ceiling.bandwidth, "B/s")),
            ]
            for ceiling in results.ceilings(result)
        ],
    )


def _disturbed_table(rows: Sequence[Row]) -> Table:
    return _table(
        ("Disturbed rows", "受干扰的行"),
        [("row", "行"), ("CPU share of other processes", "其他进程的 CPU 占用")],
        [[_same(row.name), _same("" if row.others is None else f"{100 * row.others:.0f} %")] for row in rows],
    )


def _suspicious_table(rows: Sequence[Row]) -> Table:
    return _table(
        ("Rows faster than their floor", "比下限还快的行"),
        [("row", "行"), ("median", "中位数"), ("floor", "下限"), ("floor / median", "下限 / 中位数")],
        [
            [_same(row.name), *map(_same, (with_unit(row.median, "s"), with_unit(row.floor or 0, "s"), percent(row)))]
            for row in rows
        ],
    )


def _by(row: Row) -> str:
    return f"{row.who}, cuda" if row.device == "cuda" else row.who


def _work_cell(row: Row) -> Words:
    return _marked(row, results.work(row)), _marked(row, _work_zh(row))


def _work_zh(row: Row) -> str:
    if row.question == "layer":
        return f"{row.params['layer']} {PHASES_ZH[row.phase]}"
    if row.question == "network":
        return f"网络{PHASES_ZH[row.phase]}，批大小 {row.batch}"
    return f"ResNet-50 前向，批大小 {row.batch}" if row.question == "resnet50" else results.work(row)


def _time_cells(row: Row) -> list[Words]:
    return [_same(with_unit(row.median, "s")), _same(f"{with_unit(row.p5, 's')} – {with_unit(row.p95, 's')}")]


def _floor_cells(row: Row) -> list[Words]:
    return [_same(percent(row)), (row.binds, BINDS_ZH[row.binds])]


def _ratio_cells(ratio: results.Ratio | None) -> list[Words]:
    if ratio is None:
        return [_same(""), _same("")]
    spread = f"{three_digits(ratio.low)} – {three_digits(ratio.high)}"
    return [_same(three_digits(ratio.median)), _same(spread if ratio.low < ratio.high else "")]


def _error(row: Row) -> str:
    return "" if row.error is None else f"{row.error:.1e}"


def _marked(row: Row, text: str) -> str:
    """Add the marks of a row that calls for caution."""
    marks = DISTURBED * row.disturbed + FAST * bool(results.suspicious([row]))
    return f"{text} {marks}".strip()


def _same(text: str) -> Words:
    return text, text


def _table(caption: Words, header: Sequence[Words], rows: Sequence[Sequence[Words]]) -> Table:
    """Return a table from texts in both languages."""
    (header_en, header_zh), both = zip(*header, strict=True), [tuple(zip(*row, strict=True)) for row in rows]
    rows_en, rows_zh = (tuple(row[language] for row in both) for language in (0, 1))
    return Table(*caption, header_en, header_zh, rows_en, rows_zh if rows_zh != rows_en else ())
