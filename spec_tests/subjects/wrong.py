"""The references with one function exchanged for a wrong one: `--subject wrong:flips_the_kernel`."""

from spec_tests.contract.functions import nearest
from spec_tests.subjects.reference import NONE, Namespace
from spec_tests.vocabulary.subject import NotAvailable
from spec_tests.wrong_implementations import WRONG, generated

GENERATED = "generated:"
"""How the names of those begin that rules have made."""


def load(device: str, variant: str) -> Namespace:
    """Return the references with the wrong implementation of this name in its place."""
    if device != "cpu":
        raise NotAvailable("the wrong implementations run on device 'cpu'")
    made = variant.removeprefix(GENERATED)
    if made != variant and made in generated.names():
        wrong = generated.generated(made)
        return Namespace(f"the references, but {made}", NONE, NONE, **{wrong.operation: wrong.function})
    if not variant:
        raise NotAvailable(f"which of the {len(WRONG)} wrong implementations? One is wrong:flips_the_kernel")
    if variant not in WRONG:
        hint = nearest(variant, WRONG) or "; one is wrong:flips_the_kernel"
        raise NotAvailable(f"no wrong implementation {variant!r} of {len(WRONG)} in wrong_implementations/{hint}")
    wrong = WRONG[variant]
    name = f"the references, but {wrong.operation} {variant}"
    return Namespace(name, wrong.transforms, NONE, **{wrong.operation: wrong.function})
