"""Answers as plain text for people: headings, short lists, and tables with aligned columns."""

from __future__ import annotations

from typing import Any

# Of a query, or of a dictionary: an uncontrolled model can give thousands.
_MOST_TERMS = 20
_LONG = ("query_terms", "pairs")


def as_text(answer: dict[str, Any]) -> str:
    """The answer of a command as lines of text."""
    return "\n".join(_lines(answer)).rstrip()


def _lines(answer: dict[str, Any], indent: str = "") -> list[str]:
    lines = []
    for name, value in answer.items():
        if name == "verdict" and value:
            # An answer that holds the metrics of a model tells their verdict once, at its end.
            lines += [] if indent else _verdict(value)
        elif isinstance(value, dict):
            lines += [f"{indent}{name}", *_lines(value, indent + "  ")]
        elif name in _LONG and len(value) > _MOST_TERMS:
            lines += [f"{indent}{name}", *_table(value[:_MOST_TERMS], indent + "  ")]
            lines.append(f"{indent}  … {len(value) - _MOST_TERMS:,} more; --json has all")
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            lines += [f"{indent}{name}", *_table(value, indent + "  ")]
        else:
            lines.append(f"{indent}{name}: {_cell(value)}")
    return lines


def _verdict(verdict: dict[str, Any]) -> list[str]:
    """A verdict as sentences."""
    from lsr.evaluation.verdict import questions

    found = [f"  {asks} {grade.capitalize()}. {says}" for asks, grade, says in questions(verdict)]
    return ["verdict", *found, f"  What to change? {verdict['change']}"]


def _table(rows: list[dict[str, Any]], indent: str) -> list[str]:
    cells = [list(rows[0])] + [[_cell(value) for value in row.values()] for row in rows]
    widths = [max(len(row[i]) for row in cells) for i in range(len(cells[0]))]
    return [
        indent + "  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip()
        for row in cells
    ]


def _cell(value: Any) -> str:
    match value:
        case float():
            return f"{value:.4g}"
        case list() if value and isinstance(value[0], dict):
            # Contributions of a hit, or causes of a failure: the three that matter most say enough
            # on one line.
            if "product" in value[0]:
                return ", ".join(f"{c['term']} {c['product']:.2f}" for c in value[:3])
            return ", ".join(f"{c['name']} {c['share']:.0%}" for c in value[:3])
        case list():
            return " | ".join(map(str, value)) or "none"
        case None:
            return "–"
        case _:
            return str(value)
