"""The report of the benchmarks on invented results: what it computes, says, draws and refuses."""

import copy
import json
import re
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import matplotlib
import pytest

from benchmarks import counts, report, results, summary
from benchmarks.configuration import PHASES, VALUES, Configuration
from benchmarks.results import Row, goal
from reference.command import Refusal, WrongUsage, run
from spec_tests.report import benchmark_part
from spec_tests.report.benchmark_part import BenchmarkPart, Table
from spec_tests.report.figures.figure import BLUE, PURPLE
from spec_tests.report.figures.labels import in_chinese

pytest.importorskip("jsonschema", reason='a result is checked with jsonschema: pip install "torch-by-hand[report]"')

JSON = dict[str, Any]
CROSSOVER = "From which batch the GPU's best configuration is faster than the CPU's"

ENVIRONMENT = {
    "versions": {"python": "3.12.1", "torch": "2.15.0"},
    "flags": {"cpu capability": "AVX2", "mkldnn": True, "cudnn": None},
    "cpu": "AMD EPYC",
    "cores": 2,
    "device": None,
    "driver": None,
    "commit": "0123456789abcdef",
    "modified": False,
    "date": "2026-11-23T01:02:03+00:00",
}
CEILINGS = [
    {"device": "cpu", "threads": 1, "precision": "ieee", "matmul": 9.0e10, "convolution": 1.1e11, "bandwidth": 2.2e10},
    {"device": "cpu", "threads": 2, "precision": "ieee", "matmul": 1.5e11, "convolution": 2.1e11, "bandwidth": 4.0e10},
    {"device": "cuda", "threads": 0, "precision": "ieee", "matmul": 5e13, "convolution": 4e13, "bandwidth": 3e12},
    {"device": "cuda", "threads": 0, "precision": "tf32", "matmul": 4e14, "convolution": 3e14, "bandwidth": 3e12},
    {"device": "cuda", "threads": 0, "precision": "bf16", "matmul": 8e14, "convolution": 6e14, "bandwidth": 3e12},
]


def row(question: str, params: JSON, median: float, **extra: Any) -> JSON:
    """Return a row of a result whose times spread by a tenth on each side."""
    info = {
        "question": question,
        "flop": None,
        "bytes": None,
        "floor": None,
        "batch": params.get("batch", 64),
        "threads": params.get("threads", 1),
        "device": params.get("device", "cpu"),
        "error": None,
        "others": 0.0,
        "disturbed": False,
        "ratio": None,
        **dict.fromkeys(("event_seconds", "launch_seconds", "peak_bytes", "useful_flop", "interval")),
    }
    stats = {"median": median, "p5": 0.9 * median, "p95": 1.1 * median, "rounds": 9}
    name = f"test_{question}[{'-'.join(map(str, params.values()))}]"
    return {"name": name, "group": None, "params": params, "stats": stats, "extra_info": {**info, **extra}}


def network_row(median: float = 1e-3, extra: JSON | None = None, **changes: Any) -> JSON:
    """Return a row of the ladder in the default configuration with these changes."""
    return row("network", asdict(replace(Configuration(), **changes)), median, **(extra or {}))


def ratio(median: float, to: str = "torch") -> JSON:
    """Return a ratio whose quartiles are a twentieth away."""
    return {"to": to, "median": median, "low": 0.95 * median, "high": 1.05 * median}


def result(*rows: JSON, **environment: Any) -> JSON:
    """Return a result with these rows."""
    return {"benchmarks": list(rows), "environment": {**ENVIRONMENT, **environment}, "ceilings": CEILINGS}


def ceiling(device: str, threads: int, precision: str) -> counts.Ceiling:
    """Return the ceiling of a configuration."""
    places = [(found["device"], found["threads"], found["precision"]) for found in CEILINGS]
    return counts.Ceiling(**CEILINGS[places.index((device, threads, precision))])  # type: ignore[arg-type]


def full_result(gpu: bool = True) -> JSON:
    """Return a result with all rows of a default run, with invented but plausible times."""
    rungs = [rung for rung in rungs_of_a_run() if gpu or rung.device == "cpu"]
    device = "NVIDIA H100 80GB HBM3" if gpu else None
    return result(
        *map(rung_row, rungs), *layer_rows(), *rival_rows(), *resnet50_rows(), device=device, driver=gpu and "570.1"
    )


def rungs_of_a_run() -> list[Configuration]:
    """Return configurations like those of a run with a GPU."""
    one, gpu = Configuration(), Configuration(device="cuda", threads=0)
    last, half = replace(gpu, precision="tf32", layout="channels_last"), replace(gpu, precision="bf16")
    half = replace(half, layout="channels_last")
    all_batches, some = tuple(2**power for power in range(14)), (1, 64, 1024)
    rungs = [
        (one, all_batches[:10]),
        (replace(one, threads=2), all_batches[:10]),
        (replace(one, threads=2, layout="channels_last"), all_batches[:10]),
        (gpu, all_batches),
        (replace(gpu, precision="tf32"), all_batches),
        (replace(gpu, precision="tf32", data="copied"), some),
        (last, some),
        (half, all_batches),
        (replace(half, mode="compile"), some),
        (replace(half, mode="graph"), all_batches),
        (replace(one, who="reference"), (64,)),
    ]
    return [replace(rung, phase=phase, batch=batch) for phase in PHASES for rung, sizes in rungs for batch in sizes]


def rung_row(rung: Configuration) -> JSON:
    """Return a rung's row: its floor divided by an efficiency, plus the cost of launching."""
    work = counts.works(rung.phase, rung.batch, rung.precision)
    floor = counts.floor(work, ceiling(rung.device, rung.threads, rung.precision))
    steps = 1 + PHASES.index(rung.phase)
    overhead = {"eager": 1e-4, "compile": 5e-5, "graph": 1e-3}[rung.mode] * steps * (2 if rung.device == "cuda" else 1)
    efficiency = (0.6 if rung.layout == "channels_last" else 0.4) * (0.5 if rung.who == "reference" else 1)
    copying = rung.batch * 12288 / 2e10 if rung.data == "copied" else 0
    seconds = max(floor.seconds / efficiency, 0 if rung.mode == "graph" else overhead) + copying + 0.2 * overhead
    on_gpu = {"event_seconds": floor.seconds / efficiency, "launch_seconds": overhead, "peak_bytes": rung.batch * 10**6}
    return network_row(
        seconds,
        {
            "flop": sum(part.flop for part in work),
            "useful_flop": sum(part.useful_flop for part in work),
            "bytes": sum(part.bytes for part in work),
            "floor": asdict(floor),
            "error": 3e-3 if rung.precision == "bf16" else 2e-4 if rung.precision == "tf32" else 2e-7,
            "ratio": ratio(2.2) if rung.who == "reference" else None,
            "disturbed": rung.batch == 32 and rung.threads == 2,
            "others": 0.21 if rung.batch == 32 and rung.threads == 2 else 0.01,
            **(on_gpu if rung.device == "cuda" else {}),
        },
        **asdict(rung),
    )


def layer_rows() -> list[JSON]:
    """Return rows of each layer and direction, in torch and in the reference."""
    rows = []
    for phase in ("forward", "backward"):
        for place, work in enumerate(sorted(counts.works(phase, 64), key=lambda work: work.layer)):
            floor = counts.floor([work], ceiling("cpu", 1, "ieee"))
            seconds = floor.seconds / (0.35 + 0.05 * place) * (1 if work.flop else 3)
            times = (1.3 + 0.3 * place) if work.flop else 0.6 + 0.2 * place
            shared = {
                "flop": work.flop,
                "useful_flop": work.useful_flop,
                "bytes": work.bytes,
                "floor": asdict(floor),
                "error": 1e-7,
            }
            params = {"layer": work.layer, "phase": phase}
            rows += [
                row("layer", {**params, "who": "torch"}, seconds, **shared),
                row("layer", {**params, "who": "reference"}, times * seconds, **shared, ratio=ratio(times)),
            ]
    return sorted(rows, key=lambda found: counts.LAYERS.index(found["params"]["layer"]))


def rival_rows() -> list[JSON]:
    """Return rows of other implementations."""
    convolution = "conv2d forward, 32 to 32 at 16x16, batch 64"
    times = {
        convolution: (("NumPy one-liner", 41.0), ("numpy-ml", 170.0), ("ONNX evaluator", 3.5)),
        "max_pool2d forward, 32 channels at 16x16, batch 16": (("ONNX evaluator", 230.0),),
        "cross_entropy forward, 10 classes, batch 64": (("SciPy", 0.8),),
    }
    rows = []
    for work, rivals in times.items():
        rows.append(row("rivals", {"work": work, "who": "reference"}, 0.01))
        rows += [
            row("rivals", {"work": work, "who": who}, 0.01 * more, ratio=ratio(more, "reference"))
            for who, more in rivals
        ]
    return rows


def resnet50_rows() -> list[JSON]:
    """Return rows of ResNet-50."""
    shared = {"flop": 8_200_000_000, "bytes": 250_000_000, "batch": 1}
    return [
        row("resnet50", {"who": "torch"}, 0.12, **shared),
        row("resnet50", {"who": "reference"}, 0.17, **shared, ratio=ratio(1.4)),
    ]


def rows(*found: JSON) -> list[Row]:
    """Return rows as the report reads them."""
    return results.rows_of(results.checked(result(*found)))


def on_both(cpu: dict[int, float], gpu: dict[int, float]) -> list[Row]:
    """Return forward rows of a CPU and a GPU, given milliseconds by batch."""
    devices = (("cpu", 1, cpu), ("cuda", 0, gpu))
    return rows(
        *(
            network_row(1e-3 * time, device=device, threads=threads, batch=batch)
            for device, threads, times in devices
            for batch, time in times.items()
        )
    )


def english(found: JSON) -> str:
    """Return the sentences of a result."""
    return "\n".join(en for en, _ in summary.sentences(results.checked(found)))


def table(found: JSON, caption: str) -> Table:
    """Return the table with this caption."""
    (wanted,) = [table for table in summary.tables(results.checked(found)) if table.caption_en == caption]
    return wanted


def dashed(svg: str) -> set[str]:
    """Return the colours of a figure's dashed lines."""
    styles = [part.get("style", "") for part in ElementTree.fromstring(svg).iter()]
    return set(re.findall(r"stroke: (#\w{6})", "\n".join(style for style in styles if "stroke-dasharray" in style)))


@pytest.fixture(scope="module")
def everything() -> BenchmarkPart:
    """The report of a result with all rows."""
    return report.part(full_result())


@pytest.fixture
def result_file(tmp_path: Path) -> Path:
    """A file with a small result."""
    path = tmp_path / "result.json"
    path.write_text(json.dumps(result(network_row())))
    return path


def test_the_percentage_of_the_floor_is_the_floor_over_the_median() -> None:
    (slow,) = rows(network_row(4e-3, {"floor": {"seconds": 1e-3, "binds": "memory"}}))

    assert slow.percent_of_floor == "25.0 %"
    assert slow.samples_per_second == 64 / 4e-3


def test_a_row_without_a_floor_has_no_percentage() -> None:
    (row,) = rows(network_row())

    assert row.percent_of_floor == ""


def test_the_best_cpu_configuration_is_one_of_the_same_phase_and_batch() -> None:
    one, two, gpu, other_phase, other_batch = rows(
        network_row(4e-3, threads=1),
        network_row(2e-3, threads=2),
        network_row(1e-3, device="cuda", threads=0),
        network_row(1e-9, phase="backward"),
        network_row(1e-9, batch=1),
    )
    found = [one, two, gpu, other_phase, other_batch]

    assert [results.speed_up(row, found) for row in found] == [0.5, 1, 2, 1, 1]


def test_without_a_cpu_row_there_is_no_speed_up() -> None:
    (gpu,) = rows(network_row(device="cuda", threads=0))

    assert results.speed_up(gpu, [gpu]) is None


@pytest.mark.parametrize(
    ("gpu", "batch"),
    [
        pytest.param({1: 9, 8: 9, 64: 99}, None, id="never"),
        pytest.param({1: 0.5, 8: 1, 64: 1}, 1, id="always"),
        pytest.param({1: 9, 8: 1, 64: 1}, 8, id="from the middle on"),
        pytest.param({1: 0.5, 8: 9, 64: 1}, 64, id="at first, and again at the end"),
        pytest.param({1: 0.5, 8: 1, 64: 99}, None, id="not at the end"),
        pytest.param({1: 1, 8: 8, 64: 64}, None, id="just as fast"),
        pytest.param({8: 1, 1024: 1}, 8, id="some batches on the GPU alone"),
        pytest.param({2: 1, 1024: 1}, None, id="no batch on both"),
        pytest.param({}, None, id="no GPU"),
    ],
)
def test_the_crossover_is_the_batch_from_which_the_gpu_stays_faster(gpu: dict[int, float], batch: int | None) -> None:
    assert results.crossover(on_both({1: 1, 8: 8, 64: 64}, gpu), "forward", "ieee") == batch


def test_the_crossover_is_against_the_best_of_several_cpu_configurations() -> None:
    found = [*on_both({8: 8, 64: 64}, {8: 4, 64: 4}), *rows(network_row(2e-3, batch=8, threads=2))]

    assert results.crossover(found, "forward", "ieee") == 64


def test_each_gpu_precision_has_its_own_crossover_against_the_cpu_in_any() -> None:
    gpu: JSON = {"device": "cuda", "threads": 0}
    found = [
        *on_both({8: 8, 64: 64}, {8: 9, 64: 9}),
        *rows(*(network_row(5e-3, **gpu, batch=batch, precision="tf32") for batch in (8, 64))),
        *rows(network_row(3e-2, batch=64, precision="bf16"), network_row(4e-2, **gpu, batch=64, precision="bf16")),
    ]

    crossovers = [results.crossover(found, "forward", precision) for precision in ("ieee", "tf32", "bf16")]

    assert crossovers == [64, 8, None]


@pytest.mark.parametrize(("batches", "nearest"), [([1, 64, 512], 64), ([1, 100], 100), ([32, 128], 32), ([4096], 4096)])
def test_the_ladder_is_drawn_at_the_batch_nearest_to_64(batches: Sequence[int], nearest: int) -> None:
    assert results.nearest_batch(rows(*(network_row(batch=batch) for batch in batches))) == nearest


def test_the_table_of_a_phase_says_what_was_measured() -> None:
    found = result(
        network_row(2e-3, {"floor": {"seconds": 5e-4, "binds": "compute"}, "error": 1.25e-7}),
        network_row(4e-3, {"disturbed": True}, threads=2),
        network_row(1e-4, batch=1, layout="channels_last"),
    )

    phase = table(found, "The network, forward")

    assert phase.header_en == (
        *("configuration", "batch", "median", "95 % interval (processes)", "rounds", "samples/s", "speed-up"),
        *("floor / median", "bound by", "error"),
    )
    assert phase.rows == (
        (
            *("cpu, 1 thread, channels_last, ieee, eager", "1", "100 µs", "90.0 µs – 110 µs", "9", "10,000", "1.00×"),
            *("", "", ""),
        ),
        (
            *("cpu, 1 thread, contiguous, ieee, eager", "64", "2.00 ms", "1.80 ms – 2.20 ms", "9", "32,000", "1.00×"),
            *("25.0 %", "compute", "1.2e-07"),
        ),
        (
            *(
                "cpu, 2 threads, contiguous, ieee, eager †",
                "64",
                "4.00 ms",
                "3.60 ms – 4.40 ms",
                "9",
                "16,000",
                "0.500×",
            ),
            *("", "", ""),
        ),
    )


def test_the_table_of_a_phase_with_a_gpu_has_its_own_times_and_memory() -> None:
    own = {"event_seconds": 2e-4, "launch_seconds": 1e-4, "peak_bytes": 1_500_000}
    found = table(result(network_row(), network_row(5e-4, own, device="cuda", threads=0)), "The network, forward")

    assert found.header_en[-3:] == ("time on GPU", "launch time", "peak memory")
    assert [row[-3:] for row in found.rows] == [("", "", ""), ("200 µs", "100 µs", "1.50 MB")]


def test_the_ratios_stand_beside_their_goals() -> None:
    found = result(
        row("layer", {"layer": "conv1", "phase": "forward", "who": "reference"}, 1e-3, ratio=ratio(2.0)),
        row("layer", {"layer": "conv1", "phase": "backward", "who": "reference"}, 1e-3, ratio=ratio(4.0)),
        row("layer", {"layer": "p1", "phase": "forward", "who": "reference"}, 1e-3, ratio=ratio(8.0)),
        row("layer", {"layer": "p1", "phase": "both passes", "who": "reference"}, 1e-3, ratio=ratio(1.25)),
        row("resnet50", {"who": "reference"}, 1e-3, batch=1, ratio=ratio(1.2)),
    )

    compared = table(found, "NumPy compared with torch, measured alternately")

    assert compared.rows == (
        ("conv1 forward", "2.00", "1.90 – 2.10", "≤ 1.3", "no"),
        ("conv1 backward", "4.00", "3.80 – 4.20", "≤ 2", "no"),
        ("p1 forward", "8.00", "7.60 – 8.40", "", ""),
        ("p1 both passes", "1.25", "1.19 – 1.31", "≤ 1.5", "yes"),
        ("ResNet-50 forward, batch 1", "1.20", "1.14 – 1.26", "≤ 1.2", "yes"),
    )
    assert compared.rows_in("zh")[1] == ("conv1 反向", "4.00", "3.80 – 4.20", "≤ 2", "否")


def test_a_goal_is_met_if_the_slowest_of_its_rows_meets_it() -> None:
    conv1, conv2 = (
        row("layer", {"layer": name, "phase": "forward", "who": "reference"}, 1e-3, ratio=ratio(times))
        for name, times in (("conv1", 1.25), ("conv2", 1.31))
    )

    goal = "Goal: a convolution's forward pass in NumPy takes at most 1.3 times as long as in torch."
    assert f"{goal} Met: 1.25 times (conv1 forward)." in english(result(conv1))
    assert f"{goal} Not met: 1.31 times (conv2 forward)." in english(result(conv1, conv2))


def test_beside_a_torch_near_the_chips_limit_a_convolution_may_take_longer() -> None:
    floor = {"seconds": 0.9e-3, "binds": "compute"}
    params = {"layer": "conv1", "phase": "forward"}
    reference = row("layer", {**params, "who": "reference"}, 2e-3, ratio=ratio(1.5))

    goals = [
        goal(found, [found, torch])
        for median in (0.99e-3, 1.01e-3)
        for found, torch in [rows(reference, row("layer", {**params, "who": "torch"}, median, floor=floor))]
    ]

    assert [found and found[1] for found in goals] == [1.6, 1.3]


def test_a_result_without_a_gpu_says_so() -> None:
    said = english(result(network_row()))

    assert "This run had no GPU; measurements on one are still to be made." in said


def test_a_result_with_a_gpu_says_from_which_batch_it_is_faster() -> None:
    gpu: JSON = {"device": "cuda", "threads": 0}
    found = result(
        *(network_row(1e-3 * batch, batch=batch) for batch in (1, 8)),
        *(network_row(2e-3, **gpu, batch=batch) for batch in (1, 8)),
        *(network_row(9e-3, **gpu, batch=batch, data="copied") for batch in (1, 8)),
        network_row(1e-3, phase="backward"),
        network_row(1e-2, **gpu, phase="backward"),
        device="NVIDIA H100",
        driver="570.1",
    )

    assert ", driver 570.1." in english(found)
    assert summary.title(found)[0].endswith(", NVIDIA H100")
    assert table(found, CROSSOVER).rows == (
        ("forward", "resident", "ieee", "8"),
        ("backward", "resident", "ieee", "not up to 64"),
        ("forward", "copied", "ieee", "not up to 8"),
    )


def test_the_kernels_and_what_restricts_them_are_told() -> None:
    known = {"kernels": ["openblas 0.3 Haswell"], "restricted": {"OPENBLAS_CORETYPE": "Haswell"}, "quota": 1.5}
    said = english(result(network_row(), **known, turbo=None))

    assert "; kernels in use: openblas 0.3 Haswell. Flags:" in said
    assert "RESTRICTED by OPENBLAS_CORETYPE=Haswell: this" in said
    assert "Processors that the container may use: 1.5. Turbo: unknown." in said
    assert "RESTRICTED" not in english(result(network_row()))
    assert [summary.title(result(network_row(), **more))[0] for more in (known, {})] == [
        "AMD EPYC, 2 cores, AVX2, RESTRICTED",
        "AMD EPYC, 2 cores, AVX2",
    ]


def test_what_is_known_of_some_rows_has_a_column() -> None:
    extra = {
        "cold": {"median": 2e-3, "low": 1e-3, "high": 3e-3},
        "interval": {"median": 1e-3, "low": 0.9e-3, "high": 1.2e-3},
        "flop": 100,
        "counted_flop": 100,
        "bytes": 200,
        "counted_bytes": 500,
        "peak_bytes": 3000,
    }
    found = table(result(network_row(1e-3, extra), network_row(threads=2)), "The network, forward")

    known = [found.header_en.index(name) for name in ("95 % interval (processes)", "cold")]
    assert [found.rows[0][column] for column in known] == ["900 µs – 1.20 ms", "2.00 ms"]
    assert found.header_en[-3:] == ("FLOP counted", "bytes counted", "peak memory")
    assert found.rows[0][-3:] == ("100 FLOP (1.00×)", "500 B (2.50×)", "3.00 kB")
    assert found.rows[1][-3:] == ("",) * 3


def test_the_median_of_several_processes_has_their_interval() -> None:
    among = {"median": 2e-3, "low": 1e-3, "high": 4e-3, "processes": 5}
    found = result(network_row(1e-3, {"interval": among}))

    assert table(found, "The network, forward").rows[0][2:4] == ("2.00 ms", "1.00 ms – 4.00 ms (5)")


SCALING: JSON = {
    "question": "data parallel",
    "environment": ENVIRONMENT,
    "backend": "gloo",
    "rows": [
        {
            "scaling": "weak",
            "processes": 2,
            "batch_of_a_process": 8,
            "median": 0.02,
            "p5": 0.01,
            "p95": 0.03,
            "samples_per_second": 800.0,
            "efficiency": 0.5,
        }
    ],
}


def test_training_in_several_processes_has_a_table_on_the_page() -> None:
    part = report.part(result(network_row()), SCALING)

    assert part.tables[-1].caption_en == "Training in several processes (AMD EPYC, gloo)"
    assert part.tables[-1].rows == (("weak", "2", "8", "20.0 ms", "10.0 ms – 30.0 ms", "800", "50.0 %"),)
    assert benchmark_part.from_data(json.loads(benchmark_part.as_text(part))) == part


def test_a_file_that_is_no_result_of_scaling_is_refused(result_file: Path, tmp_path: Path) -> None:
    (tmp_path / "scaling.json").write_text(json.dumps({**SCALING, "rows": []}))

    with pytest.raises(Refusal, match=r"scaling\.json does not contain a result of `benchmarks.data_parallel`"):
        report.command([str(result_file), str(tmp_path / "r"), "--scaling", str(tmp_path / "scaling.json")])


def test_versions_flags_and_commit_are_given() -> None:
    said = english(result(network_row(), modified=True))

    assert "Versions: python 3.12.1, torch 2.15.0. BLAS of NumPy: unknown; kernels in use: unknown. " in said
    assert "Flags: cpu capability = AVX2, mkldnn = on, cudnn = none." in said
    assert "2026-11-23T01:02:03+00:00 at commit 0123456789abcdef, modified." in said


def test_disturbed_rows_are_counted_and_listed() -> None:
    found = result(network_row(), network_row(1e-3, {"disturbed": True, "others": 0.31}, threads=2))

    assert "Other processes used the machine during 1 of 2 rows" in english(found)
    ((name, share),) = table(found, "Disturbed rows").rows
    assert (name, share) == (found["benchmarks"][1]["name"], "31 %")


def test_rows_whose_disturbance_is_unknown_are_counted() -> None:
    untold = network_row(1e-3, {"others": None, "disturbed": None}, threads=2)

    said = english(result(network_row(), untold))

    assert "For 1 of 2 rows the system did not report what other processes used" in said
    assert "Other processes used" not in said
    assert "did not report" not in english(result(network_row()))


def test_noisy_rows_are_counted_and_how_many_of_them_use_several_threads() -> None:
    found = result(*(network_row(1e-3, threads=threads) for threads in (1, 2, 3, 4)))
    for row, p95 in zip(found["benchmarks"], (1.6e-3, 1.6e-3, 9e-3, 1.5e-3), strict=True):
        row["stats"]["p95"] = p95

    assert "p95 exceeds 1.5 times the median: 3 of 4, 2 of them with several threads." in english(found)
    assert "Noisy" not in english(result(network_row()))


def test_the_fewest_rounds_are_given() -> None:
    found = result(network_row(), network_row(threads=2))
    found["benchmarks"][1]["stats"]["rounds"] = 5

    assert "(at least 5 a row)" in english(found)


def test_rows_faster_than_their_floor_are_listed_with_the_reason() -> None:
    floor = {"seconds": 2e-3, "binds": "memory"}
    found = result(network_row(1e-3, {"floor": floor}), network_row(2e-3, {"floor": floor}, threads=2))

    assert "ERROR: rows faster than their floor, marked ‡: 1. Unless they were disturbed, a ceiling" in english(found)
    ((_, *numbers),) = table(found, "Rows faster than their floor").rows
    assert numbers == ["1.00 ms", "2.00 ms", "200 %"]


def test_what_the_result_has_no_rows_for_is_named() -> None:
    said = english(result(network_row()))

    assert [f"no rows for {name}." in said for name in ("single layers", "other implementations", "ResNet-50")] == [
        True
    ] * 3
    assert "no rows" not in english(full_result())


def test_rows_of_other_benchmarks_are_counted_and_left_out() -> None:
    other = {"name": "test_something_else", "stats": {"median": 1.0}, "params": None, "extra_info": {}}

    assert "Rows of other benchmarks that were left out: 1." in english(result(network_row(), other))


def test_a_result_with_all_rows_gives_all_figures(everything: BenchmarkPart) -> None:
    assert [figure.id for figure in everything.figures] == [f"benchmarks-{name}" for name in report.FIGURES]
    assert {figure.section for figure in everything.figures} == {"benchmarks"}


def test_figures_are_well_formed_and_refer_to_nothing_outside(everything: BenchmarkPart) -> None:
    for figure in everything.figures:
        root = ElementTree.fromstring(report.alone(figure.svg))
        links = [value for part in root.iter() for name, value in part.items() if name.endswith("href")]
        assert root.tag == "{http://www.w3.org/2000/svg}svg"
        assert links and all(link.startswith("#benchmarks-") for link in links)


def test_figures_have_titles_and_alternative_texts_in_both_languages(everything: BenchmarkPart) -> None:
    for figure in everything.figures:
        english, chinese = figure.title_en + figure.alt_en, figure.title_zh + figure.alt_zh
        assert not any("一" <= sign <= "鿿" for sign in english)
        assert all(any("一" <= sign <= "鿿" for sign in text) for text in (figure.title_zh, figure.alt_zh)), chinese


def test_the_labels_of_figures_are_told_in_chinese_but_for_names(everything: BenchmarkPart) -> None:
    names = {*counts.LAYERS, *VALUES["layout"], *VALUES["precision"], *VALUES["mode"], "torch", "copied", "cpu", "cuda"}
    labels = {label for figure in everything.figures for label in written(figure.svg)}

    words = {word for label in labels for word in re.findall(r"\b[a-z]\w{2,}\b", in_chinese(label), re.ASCII)}
    assert words - names <= {"numpy", "conv2d", "max_pool2d", "cross_entropy"}


def test_a_disturbed_row_is_drawn_hollow() -> None:
    quiet, loud = (
        report.part(result(*(network_row(batch=batch, extra={"disturbed": disturbed}) for batch in (1, 2)))).figures
        for disturbed in (False, True)
    )

    for undisturbed, hollow in zip(quiet, loud, strict=True):
        assert hollow.svg.count(f"fill: {BLUE}") < undisturbed.svg.count(f"fill: {BLUE}")
    assert ["disturbed" in figures[0].svg for figures in (quiet, loud)] == [False, True]


def test_the_roofline_leaves_out_operations_on_padding() -> None:
    params = {"layer": "conv1", "phase": "forward", "who": "torch"}
    told = result(row("layer", params, 1e-3, flop=40_000_000, bytes=1_000_000, useful_flop=10_000_000))

    roof = report.part(told).figures[0]

    assert "torch 9.09 %" in roof.alt_en  # 10 GFLOP/s of 110, for 10 FLOP a byte at 22 GB/s would be 220
    assert "operations on zero padding, which a kernel may skip, do not count" in english(told)


def test_a_floor_has_the_colour_of_the_rows_whose_floor_it_is() -> None:
    extra = {"floor": {"seconds": 1e-4, "binds": "memory"}}
    first = [network_row(1e-3, batch=batch) for batch in (1, 2)]
    second = [network_row(1e-3, extra, threads=2, batch=batch) for batch in (1, 2)]

    svg = report.part(result(*first, *second)).figures[0].svg

    assert dashed(svg) == {PURPLE}


def test_the_crossover_in_ieee_is_marked_and_described() -> None:
    found = result(
        *(network_row(1e-3 * batch, batch=batch) for batch in (1, 8)),
        *(network_row(2e-3, device="cuda", threads=0, batch=batch) for batch in (1, 8)),
        *(network_row(1e-4, device="cuda", threads=0, batch=batch, precision="bf16") for batch in (1, 8)),
    )

    figure = report.part(found).figures[0]

    assert "GPU faster from batch 8, ieee" in figure.svg
    assert figure.alt_en.endswith(" marks the batch from which the GPU is faster in ieee: forward 8.")
    assert "faster in ieee" not in report.part(full_result(gpu=False)).figures[0].alt_en


TWO_PHASES: list[JSON] = [{"phase": "forward", "threads": 1}, {"phase": "backward", "threads": 2}]


@pytest.mark.parametrize(
    ("found", "drawn"),
    [
        (result(network_row()), ["ladder"]),
        (result(network_row(), network_row(batch=1)), ["time", "ladder"]),
        (result(*(network_row(**one, batch=n) for one in TWO_PHASES for n in (1, 8))), ["time", "ladder"]),
        (result(*layer_rows()), ["roofline", "ratios", "shares"]),
        ({**result(*layer_rows()), "ceilings": []}, ["ratios", "shares"]),
        (result(*rival_rows()), ["rivals"]),
        (result(*resnet50_rows()), ["ratios"]),
        (result(resnet50_rows()[0]), []),
    ],
    ids=[
        "one batch",
        "two batches",
        "a configuration a phase",
        "layers",
        "no ceilings",
        "rivals",
        "ResNet-50",
        "torch alone",
    ],
)
def test_the_figures_are_those_the_rows_allow(found: JSON, drawn: Sequence[str]) -> None:
    assert [figure.id for figure in report.part(found).figures] == [f"benchmarks-{name}" for name in drawn]


def test_the_summary_shows_every_figure_and_every_table(everything: BenchmarkPart) -> None:
    for language in ("en", "zh"):
        text = report.markdown(everything, language)
        assert [f"({name}.svg)" in text for name in report.FIGURES] == [True] * len(report.FIGURES)
        assert text.count("\n| :-- |") == len(everything.tables)


def test_the_summary_begins_like_this() -> None:
    lines = report.markdown(report.part(result(network_row(), cpu="A|B *C*")), "zh").splitlines()

    assert lines[:4] == ["# 基准测试：A\\|B \\*C\\*，2 核，AVX2", "", "[English](README.md)", ""]


def test_the_command_writes_summaries_figures_and_page_data(result_file: Path, tmp_path: Path) -> None:
    report.command([str(result_file), str(tmp_path / "new" / "report")])

    assert sorted(path.name for path in (tmp_path / "new" / "report").iterdir()) == [
        "README.md",
        "README.zh.md",
        "ladder.svg",
        "part.json",
    ]
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["report"]


def test_a_second_report_replaces_the_first_and_leaves_other_files(result_file: Path, tmp_path: Path) -> None:
    for name in ("time.svg", "notes.txt", "README.md"):
        (tmp_path / name).write_text("before")

    report.command([str(result_file), str(tmp_path)])

    assert not (tmp_path / "time.svg").exists()
    assert (tmp_path / "notes.txt").read_text() == "before"
    assert (tmp_path / "README.md").read_text(encoding="utf-8").startswith("# Benchmarks: AMD EPYC, 2 cores, AVX2\n")


def test_a_failure_while_writing_leaves_the_folder_untouched(tmp_path: Path) -> None:
    folder = tmp_path / "report"
    report.write({"README.md": "before"}, folder)

    with pytest.raises(OSError, match="No such file"):
        report.write({"README.md": "after", "missing/figure.svg": ""}, folder)

    assert [path.name for path in tmp_path.iterdir()] == ["report"]
    assert (folder / "README.md").read_text() == "before"


def changed(*path: str | int, to: Any = None) -> JSON:
    """Return a result in which one value is replaced or, without a replacement, missing."""
    found = copy.deepcopy(result(network_row(), network_row(threads=2)))
    place: Any = found
    for step in path[:-1]:
        place = place[step]
    if to is None:
        del place[path[-1]]
    else:
        place[path[-1]] = to
    return found


SECOND = "$.benchmarks[1] (test_network[forward-cpu-2-contiguous-ieee-eager-resident-torch-64])"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "result.json is not JSON: Expecting property name"),
        ('{"benchmarks": NaN}', "$.benchmarks: nan is not a JSON number"),
        ("[]", "$: [] is not of type 'object'"),
        (json.dumps("x" * 999), f"$: '{'x' * 99} ... {'x' * 70}"),
        ("{}", "$: 'benchmarks' is a required property"),
        (json.dumps({**result(), "benchmarks": [7]}), "$.benchmarks[0]: 7 is not of type 'object'"),
        (json.dumps(result()), "$.benchmarks: no row has one of the questions network, layer, rivals, resnet50"),
        (json.dumps(changed("environment")), "$: 'environment' is a required property"),
        (
            json.dumps(changed("ceilings", 0, "bandwidth")),
            "$.ceilings[0]: 'bandwidth' is a required property",
        ),
        (json.dumps(changed("benchmarks", 1, "stats")), "$.benchmarks[1]: 'stats' is a required property"),
        (json.dumps(changed("benchmarks", 1, "stats", "p5")), f"{SECOND}.stats: 'p5' is a required property"),
        (
            json.dumps(changed("benchmarks", 1, "stats", "median", to=0)),
            f"{SECOND}.stats.median: 0 is less than or equal to the minimum of 0",
        ),
        (json.dumps(changed("benchmarks", 1, "params", "mode")), f"{SECOND}.params: 'mode' is a required property"),
        (
            json.dumps(changed("benchmarks", 1, "params", "phase", to="sideways")),
            f"{SECOND}.params.phase: 'sideways' is not one of ['forward', 'backward', 'training step', 'both passes']",
        ),
        (
            json.dumps(changed("benchmarks", 1, "extra_info", "useful_flop", to=-1)),
            f"{SECOND}.extra_info.useful_flop: -1 is less than the minimum of 0",
        ),
        (
            json.dumps(changed("benchmarks", 1, "extra_info", "floor", to={"seconds": 1})),
            f"{SECOND}.extra_info.floor: 'binds' is a required property",
        ),
    ],
)
def test_a_file_that_is_not_a_result_is_refused_and_nothing_is_written(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    path.write_text(text)

    with pytest.raises(Refusal) as refusal:
        report.command([str(path), str(tmp_path / "report")])

    assert message in str(refusal.value)
    assert str(path) in str(refusal.value)
    assert [path.name for path in tmp_path.iterdir()] == ["result.json"]


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match=r"missing\.json cannot be read: No such file"):
        report.command([str(tmp_path / "missing.json"), str(tmp_path / "report")])


def test_a_folder_that_cannot_be_made_is_refused(result_file: Path) -> None:
    with pytest.raises(Refusal, match="cannot be written: "):
        report.command([str(result_file), str(result_file / "report")])


def test_a_file_where_the_folder_should_be_is_refused(result_file: Path, tmp_path: Path) -> None:
    (tmp_path / "report").write_text("mine")

    with pytest.raises(Refusal, match="report cannot be written: "):
        report.command([str(result_file), str(tmp_path / "report")])

    assert (tmp_path / "report").read_text() == "mine"


def test_the_command_needs_a_result_and_a_folder() -> None:
    with pytest.raises(WrongUsage, match=r"required: RESULT\.json, DIR"):
        report.command([])


def test_a_refusal_is_one_line_and_a_status(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        run("benchmarks.report", lambda: report.command(["missing.json", "report"]))

    assert ended.value.code == 1
    assert (
        capsys.readouterr().err == "benchmarks.report: error: missing.json cannot be read: No such file or directory\n"
    )


STORED = [
    file for file in sorted((Path(__file__).parent / "results").glob("*.json")) if not file.stem.endswith(".scaling")
]
CONSTRAINTS = (Path(__file__).parents[1] / "constraints.txt").read_text(encoding="utf-8").splitlines()


def scaling_beside(stored: Path) -> Path | None:
    """Return the file with the steps in several processes, if there is one beside a result."""
    file = stored.with_suffix(".scaling.json")
    return file if file.exists() else None


@pytest.mark.parametrize("readme", ["README.md", "README.zh.md"])
def test_the_readme_quotes_the_stored_result(readme: str) -> None:
    text = (Path(__file__).parents[1] / readme).read_text(encoding="utf-8")
    linked, _, findings = text.partition("](benchmarks/results/")[2].partition(readme)
    rows = results.rows_of(results.read(Path(__file__).parent / "results" / f"{linked.strip('/')}.json"))
    ratios = {row.work[0]: ratio for row, ratio in results.compared(rows, "torch")}
    names = [*(f"conv{n} {phase}" for phase in ("forward", "backward") for n in "123")]
    names += ["network training step, batch 64", "ResNet-50 forward, batch 1"]

    quoted = re.findall(r"\b\d\.\d\d\b", findings.partition("\n- ")[2])[: len(names)]
    assert quoted == [f"{ratios[name].median:.2f}" for name in names]


@pytest.mark.parametrize("stored", STORED, ids=lambda file: file.stem)
def test_the_stored_summaries_and_page_data_are_those_of_the_stored_result(stored: Path) -> None:
    computed = report.read(stored, scaling_beside(stored))

    found = benchmark_part.read(stored.with_suffix("") / benchmark_part.FILE)
    assert without_drawings(found) == without_drawings(computed)
    for figure, drawn in zip(found.figures, computed.figures, strict=True):
        assert written(figure.svg) == written(drawn.svg)
    for name, language in (("README.md", "en"), ("README.zh.md", "zh")):
        assert (stored.with_suffix("") / name).read_text(encoding="utf-8") == report.markdown(computed, language)


def without_drawings(part: BenchmarkPart) -> BenchmarkPart:
    """Return a part whose figures are empty."""
    return replace(part, figures=tuple(replace(figure, svg="<svg/>") for figure in part.figures))


def written(svg: str) -> list[str]:
    """Return the texts in a drawing."""
    return ["".join(part.itertext()) for part in ElementTree.fromstring(svg).iter() if part.tag.endswith("}text")]


@pytest.mark.skipif(
    f"matplotlib=={matplotlib.__version__}" not in CONSTRAINTS,
    reason="the stored figures were drawn by the Matplotlib in constraints.txt; other versions place marks otherwise",
)
@pytest.mark.parametrize("stored", STORED, ids=lambda file: file.stem)
def test_the_stored_files_are_what_the_command_writes(stored: Path) -> None:
    for name, text in report.files(report.read(stored, scaling_beside(stored))).items():
        assert (stored.with_suffix("") / name).read_text(encoding="utf-8") == text, f"{name} is out of date"
