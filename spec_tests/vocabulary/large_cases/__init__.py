"""For every operation a short list of fixed cases, of the sizes at which kernels change their path.

Channels, classes, features and entries along an axis stand on both sides of 8, 16, 32, 64, 128, 512 and 1,024, as
multiples of 16 and not; there are more than 128 and more than 768 samples. Spatial sizes are tiny where channels are
many. A row of `operations` names its list as `large`.
"""

from spec_tests.vocabulary.large_cases.case import Cases, LargeCase
from spec_tests.vocabulary.large_cases.formulas import (
    BATCH_NORM,
    CROSS_ENTROPY,
    L1_LOSS,
    LAYER_NORM,
    MSE_LOSS,
    NLL_LOSS,
)
from spec_tests.vocabulary.large_cases.one_array import (
    ADAPTIVE_AVG_POOL,
    AVG_POOL,
    FLATTEN,
    LOG_SOFTMAX,
    MAX_POOLS,
    PAD,
    RELU,
    SIGMOID,
    SOFTMAX,
    TANH,
)
from spec_tests.vocabulary.large_cases.sums import (
    CONVOLUTIONS,
    LINEAR,
)

__all__ = [
    "ADAPTIVE_AVG_POOL",
    "AVG_POOL",
    "BATCH_NORM",
    "CONVOLUTIONS",
    "CROSS_ENTROPY",
    "FLATTEN",
    "L1_LOSS",
    "LAYER_NORM",
    "LINEAR",
    "LOG_SOFTMAX",
    "MAX_POOLS",
    "MSE_LOSS",
    "NLL_LOSS",
    "PAD",
    "RELU",
    "SIGMOID",
    "SOFTMAX",
    "TANH",
    "Cases",
    "LargeCase",
]
