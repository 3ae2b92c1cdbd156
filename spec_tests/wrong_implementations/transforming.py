"""Convolutions that transform, each wrong in its transform: a bound for those that transform must not let them pass."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from reference.geometry import ConvGeometry
from spec_tests.transforming.fft import Fft
from spec_tests.transforming.transforming import Transforming
from spec_tests.transforming.winograd import Winograd
from spec_tests.vocabulary.formats import rounded
from spec_tests.vocabulary.problems import Array
from spec_tests.vocabulary.transforms import B_T, G
from spec_tests.wrong_implementations.register import wrong

SHIFTED = "test_a_row_more_of_padding_shifts_a_large_convolution_and_no_more"
EQUALITY = "test_large_convolutions_equal_the_references_on_whole_numbers"
ROUNDING = "test_large_convolutions_round_within_their_bound"
SAME_WAY = "test_what_flows_through_a_large_convolution_flows_back_the_same_way"
EQUAL_GRADIENTS = "test_the_gradients_of_large_convolutions_equal_the_references"


def called(convolutions: Transforming, operation: str, arguments: dict[str, Any]) -> Any:
    """Call an operation of these convolutions."""
    return convolutions.functions()[operation](**arguments)


def changed(matrix: Array, row: int, column: int, entry: float) -> Array:
    """Return a matrix with one entry changed."""
    matrix = matrix.copy()
    matrix[row, column] = entry
    return matrix


class FourForFive(Winograd):
    """Winograd's algorithm with a wrong entry."""

    B_T = changed(B_T, 0, 2, -4)


@wrong("conv2d", SHIFTED, EQUALITY, transform="winograd_4_3")
def has_4_for_5_in_the_transform_of_its_inputs(**arguments: Any) -> Any:
    """Copies the matrix Bᵀ with a slip of the pen."""
    return called(FourForFive(), "conv2d", arguments)


class ShortSixth(Winograd):
    """Winograd's algorithm with 0.1667 for 1/6."""

    G = np.round(G, 4)


@wrong("conv2d", EQUALITY, ROUNDING, SHIFTED, transform="winograd_4_3")
def writes_a_sixth_with_four_digits(**arguments: Any) -> Any:
    """Has constants of four decimal places in G."""
    return called(ShortSixth(), "conv2d", arguments)


class WholeTiles(Winograd):
    """Winograd's algorithm, of whole tiles only."""

    def joined(self, tiles: Array, cells: Array) -> Array:
        """Leave 0 where a tile hangs over."""
        outputs = super().joined(tiles, cells)
        whole = [(h - 2) // 4 * 4 for h in cells.shape[-2:]]
        outputs[..., whole[0] :, :] = outputs[..., whole[1] :] = 0
        return outputs


@wrong("conv2d", SHIFTED, EQUALITY, transform="winograd_4_3")
def drops_the_tiles_that_hang_over(**arguments: Any) -> Any:
    """Computes whole tiles of 4×4 outputs, and leaves the others 0."""
    return called(WholeTiles(), "conv2d", arguments)


class TransformedInHalf(Winograd):
    """Winograd's algorithm with transformed tiles in float16."""

    def transformed(self, tiles: Array, matrix: Array) -> Array:
        """Round what was transformed."""
        return rounded(super().transformed(tiles, matrix), "float16").astype(tiles.dtype)


@wrong("conv2d", ROUNDING, transform="winograd_4_3")
def keeps_transformed_tiles_in_half(**arguments: Any) -> Any:
    """Saves memory on what is transformed."""
    return called(TransformedInHalf(), "conv2d", arguments)


class InSingle(Winograd):
    """Winograd's algorithm in single precision."""

    def output(self, cells: Array, kernels: Array, geometry: ConvGeometry) -> Array:
        """Compute in float32, whatever comes."""
        narrow = super().output(cells.astype(np.float32), kernels.astype(np.float32), geometry)
        return narrow.astype(cells.dtype)


@wrong("conv2d", ROUNDING, dtype="float64", transform="winograd_4_3")
def transforms_float64_in_float32(**arguments: Any) -> Any:
    """Has transforms in single precision only."""
    return called(InSingle(), "conv2d", arguments)


class NotTurned(Winograd):
    """Winograd's algorithm, wrong on the way back."""

    def grad_cells(self, grads: Array, kernels: Array, cells: Array, geometry: ConvGeometry) -> Array:
        """Leave the kernels as they are."""
        return super().grad_cells(grads, np.flip(kernels, (-2, -1)), cells, geometry)


@wrong("conv2d_backward", SAME_WAY, EQUAL_GRADIENTS, transform="winograd_4_3")
def transforms_the_kernels_of_the_way_back_unturned(**arguments: Any) -> Any:
    """Takes the transformed kernels of the way there for the way back."""
    return called(NotTurned(), "conv2d_backward", arguments)


class FirstTile(Winograd):
    """Winograd's algorithm, with a gradient of the kernels from too few tiles."""

    def grad_kernels(self, grads: Array, cells: Array, geometry: ConvGeometry) -> Array:
        """Leave out the tiles that hang over."""
        i, j = (h // 4 * 4 for h in grads.shape[-2:])
        return super().grad_kernels(grads[..., :i, :j], cells[..., : i + 2, : j + 2], geometry)


@wrong("conv2d_backward", SAME_WAY, EQUAL_GRADIENTS, transform="winograd_4_3")
def adds_up_the_gradient_of_the_weight_over_whole_tiles(**arguments: Any) -> Any:
    """Forgets the tiles that hang over where it sums over tiles."""
    return called(FirstTile(), "conv2d_backward", arguments)


class TooShort(Fft):
    """An FFT of too few points."""

    def lengths(self, size: Sequence[int]) -> tuple[int, ...]:
        """Return one less than is needed, but for a single cell."""
        return tuple(max(h - 1, 1) for h in size)

    def there(self, array: Array, lengths: Sequence[int]) -> Array:
        """Add what lies beyond the length to what lies at the beginning, as a transform of that length does."""
        for axis, length in zip(range(-len(lengths), 0), lengths, strict=True):
            array, beyond = np.split(array, [length], axis)
            first = [slice(None)] * array.ndim
            first[axis] = slice(beyond.shape[axis])
            array = array.copy()
            array[tuple(first)] += beyond
        return super().there(array, lengths)

    def back(self, spectra: Array, lengths: Sequence[int]) -> Array:
        """Go round once more for the last place."""
        circular = super().back(spectra, lengths)
        return np.pad(circular, [(0, 0)] * (circular.ndim - len(lengths)) + [(0, 1)] * len(lengths), "wrap")


@wrong("conv2d", SHIFTED, EQUALITY, "test_conv_equals_the_reference_on_whole_numbers", transform="fft")
def wraps_around(**arguments: Any) -> Any:
    """Transforms at a length at which the last cells meet the first."""
    return called(TooShort(), "conv2d", arguments)


class NotConjugate(Fft):
    """An FFT that multiplies the spectra as they are."""

    def output(self, cells: Array, kernels: Array, geometry: ConvGeometry) -> Array:
        """Convolve as mathematicians do: turned around at the origin, so that it also lies elsewhere."""
        lengths = self.lengths(cells.shape[-len(geometry.kernel_size) :])
        turned = np.flip(kernels, tuple(range(3, kernels.ndim)))
        return np.roll(super().output(cells, turned, geometry), [1] * len(lengths), range(-len(lengths), 0))


@wrong("conv2d", EQUALITY, "test_an_impulse_returns_the_flipped_kernel", transform="fft")
def forgets_the_conjugate(**arguments: Any) -> Any:
    """Multiplies two spectra as they are, which turns the kernel around."""
    return called(NotConjugate(), "conv2d", arguments)


class SpectraInHalf(Fft):
    """An FFT with spectra of half precision."""

    def there(self, array: Array, lengths: Sequence[int]) -> Array:
        """Round the spectra to bfloat16, part by part."""
        spectra = super().there(array, lengths)
        return (rounded(spectra.real, "bfloat16") + 1j * rounded(spectra.imag, "bfloat16")).astype(spectra.dtype)


@wrong("conv2d", ROUNDING, "test_conv_rounds_within_its_bound_which_is_sharp_where_terms_are_few", transform="fft")
def keeps_spectra_in_half(**arguments: Any) -> Any:
    """Saves memory on spectra."""
    return called(SpectraInHalf(), "conv2d", arguments)


class LowFrequencies(Fft):
    """An FFT that loses a frequency."""

    def back(self, spectra: Array, lengths: Sequence[int]) -> Array:
        """Take the last frequency for 0, as for an odd length."""
        spectra = spectra.copy()
        spectra[..., lengths[-1] // 2 :] = 0
        return super().back(spectra, lengths)


@wrong("conv2d", SHIFTED, EQUALITY, transform="fft")
def drops_the_highest_frequency(**arguments: Any) -> Any:
    """Counts the frequencies of half a spectrum one short."""
    return called(LowFrequencies(), "conv2d", arguments)


@wrong("conv2d_backward", "test_the_gradients_of_conv_equal_the_references_on_whole_numbers", SAME_WAY, transform="fft")
def multiplies_the_gradient_with_the_conjugate(weight: Array, **arguments: Any) -> Any:
    """Correlates on the way back too: the conjugate of a spectrum is that of the kernel turned around."""
    (grad_input, *_), (_, *others) = (
        called(Fft(), "conv2d_backward", {**arguments, "weight": kernels})
        for kernels in (np.flip(weight, (-2, -1)), weight)
    )
    return grad_input, *others
