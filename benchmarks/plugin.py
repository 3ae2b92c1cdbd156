"""What `pytest benchmarks` adds to pytest and pytest-benchmark: the choice of rows to measure, and a table of results.

    --batches 1,64,8192     these batches instead of the ladder's (1 to 8192, on the CPU only up to 512)
    --phases PHASE,...      forward, backward, training step
    --devices DEVICE,...    cpu, cuda
    --threads N,...         of the CPU, a number or "all"
    --layouts, --precisions, --modes, --data, --who
                            all combinations of these instead of the ladder's rungs (see `benchmarks/configuration.py`)
    --processes N           repeat the headline rows in N processes, at least 5 (see `benchmarks/processes.py`)
    --without-ceilings      do not measure the machine's limits, so that no row has a floor
    --only-times            measure no cold rounds, count nothing, and check what a row computes only once
    --pretend-cuda          try the code for a GPU on the CPU; times mean nothing and cannot be stored

pytest-benchmark's own options about rounds have no effect: they stop by the rule in `benchmarks/measuring.py`. Only
rows that are what the options say are run, of all questions. A row that is faster than its floor although nothing
disturbed it is a mistake, in the floor or in the row, and fails the run. Of a run that is interrupted, by Ctrl-C or by
SIGTERM, nothing is stored.

`--benchmark-json FILE` writes the result with the environment and the ceilings of the run; `python -m
benchmarks.report` draws it. With `--benchmark-disable` every row runs once at two small batches, as a smoke test.
"""

import signal
from collections import Counter
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from benchmarks import configuration
from benchmarks.configuration import Configuration
from reference.whole_files import check_place

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
FEWEST_PROCESSES = 5
"""With fewer processes, a bootstrap has too few values to draw from."""
STORING = ("benchmark_json", "benchmark_save", "benchmark_autosave")
INTERRUPTED = pytest.ExitCode.INTERRUPTED


@dataclass
class Run:
    """What a run is asked for, and what it has found so far."""

    given: Mapping[str, list[Any]]
    """The values of the options that choose rows."""
    wanted: list[Configuration]
    """The network's rows."""
    rows: list[dict[str, Any]] = field(default_factory=list)
    skipped: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)
    measuring: bool = False
    interrupted: bool = False
    limits: Any = None
    """The run's `ceilings.Limits`, once a row has asked for them."""
    at_the_end: ExitStack = field(default_factory=ExitStack)
    """What is to be undone."""


RUN = pytest.StashKey[Run]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    group = parser.getgroup("the network's benchmarks")
    for name, plural in OPTIONS.items():
        values = configuration.VALUES.get(name, ("whole numbers",))
        group.addoption(f"--{plural}", metavar=name.upper() + ",...", help=f"comma separated: {', '.join(values)}")
    group.addoption("--processes", metavar="N", type=int, default=1, help="processes for the headline rows, at least 5")
    group.addoption("--without-ceilings", action="store_true", help="do not measure the machine's limits")
    group.addoption("--only-times", action="store_true", help="measure no cold rounds, and count nothing")
    group.addoption("--pretend-cuda", action="store_true", help="try the code for a GPU on the CPU")


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Reject invalid options early; suppress pytest-benchmark's table in favour of ours, except in comparisons."""
    config.addinivalue_line("markers", "row(**settings): what a benchmark's row has in common with `Configuration`")
    option, run = config.option, _asked(config.option)
    config.stash[RUN] = run
    if option.processes != 1 and option.processes < FEWEST_PROCESSES:
        raise pytest.UsageError(f"--processes is {option.processes}, expected at least {FEWEST_PROCESSES}")
    if option.pretend_cuda:
        if any(getattr(option, name, None) for name in STORING):
            raise pytest.UsageError("--pretend-cuda measures nothing that could be stored")
        run.at_the_end.enter_context(import_module("benchmarks.pretended").pretended())
    if isinstance(getattr(option, "benchmark_json", None), Path):
        try:
            check_place(option.benchmark_json)  # and not after all was measured
        except OSError as error:
            raise pytest.UsageError(f"--benchmark-json {error.filename} cannot be written: {error.strerror}") from None
    if run.given.get("device") == ["cuda"] and not import_module("torch").cuda.is_available():
        raise pytest.UsageError("--devices cuda: torch finds no CUDA device here")
    if not (getattr(option, "benchmark_compare", None) or getattr(option, "benchmark_verbose", None)):
        option.benchmark_quiet = True


def _asked(option: Any) -> Run:
    """Return what the options ask for; a usage error names an invalid one."""
    cores = configuration.cores()
    texts = {name: getattr(option, plural) for name, plural in OPTIONS.items()}
    try:
        given = {name: configuration.parsed(name, text, cores) for name, text in texts.items() if text is not None}
        smoke = {"batch": SMOKE_BATCHES} if getattr(option, "benchmark_disable", False) else {}
        return Run(given, configuration.chosen_rows({**smoke, **given}, cores))
    except ValueError as error:
        names = ", ".join(f"--{plural}" for plural in OPTIONS.values())
        raise pytest.UsageError(f"{error} ({names})") from None


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect the rows that the options do not mean and, with --benchmark-only, the tests of the tools."""
    given, only = config.stash[RUN].given, getattr(config.option, "benchmark_only", False)
    mine = [item for item in items if ROOT in item.path.parents]
    unwanted = {item for item in mine if (not _is_selected(item, given) if _is_row(item) else only)}
    if unwanted:
        config.hook.pytest_deselected(items=list(unwanted))
        items[:] = [item for item in items if item not in unwanted]


def _is_selected(item: pytest.Item, given: Mapping[str, list[Any]]) -> bool:
    """Tell whether a row is what the options say: its parameters, its marks or else a configuration's defaults."""
    settings = asdict(Configuration())
    for mark in item.iter_markers("row"):
        settings.update(mark.kwargs)
    callspec = getattr(item, "callspec", None)
    settings.update(callspec.params if callspec else {})
    if settings["device"] == "cuda":
        settings["threads"] = 0
    return all(settings[name] in values for name, values in given.items())


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Parametrize the network's test with its rows."""
    if "configuration_of_row" in metafunc.fixturenames:
        rows = metafunc.config.stash[RUN].wanted
        values = [tuple(asdict(row).values()) for row in rows]
        metafunc.parametrize(configuration.NAMES, values, ids=[row.id for row in rows])


def pytest_collection_finish(session: pytest.Session) -> None:
    """Note whether there are rows to measure."""
    session.config.stash[RUN].measuring = _measures(session.config) and any(map(_is_row, session.items))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Any:
    """Keep what a row measured, or why it was skipped."""
    report: pytest.TestReport = yield
    if ROOT in item.path.parents and _is_row(item):
        run = item.config.stash[RUN]
        if report.skipped and isinstance(report.longrepr, tuple):
            run.skipped[str(report.longrepr[2]).removeprefix("Skipped: ")] += 1
        stats = getattr(item.funcargs.get("benchmark"), "stats", None) if hasattr(item, "funcargs") else None
        if report.when == "call" and report.passed and stats is not None:
            run.rows.append(_row(stats.as_dict(include_data=True, cprofile=(None, None))))
    return report


@pytest.hookimpl(optionalhook=True)
def pytest_benchmark_update_machine_info(machine_info: dict[str, Any]) -> None:
    """Leave out the machine's network name, because results are meant to be shared."""
    machine_info.pop("node", None)


@pytest.hookimpl(optionalhook=True)
def pytest_benchmark_update_json(config: pytest.Config, output_json: dict[str, Any]) -> None:
    """Add the environment and the ceilings; keep only the 5th and 95th percentiles of each row's times."""
    output_json.update(_result(config))


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> Any:
    """Finish the rows before they are stored; fail if one is faster than its floor, or if nothing was measured."""
    config, run = session.config, session.config.stash[RUN]
    try:
        run.interrupted = run.measuring and session.exitstatus == INTERRUPTED
        if run.rows and not run.interrupted:
            _finish(config, run)
            for kind in (signal.SIGINT, signal.SIGTERM):  # what follows is written whole
                run.at_the_end.callback(signal.signal, kind, signal.signal(kind, signal.SIG_IGN))
    except KeyboardInterrupt:
        run.interrupted, session.exitstatus = True, INTERRUPTED
    if run.interrupted:
        saving: Any = config._benchmarksession  # type: ignore[attr-defined]  # pytest-benchmark's
        saving.json = saving.save = saving.autosave = None
    if session.exitstatus == 0 and run.problems:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
    if session.exitstatus == 0 and run.skipped and not run.rows and _measures(config):
        session.exitstatus = pytest.ExitCode.NO_TESTS_COLLECTED
    return (yield)


def _finish(config: pytest.Config, run: Run) -> None:
    """Repeat the headline rows if asked to, and measure again the ceilings that a row exceeds."""
    if config.option.processes > 1:
        processes = import_module("benchmarks.processes")  # here, because other runs need neither NumPy nor torch
        chosen = {plural: getattr(config.option, plural) for plural in OPTIONS.values()}
        options = [f"--{plural}={text}" for plural, text in chosen.items() if text is not None]
        try:
            processes.repeat(run.rows, config.option.processes, options, config.rootpath)
        except processes.ChildFailed as error:  # what this process measured is stored nevertheless
            run.problems.append(str(error))
    if run.limits is not None and not config.option.pretend_cuda:
        too_fast = "FASTER THAN ITS FLOOR, although nothing disturbed it: "
        run.problems += [too_fast + name for name in run.limits.settle(run.rows)]


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop pretending, and handle signals as before."""
    if RUN in config.stash:
        config.stash[RUN].at_the_end.close()


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Print the tables, or that nothing was measured."""
    run = config.stash[RUN]
    if not _measures(config) or not (run.rows or run.skipped or run.interrupted):
        return
    terminalreporter.section("benchmarks")
    if run.interrupted:
        terminalreporter.write_line("INTERRUPTED: nothing is stored.")
    elif run.rows:
        summary = import_module("benchmarks.summary")  # here, because other runs need neither NumPy nor torch
        terminalreporter.write_line("\n".join(summary.lines(_result(config))))
    else:
        terminalreporter.write_line("NOTHING WAS MEASURED: every row was skipped.")
    for problem in run.problems:
        terminalreporter.write_line(problem)
    for reason, count in sorted(run.skipped.items()):
        terminalreporter.write_line(f"{count} rows skipped: {reason}")


def _measures(config: pytest.Config) -> bool:
    session = getattr(config, "_benchmarksession", None)
    return session is not None and not session.disabled and not session.skip


def _is_row(item: pytest.Item) -> bool:
    return "benchmark" in getattr(item, "fixturenames", ())


def _row(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row of pytest-benchmark's JSON with its individual times replaced by two percentiles."""
    np = import_module("numpy")  # here, for the same reason
    stats = {name: value for name, value in row["stats"].items() if name != "data"}
    p5, p95 = np.quantile(row["stats"]["data"], (0.05, 0.95))
    return {**row, "stats": {**stats, "p5": float(p5), "p95": float(p95)}}


def _result(config: pytest.Config) -> dict[str, Any]:
    """Return the rows of this run, its environment, and the ceilings of the devices it used."""
    environment = import_module("benchmarks.environment").environment()  # here, for the same reason
    run = config.stash[RUN]
    known = run.limits.known.values() if run.limits is not None else ()
    return {"benchmarks": run.rows, "environment": environment, "ceilings": [asdict(ceiling) for ceiling in known]}
