"""Write the figures for the reader's hands as a page of their own.

    python -m spec_tests.report.hands OUT.html

The page is one file in English and Chinese, and requests nothing.
"""

from argparse import RawDescriptionHelpFormatter
from collections.abc import Sequence
from pathlib import Path

from markupsafe import Markup

from reference.command import Parser, WrongUsage, run
from reference.whole_files import write_text
from spec_tests.report import hands, templates
from spec_tests.vocabulary.claims import SECTIONS, SECTIONS_ZH

PROGRAM = "python -m spec_tests.report.hands"


def main(argv: Sequence[str] | None = None) -> None:
    """Write the page to the file that is named."""
    run(PROGRAM, lambda: _write(_parser().parse_args(argv).file))


def render() -> str:
    """Return the page."""
    script = f"{templates.script_of(hands.FOLDER / 'demo.js')}\n{hands.script()}"
    sections = [(id, title, SECTIONS_ZH[id], hands.widgets(id)) for id, title in SECTIONS.items()]
    return (
        templates.environment(hands.FOLDER / "dom")
        .get_template("demo.html.jinja")
        .render(
            sections=[section for section in sections if section[-1]],
            script=Markup(script),
            script_hash=templates.hash_of(script),
            style=templates.style_of(hands.FOLDER / "hands.css"),
        )
    )


def _write(file: Path) -> None:
    try:
        write_text(file, render())
    except OSError as error:
        raise WrongUsage(f"{file} cannot be written: {error.strerror or error}") from None
    print(f"wrote {file}")


def _parser() -> Parser:
    parser = Parser(prog=PROGRAM, description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path, metavar="OUT.html", help="the page to write")
    return parser


if __name__ == "__main__":
    main()
