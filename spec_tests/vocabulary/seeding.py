"""The seed from which properties draw, if they are told one; light to import, for Hypothesis tries local literals."""

from collections.abc import Iterator
from contextlib import contextmanager

_seed: int | str | None = None


def current() -> int | str | None:
    """Return the seed, None where Hypothesis chooses."""
    return _seed


@contextmanager
def seeded(seed: int | str | None) -> Iterator[None]:
    """Draw from this seed; under Hypothesis' own option of that name it neither reads nor writes its database."""
    global _seed
    before, _seed = _seed, seed
    try:
        yield
    finally:
        _seed = before
