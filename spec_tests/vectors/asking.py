"""Asking functions called as in torch.nn.functional: a case becomes a call, and what comes back gets names."""

import warnings
from typing import Any

import numpy as np

from spec_tests.vectors.comparing import Arrays, Case, Results, settled, what_is_wrong
from spec_tests.vocabulary.operations import GRADIENTS, OPTIMIZERS
from spec_tests.vocabulary.subject import REFUSALS, NotOffered, optional

BACKWARD, NETWORK = "_backward", "cifar10_cnn_backward"


def verdict(subject: Any, case: Case, arrays: Arrays) -> str | None:
    """Return what is wrong with a subject's answer, "" if nothing is, or None if it does not offer what is asked."""
    try:
        results: Results = answer(subject, case, arrays)
    except NotOffered:
        return None
    except REFUSALS as error:
        return "" if "refused" in case["expected"] else f"is refused: {error}".splitlines()[0]
    except Exception as error:
        return f"{type(error).__name__}: {error}".splitlines()[0]
    if case["function"].removesuffix(BACKWARD) in subject.transforms:
        results = settled(results)
    return what_is_wrong(case, arrays, results)


def answer(subject: Any, case: Case, arrays: Arrays) -> dict[str, Any]:
    """Return the results of a case by name."""
    dtype = case["dtype"]
    at = subject.at(dtype) if dtype.startswith(("float", "bfloat")) else subject
    arguments = call_of(case, arrays)
    function, operation = case["function"], case["function"].removesuffix(BACKWARD)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        if "wanted" in case and (alone := optional(at, "gradients_of")):
            wanted = tuple(case["wanted"])
            return {
                f"grad_{name}": grad for name, grad in zip(wanted, alone(operation, wanted, **arguments), strict=True)
            }
        result = getattr(at, function)(**arguments)
    return named(function, result)


def call_of(case: Case, arrays: Arrays) -> dict[str, Any]:
    """Return the arguments of a case as torch takes them: the sequences of JSON become tuples."""
    state: dict[str, Any] = {}
    parameters: dict[str, Any] = {}
    arguments: dict[str, Any] = {}
    for name, array in case["arguments"].items():
        value = None if array is None else arrays[array].copy()
        if name.startswith("state."):
            state[name.removeprefix("state.")] = value
        elif name.startswith("parameters."):
            parameters[name.removeprefix("parameters.")] = value
        else:
            arguments[name] = value
    options = {name: _tuples(value) for name, value in case["as_torch"].items()}
    if options.get("dtype") is not None:
        options["dtype"] = np.dtype(options["dtype"])
    if case["function"] in OPTIMIZERS:
        step = options.pop("step", None)
        options["state"] = {**({} if step is None else {"step": step}), **state}
    if parameters:
        arguments["parameters"] = parameters
    return {**arguments, **options}


def _tuples(value: Any) -> Any:
    return tuple(map(_tuples, value)) if isinstance(value, list) else value


def named(function: str, result: Any) -> dict[str, Any]:
    """Return the results of a function by the names that cases give them."""
    if function in OPTIMIZERS:
        param, state = result
        return {"param": param, **{f"state.{name}": value for name, value in state.items() if name != "step"}}
    if function.endswith(BACKWARD):
        grads = result if isinstance(result, tuple) else (result,)
        if function == NETWORK:
            of_parameters = {f"grad_parameters.{name}": grad for name, grad in result[1].items()}
            return {"grad_input": result[0], **of_parameters}
        names = GRADIENTS.get(function.removesuffix(BACKWARD), ())
        return {f"grad_{name}": grad for name, grad in zip(names, grads, strict=True)}
    if function == "batch_norm_statistics":
        return dict(zip(("running_mean", "running_var"), result, strict=True))
    if isinstance(result, tuple):
        return dict(zip(("output", "indices"), result, strict=True))
    return {"output": result}
