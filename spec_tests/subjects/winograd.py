"""The references with convolutions of 3×3 kernels by Winograd's algorithm: whoever transforms must be able to pass."""

from spec_tests.subjects.reference import Namespace
from spec_tests.transforming.winograd import Winograd
from spec_tests.vocabulary.subject import NotAvailable


def load(device: str, variant: str) -> Namespace:
    """Return the references with these convolutions; they run on the CPU and come in one variant."""
    if device != "cpu" or variant:
        raise NotAvailable("convolutions in NumPy run on device 'cpu' and come in no variants")
    convolutions = Winograd()
    return Namespace(
        "the references, convolutions of 3×3 kernels by Winograd's algorithm",
        convolutions.transforms,
        convolutions.calls,
        **convolutions.functions(),
    )
