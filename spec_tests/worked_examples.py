"""The numbers of the document's worked examples, which the tests prove and the report draws."""

import numpy as np

# 2.1.2 One channel and one kernel, and two channels of two images

MAP = np.array(
    [
        [1.0, 2, 3, 0, 1],
        [4, 5, 6, 1, 0],
        [7, 8, 9, 2, 1],
        [0, 1, 2, 3, 4],
        [3, 2, 1, 0, 5],
    ]
)
KERNEL = np.array(
    [
        [1.0, 0, -1],
        [1, 0, -1],
        [1, 0, -1],
    ]
)
CHANNELS = np.array([[[1.0, 2], [3, 4]], [[5, 6], [7, 8]]])
KERNEL_SLICES = np.array([[[1.0, 0], [0, 1]], [[0, 1], [1, 0]]])

# 2.2 One channel of 5×5, pooled with a window of 3×3 and stride 1

POOLED_MAP = np.array(
    [
        [
            [1.0, 3, 2, 4, 0],
            [5, 2, 7, 1, 3],
            [9, 6, 3, 8, 2],
            [2, 5, 1, 7, 4],
            [8, 3, 6, 2, 9],
        ]
    ]
)

# 2.6.1 and 2.6.2 Five predictions, each half a unit too small

PREDICTION = np.array([1, 2, 3, 4, 5])
TARGET = np.array([1.5, 2.5, 3.5, 4.5, 5.5], "float32")

# 2.6.3 Two models that tell cats, dogs and pigs apart, on three pictures of a pig, a dog and a cat

CAT, DOG, PIG = 0, 1, 2
TRUTH = np.array([PIG, DOG, CAT])
ONE_HOT = np.array([[0, 0, 1], [0, 1, 0], [1, 0, 0]])
MODEL_1 = np.array([[0.3, 0.3, 0.4], [0.3, 0.4, 0.3], [0.1, 0.2, 0.7]])
MODEL_2 = np.array([[0.1, 0.2, 0.7], [0.1, 0.7, 0.2], [0.3, 0.4, 0.3]])
