"""PyTorch, on any device that it has: as it is, and in the other ways in which it computes the same.

--subject torch                 eager, as it is
--subject torch:channels_last   arrays of four and five axes lie in channels_last
--subject torch:strided         every array lies in another way: slices, transposed, turned, from an offset
--subject torch:threads         the work is shared by two threads
--subject torch:default_device  every call is made inside `with torch.device(...)`
--subject torch:vmap            a batch is computed by `torch.vmap` over its images
--subject torch:jvp             gradients come from forward-mode derivatives
--subject torch:meta            what comes out has the shapes and dtypes that the meta device promises
--subject torch:traced          functions are recorded on other numbers by `torch.jit.trace`, and played back
--subject torch:export          the same by `torch.export`
--subject torch:aot_eager       functions are compiled by `torch.compile`, without generating code
--subject torch:compile         functions are compiled by `torch.compile` with inductor, which needs a C++ compiler
"""

import torch
from packaging.version import Version

from spec_tests.contract.functions import nearest
from spec_tests.contract.on_tensors import tried_out
from spec_tests.subjects.torch import (
    amx,
    compiled,
    default_device,
    forward_mode,
    laid,
    mapped,
    meta,
    recorded,
    threaded,
)
from spec_tests.subjects.torch.eager import TorchSubject
from spec_tests.vocabulary.subject import NotAvailable

OLDEST = "2.11"
"""The first version of torch that the specification was held against."""

VARIANTS: dict[str, type[TorchSubject]] = {
    "": TorchSubject,
    "channels_last": laid.ChannelsLast,
    "strided": laid.Strided,
    "threads": threaded.Threads,
    "default_device": default_device.DefaultDevice,
    "vmap": mapped.Vmap,
    "jvp": forward_mode.Jvp,
    "meta": meta.Meta,
    "traced": recorded.Traced,
    "export": recorded.Exported,
    "aot_eager": compiled.AotEager,
    "compile": compiled.Inductor,
}


def load(device: str, variant: str) -> TorchSubject:
    """Return torch on this device, tried out by one addition there."""
    if variant not in VARIANTS:
        hint = nearest(variant, VARIANTS) or f"; there are {', '.join(filter(None, VARIANTS))}"
        raise NotAvailable(f"torch comes in no variant {variant!r}{hint}")
    if Version(torch.__version__) < Version(OLDEST):
        raise NotAvailable(f"torch {torch.__version__} is too old, {OLDEST} or later is needed: pip install -U torch")
    kind = VARIANTS[variant]
    place = tried_out(device)
    notes = amx.leave_out() if place.type == "cpu" else ()
    kind.check()
    subject = kind(place)
    subject.notes = notes
    return subject
