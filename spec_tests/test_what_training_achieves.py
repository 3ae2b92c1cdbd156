"""What training achieves: the document's general statements about it, each with a counterexample.

"Improves", "prevents", "easier": none of these is a law, and no single run could prove one. But a run can contradict a
statement that names no condition, and show a case in which it holds. All data are random, from a fixed seed; the linear
models are trained in float64, so that their numbers are the same everywhere.
"""

from itertools import pairwise
from math import log

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy
from torchvision.transforms import Normalize

from spec_tests.code_blocks.blocks import completed_network, execute

pytestmark = pytest.mark.torch_api

IMAGENET = (np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225]))
"""The mean and std that the document passes to Normalize."""


# --- 1.3 Normalize ---


def steps_of_gradient_descent(inputs, truth):
    """Return how many steps of the best length bring a linear model from 0 to a millionth of its excess loss."""
    features = np.column_stack([inputs, np.ones(len(inputs))])
    curvature = np.linalg.eigvalsh(features.T @ features / len(inputs))
    step = 2 / (curvature[0] + curvature[-1])
    best = features @ np.linalg.lstsq(features, truth, rcond=None)[0]
    weights = np.zeros(features.shape[1])
    excess = start = ((features @ weights - best) ** 2).mean()
    steps = 0
    while excess > 1e-6 * start:
        weights -= step * features.T @ (features @ weights - truth) / len(inputs)
        excess = ((features @ weights - best) ** 2).mean()
        steps += 1
    return steps


def normalized(inputs, mean, std):
    """Return samples of three numbers after Normalize, applied to them as pixels of three channels."""
    pixels = torch.from_numpy(inputs.T.reshape(3, -1, 1).copy())
    return Normalize(mean.tolist(), std.tolist())(pixels).numpy().reshape(3, -1).T


@pytest.mark.claim("1.3.aa")
def test_normalizing_uniform_colors_by_their_own_statistics_saves_113_of_117_steps():
    inputs = np.random.default_rng(0).uniform(0, 1, (500, 3))
    truth = inputs @ [1, -2, 0.5] + 0.3

    assert steps_of_gradient_descent(inputs, truth) == 117
    assert steps_of_gradient_descent(normalized(inputs, inputs.mean(axis=0), inputs.std(axis=0)), truth) == 4


@pytest.mark.claim("1.3.aa")
def test_normalizing_standard_normal_inputs_again_costs_97_steps_instead_of_4():
    inputs = np.random.default_rng(0).standard_normal((500, 3))
    truth = inputs @ [1, -2, 0.5] + 0.3

    assert steps_of_gradient_descent(inputs, truth) == 4
    assert steps_of_gradient_descent(normalized(inputs, *IMAGENET), truth) == 97


@pytest.mark.claim("1.3.ab")
def test_a_least_squares_fit_predicts_the_same_with_and_without_normalization():
    rng = np.random.default_rng(0)
    inputs, truth = rng.uniform(0, 1, (100, 3)), rng.standard_normal(50)

    plain, same = (predictions(data[:50], truth, data[50:]) for data in (inputs, normalized(inputs, *IMAGENET)))
    curved = predictions(inputs[:50] ** 2, truth, inputs[50:] ** 2)

    assert np.round(plain, 9).tolist() == np.round(same, 9).tolist()
    assert np.round(plain, 1).tolist() != np.round(curved, 1).tolist()  # a nonlinear map of the pixels changes them


def predictions(known, truth, new):
    """Return the predictions for new samples of the linear function that best fits the known ones."""
    features, others = (np.column_stack([data, np.ones(len(data))]) for data in (known, new))
    return others @ np.linalg.lstsq(features, truth, rcond=None)[0]


# --- 2.2 max pooling and overfitting ---


@pytest.mark.claim("2.2.e")
@pytest.mark.usefixtures("fixed_seed")
def test_a_network_with_three_poolings_still_memorizes_random_labels():
    images, labels = torch.rand(40, 3, 32, 32), torch.randint(0, 10, (40,))
    model = execute(completed_network())["CIFAR10CNN"]()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.002)

    for _ in range(50):
        optimizer.zero_grad()
        cross_entropy(model(images[:20]), labels[:20]).backward()
        optimizer.step()

    with torch.no_grad():
        scores = model(images)
    assert sum(isinstance(layer, nn.MaxPool2d) for layer in model.children()) == 3
    assert (scores[:20].argmax(dim=1) == labels[:20]).all()
    assert cross_entropy(scores[:20], labels[:20]) < log(10) < cross_entropy(scores[20:], labels[20:])


# --- 2.6 and 2.7 a smaller loss and a better model ---


@pytest.fixture(scope="module")
def memorized():
    """The losses on 40 samples with random labels and on 40 new ones, step by step, and how many of each are right."""
    rng = np.random.default_rng(0)
    inputs, labels = torch.from_numpy(rng.standard_normal((80, 60))), torch.from_numpy(rng.integers(0, 2, 80))
    model = nn.Linear(60, 2, dtype=torch.float64)
    nn.init.zeros_(model.weight)
    nn.init.zeros_(model.bias)
    optimizer = torch.optim.SGD(model.parameters(), lr=1)
    trained, others = [], []
    for step in range(501):
        scores = model(inputs)
        loss = cross_entropy(scores[:40], labels[:40])
        trained.append(loss.item())
        others.append(cross_entropy(scores[40:], labels[40:]).item())
        if step < 500:
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    right = (scores.argmax(dim=1) == labels).reshape(2, 40).sum(dim=1).tolist()
    return trained, others, right


@pytest.mark.claim("2.6.5.m", "2.7.n")
def test_on_random_labels_every_step_lowers_the_loss_while_that_on_new_samples_rises(memorized):
    trained, others, _ = memorized

    assert all(after < before for before, after in pairwise(trained))
    assert [round(loss, 3) for loss in (trained[0], trained[-1])] == [0.693, 0.002]
    assert [round(loss, 3) for loss in (others[0], others[-1])] == [0.693, 3.89]


@pytest.mark.claim("2.6.b")
def test_with_a_loss_of_0_002_only_19_of_40_new_samples_are_right(memorized):
    trained, _, right = memorized

    assert round(trained[-1], 3) == 0.002
    assert right == [40, 19]


# --- 2.8 batch normalization and deep networks ---


def deep_network(layers):
    """Return 20 linear layers of width 16, each followed by these layers, and a last one with two scores."""
    blocks = [layer for _ in range(20) for layer in (nn.Linear(16, 16), *(build() for build in layers))]
    return nn.Sequential(*blocks, nn.Linear(16, 2))


def loss_after_100_steps(model):
    """Train the model to predict the sign of the first of 16 numbers; return the final loss."""
    inputs = torch.randn(64, 16)
    labels = (inputs[:, 0] > 0).long()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(100):
        optimizer.zero_grad()
        cross_entropy(model(inputs), labels).backward()
        optimizer.step()
    return cross_entropy(model(inputs), labels).item()


@pytest.mark.claim("2.8.au")
@pytest.mark.usefixtures("fixed_seed")
def test_20_layers_learn_in_100_steps_only_with_batch_normalization():
    assert loss_after_100_steps(deep_network([lambda: nn.BatchNorm1d(16), nn.ReLU])) < 0.3
    assert loss_after_100_steps(deep_network([nn.ReLU])) > 0.6


@pytest.mark.claim("2.8.au")
def test_batch_normalization_cannot_train_on_one_value_per_channel():
    layer = nn.BatchNorm1d(16)

    with pytest.raises(ValueError, match="Expected more than 1 value per channel when training"):
        layer(torch.zeros(1, 16))
    assert nn.Linear(16, 2)(torch.zeros(1, 16)).shape == (1, 2)


@pytest.fixture
def fixed_seed():
    """Seed torch with 0 for this test only."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(0)  # torch.manual_seed also looks for GPUs, which is slow
        yield
