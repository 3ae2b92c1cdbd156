"""Convolutions that transform before they multiply: an FFT, and Winograd's algorithm.

They are subjects of the specification (`--subject fft`, `--subject winograd`), kept so that it stays fair to
implementations of their kind and sharp against wrong ones, which are these with one thing changed.
"""
