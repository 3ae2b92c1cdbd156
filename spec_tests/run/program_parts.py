"""The fixed parts of a program: how the functions under test are found, and what helps to ask them."""

BY_PATH = """\
FILE = {file!r}  # where the functions are

sys.path.insert(0, os.path.dirname(FILE))
spec = importlib.util.spec_from_file_location({module!r}, FILE)
layers = importlib.util.module_from_spec(spec)
sys.modules[{module!r}] = layers
spec.loader.exec_module(layers)
"""

BY_NAME = """\
FOLDER = {folder!r}  # where the module is found

sys.path.insert(0, FOLDER)
layers = importlib.import_module({module!r}){of}
"""

NUMBERS = '''\
def numbers(value):
    """Return a tensor as an array, the half formats as float32, and everything else as it is."""
    if not isinstance(value, torch.Tensor):
        return value
    value = value.detach().cpu()
    return (value.float() if value.dtype in (torch.float16, torch.bfloat16) else value).numpy()
'''


LYING = '''\
def lying(values, strides):
    """Return these numbers with other strides in memory, counted in elements."""
    memory = np.zeros(1 + sum((n - 1) * abs(s) for n, s in zip(values.shape, strides)), values.dtype)
    start = sum((n - 1) * -s for n, s in zip(values.shape, strides) if s < 0)
    steps = [s * memory.itemsize for s in strides]
    array = np.lib.stride_tricks.as_strided(memory[start:], values.shape, steps)
    array[...] = values
    return array
'''

LYING_TENSORS = '''\
def lying(values, strides):
    """Return these numbers with other strides in memory, counted in elements."""
    numbers = 1 + sum((n - 1) * s for n, s in zip(values.shape, strides))
    tensor = torch.zeros(numbers, dtype=values.dtype, device=values.device).as_strided(values.shape, strides)
    for index in np.ndindex(*values.shape):
        tensor[index] = values[index]
    return tensor
'''
