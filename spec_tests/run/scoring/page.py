"""The page of a class: one file of HTML that needs nothing else, no script and no network."""

from collections.abc import Iterable
from html import escape

from spec_tests.run.complaints import told
from spec_tests.run.exercise.words import bracketed, section
from spec_tests.run.scoring.judging import Judged
from spec_tests.run.scoring.results import Class, percent
from spec_tests.run.scoring.words import WORDS
from spec_tests.vocabulary.rungs.sentences import section_of, sentences

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 90rem; padding: 0 1rem; color: #222; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; }
th, td { border: 1px solid #ccc; padding: .2rem .5rem; text-align: left; vertical-align: top; }
td.number { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
thead th { background: #f4f4f4; }
tbody th { font-weight: normal; }
.name { overflow-wrap: anywhere; min-width: 8rem; }
.hint { color: #555; }
details { margin: .3rem 0; }
"""


def page(graded: Class, language: str) -> str:
    """Return the page in this language."""
    words = WORDS[language]
    shares = [percent(graded.points(file)) for file in graded.files]
    mean = round(sum(shares) / len(shares), 1) if shares else 0.0
    lead = words["lead"].format(files=len(shares), possible=len(graded.asked), mean=mean)
    parts = [
        f"<h1>{words['title']}</h1>\n<p>{lead}</p>",
        f'<div class="wide">{_table(graded, language)}</div>',
        f"<h2>{words['failed']}</h2>",
        _failed(graded, language),
        f"<h2>{words['each']}</h2>",
        *(_details(graded, file, language) for file in graded.files),
    ]
    return (
        f'<!doctype html>\n<html lang="{language}">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{words['title']}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n"
        + "\n".join(parts)
        + "\n</body>\n</html>\n"
    )


def _table(graded: Class, language: str) -> str:
    words = WORDS[language]
    operations = list(graded.parts)
    head = [words["file"], words["all"], words["percent"], *map(escape, operations), words["remark"]]
    rows = []
    for file in graded.files:
        points = graded.points(file)
        cells = [_points(points), f'<td class="number">{percent(points)}</td>']
        cells += [_points(graded.points(file, operation)) for operation in operations]
        cells.append(f"<td>{_shown(told(file.remark, language))}</td>")
        rows.append(f'<th scope="row" class="name">{_shown(file.name)}</th>{"".join(cells)}')
    return _of_rows((f'<th scope="col">{one}</th>' for one in head), rows)


def _of_rows(head: Iterable[str], rows: Iterable[str]) -> str:
    body = "\n".join(f"<tr>{row}</tr>" for row in rows)
    return f"<table>\n<thead><tr>{''.join(head)}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table>"


def _points(points: tuple[int, int]) -> str:
    """Return a cell, the greener the more points there are; the numbers say the same."""
    share = points[0] / points[1] if points[1] else 0
    return f'<td class="number" style="background:hsl({round(120 * share)} 60% 88%)">{points[0]} / {points[1]}</td>'


def _failed(graded: Class, language: str) -> str:
    words, failed = WORDS[language], graded.failed()
    if not failed:
        return f"<p>{words['none_failed']}</p>"
    rows = []
    for key, names in failed:
        said = sentences(*key, language)
        place = bracketed(section(section_of(key[0]), language), language)
        hint = f'<div class="hint">{escape(words["hint"].format(hint=said.hint))}</div>'
        rows.append(
            f'<td class="number">{len(names)}</td><td>{escape(said.wrong + place)}{hint}</td>'
            f'<td class="name">{_shown(", ".join(names))}</td>'
        )
    head = (f'<th scope="col">{words[name]}</th>' for name in ("count", "rung", "who"))
    return f'<p>{words["failed_lead"]}</p>\n<div class="wide">{_of_rows(head, rows)}</div>'


def _details(graded: Class, file: Judged, language: str) -> str:
    words, points = WORDS[language], graded.points(file)
    found = [(sentences(*key, language).wrong, told(file.said.get(key, ""), language)) for key in graded.stops(file)]
    lines = [f'<li>{escape(wrong)}<div class="hint">{_shown(said)}</div></li>' for wrong, said in found]
    remark = f"<p>{_shown(told(file.reason, language))}</p>" if file.reason else ""
    said = f"<p>{words['stopped']}</p><ul>{''.join(lines)}</ul>" if lines else f"<p>{words['nothing_wrong']}</p>"
    said = "" if file.reason and not lines else said
    return f"<details><summary>{_shown(file.name)}: {points[0]} / {points[1]}</summary>{remark}{said}</details>"


def _shown(text: str) -> str:
    """Return a text of somebody else, so that it is no HTML and can be written down."""
    return escape(text.encode("utf-8", "backslashreplace").decode())
