"""A table for a paper: LaTeX with booktabs, of the same numbers as any other form."""

from llmrec.exits import visible
from llmrec.report.table import Grid, is_words

# What LaTeX reads as more than itself, and characters that its default fonts lack.
ESCAPES = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{",
    "}": r"\}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}",
    ">": r"\textgreater{}", "↑": r"$\uparrow$", "↓": r"$\downarrow$",
}  # fmt: skip
_TABLE = str.maketrans(ESCAPES)


def escaped(text: str) -> str:
    """Return a text as LaTeX prints it."""
    return visible(text).translate(_TABLE)


def latex(made: Grid) -> str:
    """Return the table in a `table` environment, which needs the package booktabs: floors below a rule and in
    italics, intervals small, the notes as comments."""
    align = "".join("l" if is_words(name) else "r" for name in made.header)
    rows = [
        line([cell(text, is_floor=place >= made.own) for text in row]) for place, row in enumerate(made.rows)
    ]
    body = [*rows[: made.own], *([r"\midrule"] if rows[made.own :] else []), *rows[made.own :]]
    return "\n".join(
        [
            *(f"% {' '.join(visible(note).splitlines())}" for note in made.notes),
            r"\begin{table}",
            r"\centering",
            rf"\caption{{{escaped(' '.join(made.title.splitlines()))}}}",
            rf"\begin{{tabular}}{{{align}}}",
            r"\toprule",
            line([escaped(name.replace("\n", " ")) for name in made.header]),
            r"\midrule",
            *body,
            r"\bottomrule",
            r"\end{tabular}",
            r"\end{table}",
            "",
        ]
    )


def line(cells: list[str]) -> str:
    """Return a row; a bracket that begins one would be read as the space wanted above it."""
    row = " & ".join(cells)
    return ("{}" if row.startswith("[") else "") + row + r" \\"


def cell(text: str, is_floor: bool) -> str:
    """Return a cell on one line, what stood below the first small."""
    first, *rest = map(escaped, text.split("\n"))
    first = rf"\emph{{{first}}}" if is_floor and first else first
    return " ".join([first, *(rf"{{\scriptsize {below}}}" for below in rest)])
