"""What `pytest benchmarks` adds to pytest and pytest-benchmark: the choice of rows to measure, and a table of results.

    --batches 1,64,8192     these batches instead of the ladder's (1 to 8192, on the CPU only up to 512)
    --phases PHASE,...      forward, backward, training step
    --devices DEVICE,...    cpu, cuda
    --threads N,...         of the CPU, a number or "all"
    --layouts, --precisions, --modes, --data, --who
                            all combinations of these instead of the ladder's rungs (see `benchmarks/configuration.py`)

`--benchmark-json FILE` writes the result with the environment and the ceilings of the run; `python -m
benchmarks.report` draws it. With `--benchmark-disable` every row runs once at two small batches, as a smoke test.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from benchmarks import configuration
from benchmarks.counts import Ceiling

ROOT = Path(__file__).parent
OPTIONS = {
    "phase": "phases",
    "device": "devices",
    "threads": "threads",
    "layout": "layouts",
    "precision": "precisions",
    "mode": "modes",
    "data": "data",
    "who": "who",
    "batch": "batches",
}
SMOKE_BATCHES = [1, 8]
ROWS = pytest.StashKey[list[dict[str, Any]]]()
SKIPPED = pytest.StashKey[Counter[str]]()
CEILINGS = pytest.StashKey[dict[tuple[str, int, str], Ceiling]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    group = parser.getgroup("the network's benchmarks")
    for name, plural in OPTIONS.items():
        values = configuration.VALUES.get(name, ("whole numbers",))
        group.addoption(f"--{plural}", metavar=name.upper() + ",...", help=f"comma separated: {', '.join(values)}")


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Reject invalid options early; suppress pytest-benchmark's table in favour of ours, except in comparisons."""
    config.stash[ROWS], config.stash[SKIPPED], config.stash[CEILINGS] = [], Counter(), {}
    _wanted(config)
    option = config.option
    if not (getattr(option, "benchmark_compare", None) or getattr(option, "benchmark_verbose", None)):
        option.benchmark_quiet = True


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """With --benchmark-only, deselect the tests of the benchmarks' own tools instead of skipping them one by one."""
    if not getattr(config.option, "benchmark_only", False):
        return
    tools = [item for item in items if ROOT in item.path.parents and not _is_row(item)]
    if tools:
        config.hook.pytest_deselected(items=tools)
        items[:] = [item for item in items if item not in tools]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Parametrize the network's test with its rows."""
    if "configuration_of_row" in metafunc.fixturenames:
        rows = _wanted(metafunc.config)
        values = configuration.parametrization(rows)
        metafunc.parametrize(",".join(configuration.NAMES), values, ids=[row.id for row in rows])


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Any:
    """Keep what a row measured, or why it was skipped."""
    report: pytest.TestReport = yield
    if ROOT in item.path.parents and _is_row(item):
        if report.skipped and isinstance(report.longrepr, tuple):
            item.config.stash[SKIPPED][str(report.longrepr[2]).removeprefix("Skipped: ")] += 1
        stats = getattr(item.funcargs.get("benchmark"), "stats", None) if hasattr(item, "funcargs") else None
        if report.when == "call" and report.passed and stats is not None:
            item.config.stash[ROWS].append(_row(stats.as_dict(include_data=True, cprofile=(None, None))))
    return report


@pytest.hookimpl(optionalhook=True)
def pytest_benchmark_update_machine_info(machine_info: dict[str, Any]) -> None:
    """Leave out the machine's network name, because results are meant to be shared."""
    machine_info.pop("node", None)


@pytest.hookimpl(optionalhook=True)
def pytest_benchmark_update_json(config: pytest.Config, output_json: dict[str, Any]) -> None:
    """Add the environment and the ceilings; keep only the 5th and 95th percentiles of each row's times."""
    output_json["benchmarks"] = config.stash[ROWS]
    output_json.update(_surroundings(config))


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Let a run fail that should have measured something and measured nothing."""
    config = session.config
    if session.exitstatus == 0 and config.stash[SKIPPED] and not config.stash[ROWS] and _measures(config):
        session.exitstatus = pytest.ExitCode.NO_TESTS_COLLECTED


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Print the tables, or that nothing was measured."""
    rows, skipped = config.stash[ROWS], config.stash[SKIPPED]
    if not _measures(config) or not (rows or skipped):
        return
    terminalreporter.section("benchmarks")
    if rows:
        table = import_module("benchmarks.table")  # here, because other runs need neither NumPy nor torch
        terminalreporter.write_line("\n".join(table.lines({"benchmarks": rows, **_surroundings(config)})))
    else:
        terminalreporter.write_line("NOTHING WAS MEASURED: every row was skipped.")
    for reason, count in sorted(skipped.items()):
        terminalreporter.write_line(f"{count} rows skipped: {reason}")


def _measures(config: pytest.Config) -> bool:
    session = getattr(config, "_benchmarksession", None)
    return session is not None and not session.disabled and not session.skip


def _is_row(item: pytest.Item) -> bool:
    return "benchmark" in getattr(item, "fixturenames", ())


def _wanted(config: pytest.Config) -> list[configuration.Configuration]:
    """Return the rows that the options select; a usage error names an invalid option."""
    cores = configuration.cores()
    texts = {name: getattr(config.option, plural) for name, plural in OPTIONS.items()}
    try:
        options = {name: configuration.parsed(name, text, cores) for name, text in texts.items() if text is not None}
        if getattr(config.option, "benchmark_disable", False) and "batch" not in options:
            options["batch"] = SMOKE_BATCHES
        return configuration.chosen_rows(options, cores)
    except ValueError as error:
        raise pytest.UsageError(f"{error} ({', '.join(f'--{plural}' for plural in OPTIONS.values())})") from None


def _row(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row of pytest-benchmark's JSON with its individual times replaced by two percentiles."""
    np = import_module("numpy")  # here, for the same reason
    stats = {name: value for name, value in row["stats"].items() if name != "data"}
    p5, p95 = np.quantile(row["stats"]["data"], (0.05, 0.95))
    return {**row, "stats": {**stats, "p5": float(p5), "p95": float(p95)}}


def _surroundings(config: pytest.Config) -> dict[str, Any]:
    """Return the environment of this run and the ceilings of the devices it used."""
    environment = import_module("benchmarks.environment").environment()  # here, for the same reason
    return {"environment": environment, "ceilings": [asdict(ceiling) for ceiling in config.stash[CEILINGS].values()]}
