"""Write a starter: a file of empty functions, to be filled in rung by rung.

`python -m spec_tests.start my_layers.py`, with `--only conv2d` for some operations alone, and `--language zh` in
Chinese.
"""

import shlex
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

from reference.checks import shown
from reference.command import EndingParser, run
from reference.whole_files import write_new_text
from spec_tests.run.exercise.starter import starter
from spec_tests.run.language import language_of
from spec_tests.vocabulary.subject import NotAvailable


def main(arguments: list[str]) -> int:
    """Write the file, or say in one line why not."""
    parser = EndingParser(prog="python -m spec_tests.start", description="Write a file of empty functions.")
    parser.add_argument("file", help="the file to write, for example my_layers.py")
    parser.add_argument("--only", action="append", default=[], metavar="OPERATION", help="only this; may be repeated")
    parser.add_argument("--language", choices=("en", "zh"), help="of its docstrings (default: by the locale)")
    given = parser.parse_args(arguments)
    file = Path(given.file)
    if file.suffix != ".py":
        parser.error(f"{file}: a name that ends in .py was expected")
    if not file.name.isprintable() or set(file.name) & set('"\\'):
        parser.error(f"{shown(file.name)}: a name without quotes, backslashes and line breaks was expected")
    if file.stem in sys.stdlib_module_names or file.stem in packages_distributions():
        parser.error(f"{file.name} would hide the module {file.stem} from Python: choose another name")
    try:
        text = starter(shlex.quote(file.name), given.only, language_of(given.language))
        write_new_text(file, text)
    except NotAvailable as error:
        parser.error(str(error))
    except FileExistsError:
        parser.error(f"{file} is there already: it is left as it is; choose another name, or move it away")
    except OSError as error:
        parser.error(f"{file} cannot be written: {error.strerror or error}")
    print(f"{file}: python -m spec_tests --subject {shlex.quote(str(file))} --exercise")
    return 0


if __name__ == "__main__":
    run("python -m spec_tests.start", lambda: sys.exit(main(sys.argv[1:])))
