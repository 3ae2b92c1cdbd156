"""The references with convolutions by an FFT: whoever transforms must be able to pass."""

from spec_tests.subjects.reference import Namespace
from spec_tests.transforming.fft import Fft
from spec_tests.vocabulary.subject import NotAvailable


def load(device: str, variant: str) -> Namespace:
    """Return the references with these convolutions; they run on the CPU and come in one variant."""
    if device != "cpu" or variant:
        raise NotAvailable("convolutions in NumPy run on device 'cpu' and come in no variants")
    convolutions = Fft()
    return Namespace(
        "the references, convolutions by an FFT",
        convolutions.transforms,
        convolutions.calls,
        **convolutions.functions(),
    )
