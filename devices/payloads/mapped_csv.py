"""CSV read by a declared mapping: a document is the line of titles and one row."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

from balise.model import Decoded
from devices.payloads import mapped
from devices.payloads.document import invalid
from devices.payloads.mapping import Csv, Mapping


def document(titles: Sequence[str], row: Sequence[str], form: Csv) -> str:
    """Return one row as a document, its cells as they were written."""
    text = io.StringIO()
    csv.writer(text, delimiter=form.delimiter, lineterminator="\n").writerows((titles, row))
    return text.getvalue()


def rows(lines: Iterable[str], form: Csv) -> Iterable[list[str]]:
    """Return the rows of a text, in the form the mapping declares."""
    return csv.reader(lines, delimiter=form.delimiter)


def read(mapping: Mapping, text: str) -> tuple[Decoded, ...]:
    """Return what a row says by a mapping, or raise PayloadError."""
    form = mapping.csv or Csv()
    try:
        table = [row for row in rows(io.StringIO(text), form) if row]
    except csv.Error as error:
        raise invalid(f"no CSV: {error}") from error
    if len(table) != 2:
        raise invalid("a document is the line of titles and one row")
    titles, cells = ([cell.strip() for cell in row] for row in table)
    missing = sorted(mapping.columns - set(titles))
    if missing or len(titles) != len(cells):
        raise invalid(f"columns missing: {', '.join(missing) or 'the row has another number'}")
    by_title = dict(zip(titles, cells, strict=True))
    figures = {part.path for part in mapping.value}

    def look(column: str) -> str | None:
        cell = by_title.get(column) or None
        return _figure(cell, form) if cell is not None and column in figures else cell

    return (mapped.decoded(mapping, look),)


def _figure(cell: str, form: Csv) -> str:
    """Return a figure with a decimal point; a cell that has the other sign too stays no number."""
    if form.decimal == "." or "." in cell:
        return cell if form.decimal == "." else f"{cell}?"
    return cell.replace(",", ".")
