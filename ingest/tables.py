"""CSV files to data points: a mapping's, Dexcom Clarity's, LibreView's or a CGM series' rows."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from balise.errors import PayloadError, Reason
from devices.payloads import cgm_csv, clarity, libreview, mapped_csv
from devices.payloads.mapping import Csv, Mapping
from ingest.document import Document

_TITLES_WITHIN = 5
"""LibreView writes a line about the export above the titles, some exports two and an empty one."""
_LINE = 64 * 1024


def read(
    path: Path,
    mapping: Mapping | None,
    dates: libreview.Order | None,
    unmeasured: Counter[str],
) -> Iterator[Document]:
    """Yield the rows of a CSV file; PayloadError where nobody's titles are in it."""
    form = mapping.csv if mapping is not None and mapping.csv is not None else Csv()
    for place, titles in enumerate(_rows(path, form)):
        if mapping is not None and mapping.csv is not None:
            yield from _mapped(path, place, mapping, form)
        elif set(cgm_csv.COLUMNS) <= set(titles):
            yield from _series(path, place)
        elif clarity.recognises(titles):
            yield from _clarity(path, place, unmeasured)
        elif libreview.recognises(titles):
            yield from _libreview(path, place, dates, unmeasured)
        elif place < _TITLES_WITHIN:
            continue
        else:
            break
        return
    raise PayloadError(
        f"{path.name}: no convention Balise knows; a mapping can declare it",
        reason=Reason.PAYLOAD_UNKNOWN,
    )


def _rows(path: Path, form: Csv) -> Iterator[list[str]]:
    encoding = "utf-8-sig" if form.encoding == "utf-8" else form.encoding
    try:
        with path.open(encoding=encoding, newline="") as stream:
            for row in mapped_csv.rows(_lines(path, stream), form):
                if row:
                    yield [cell.strip() for cell in row]
    except UnicodeError as error:
        raise PayloadError(f"{path.name} is not {form.encoding} text") from error
    except csv.Error as error:
        raise PayloadError(f"{path.name} is no CSV: {error}") from error


def _lines(path: Path, stream: io.TextIOBase) -> Iterator[str]:
    while line := stream.readline(_LINE):
        if len(line) == _LINE:
            raise PayloadError(f"{path.name} has a line of {_LINE} characters: no CSV")
        yield line


def _after(path: Path, place: int, form: Csv) -> tuple[list[str], Iterator[list[str]]]:
    """Return the titles at a place and the rows below them."""
    rows = _rows(path, form)
    for _ in range(place):
        next(rows)
    return next(rows), rows


def _keyed(titles: Sequence[str], row: Sequence[str]) -> dict[str, str]:
    # Exports leave out the empty cells at the end of a row.
    return dict(zip(titles, (*row, *[""] * (len(titles) - len(row))), strict=False))


def _mapped(path: Path, place: int, mapping: Mapping, form: Csv) -> Iterator[Document]:
    titles, rows = _after(path, place, form)
    missing = sorted(mapping.columns - set(titles))
    if missing:
        raise PayloadError(f"{path.name} has no columns {', '.join(missing)}")
    for row in rows:
        person = _keyed(titles, row).get(mapping.person, "")
        yield Document(mapping.name, mapped_csv.document(titles, row, form), person)


def _series(path: Path, place: int) -> Iterator[Document]:
    titles, rows = _after(path, place, Csv())
    for row in rows:
        cells = _keyed(titles, row)
        kept = [cells[column] for column in cgm_csv.COLUMNS]
        yield Document("cgm_csv", mapped_csv.document(cgm_csv.COLUMNS, kept, Csv()), cells["id"])


def _clarity(path: Path, place: int, unmeasured: Counter[str]) -> Iterator[Document]:
    titles, rows = _after(path, place, Csv())
    kept, names = clarity.kept(titles), list[str]()
    for row in rows:
        cells = _keyed(titles, row)
        names += [name for name in (clarity.name(cells),) if name]
        if cells[clarity.EVENT] in clarity.MEASURED:
            text = mapped_csv.document(kept, [cells[title] for title in kept], Csv())
            yield Document("clarity", text, " ".join(names))
        else:
            unmeasured[f"Clarity {cells[clarity.EVENT]}"] += 1


def _libreview(
    path: Path, place: int, dates: libreview.Order | None, unmeasured: Counter[str]
) -> Iterator[Document]:
    decided = _order(path, place) or dates
    if decided is None:
        raise PayloadError(
            f"{path.name}: no date says whether the day or the month is first; say it with --dates",
            reason=Reason.TIME_UNKNOWN,
        )
    titles, rows = _after(path, place, Csv())
    for row in rows:
        cells = _keyed(titles, row)
        if libreview.kind(cells) in libreview.KINDS:
            told = {title: cell for title, cell in cells.items() if cell}
            yield Document("libreview", _json(told, decided))
        else:
            unmeasured[f"LibreView record type {libreview.kind(cells) or '?'}"] += 1


def _order(path: Path, place: int) -> libreview.Order | None:
    titles, rows = _after(path, place, Csv())
    return libreview.order(libreview.stamp(_keyed(titles, row)) for row in rows)


def _json(cells: dict[str, str], dates: libreview.Order) -> str:
    return msgspec.json.encode({**cells, "dates": dates}).decode()
