"""Is this a bug or rounding? A verdict on one output, or on two that differ.

    python -m spec_tests.verdict CASE.npz
    python -m spec_tests.verdict CASE.safetensors --json
    python -m spec_tests.verdict case.py                   the file is EXECUTED
    python -m spec_tests.verdict --example case.py         writes such a file, to begin with

    --format FORMAT    the number format that the results claim: float32, float64, float16, bfloat16 or tf32
    --json             the verdict as JSON
    --example FILE     write an example and end

What a case holds, under these names:

    operation             the name of an operation, as "conv2d", "linear", "cross_entropy", "layer_norm" or "adam"
    input, weight, ...    its arguments, arrays and options, named as in torch.nn.functional: stride, padding, eps, ...
    grad_output           for gradients
    output                the result to be judged; or grad_input, grad_weight, ...; indices; next_param, ...
    output_NAME           the result of an implementation called NAME: two names are two outputs, to be compared
    format                the number format that results claim, unless it is that of the arrays

So, in Python: np.savez("case.npz", operation="conv2d", input=x, weight=w, padding=1, output_cpu=a, output_gpu=b).
In a .npz file all are arrays, read without pickles. In a .safetensors file arrays are tensors, and the rest is text in
the metadata. A Python file defines them as names. bfloat16 numbers may be held in float32, or as uint16 with this
format.

The decision, for each result: "exact" or "rounding", which is right; "a coarser format", "another convention" or
"wrong"; or "cannot say", where no bound is known, or where errors are within the bound but such as rounding seldom
makes. Exit codes: 0 right; 1 not right; 2 a case that makes no sense; 3 cannot say.
"""

import argparse
import json
import os
import sys
import warnings
from pathlib import Path
from typing import NoReturn

from reference.command import in_one_line
from reference.whole_files import write_new_text
from spec_tests.verdict import BadCase, judged
from spec_tests.verdict.case_files import read

EXAMPLE = '''\
"""Two outputs of one convolution: python -m spec_tests.verdict {name}"""

import numpy as np

operation = "conv2d"  # named and called as in torch.nn.functional
rng = np.random.default_rng(0)
input = rng.standard_normal((1, 3, 8, 8), np.float32)
weight = rng.standard_normal((4, 3, 3, 3), np.float32)
padding = 1

windows = np.lib.stride_tricks.sliding_window_view(np.pad(input, [(0, 0), (0, 0), (1, 1), (1, 1)]), (3, 3), (2, 3))
output_mine = np.einsum("ncijpq,ocpq->noij", windows, weight)
output_theirs = np.einsum("ncijpq,ocpq->noij", windows.astype(np.float16), weight.astype(np.float16)).astype(np.float32)
'''

CANNOT = 2
"""The exit code of a case that makes no sense."""

BROKEN_PIPE = 141
"""The exit code where nobody reads the text to its end: that of the shell for the signal of a broken pipe."""


def main(arguments: list[str]) -> int:
    """Print a verdict, and return the exit code."""
    parser = argparse.ArgumentParser("python -m spec_tests.verdict", usage=__doc__, add_help=False)
    parser.add_argument("case", nargs="?", type=Path)
    parser.add_argument("--format")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--example", type=Path)
    parser.add_argument("-h", "--help", action="store_true")
    parser.error = _usage_error  # type: ignore[method-assign]
    options = parser.parse_args(arguments)
    if options.help or (options.case is None and options.example is None):
        print(__doc__)
        return 0 if options.help else CANNOT
    if options.example is not None:
        return _write_example(options.example)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            case = read(options.case, options.format)
            verdict = judged(case.operation, case.arguments, case.outputs, case.dtype)
    except (BadCase, MemoryError) as error:
        said = error if isinstance(error, BadCase) else f"{options.case.name} needs more memory than there is"
        print(f"error: {in_one_line(said)}", file=sys.stderr)
        return CANNOT
    if options.json:
        print(json.dumps(verdict.as_json(), indent=2, ensure_ascii=False))
    else:
        print(verdict.text)
        if case.unread:
            print(f"note: {options.case.name} also defines {', '.join(case.unread)}, which is none of the case")
    return verdict.exit_code


def _usage_error(message: str) -> NoReturn:
    print(f"error: {in_one_line(message)}; --help says how", file=sys.stderr)
    sys.exit(CANNOT)


def _write_example(path: Path) -> int:
    try:
        write_new_text(path, EXAMPLE.format(name=path.name))
    except FileExistsError:
        print(f"error: {in_one_line(path)} exists already", file=sys.stderr)
        return CANNOT
    except OSError as error:
        print(f"error: {in_one_line(path)} cannot be written: {error.strerror or error}", file=sys.stderr)
        return CANNOT
    print(f"{path} is written: python -m spec_tests.verdict {path}")
    return 0


if __name__ == "__main__":
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a console without γ or × prints something else
    try:
        code = main(sys.argv[1:])
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError as error:  # whoever read has seen enough, as `head` does, or there is no room for the output
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = BROKEN_PIPE if isinstance(error, BrokenPipeError) else CANNOT
        if code == CANNOT:
            print(f"error: {error.strerror}", file=sys.stderr)
    sys.exit(code)
