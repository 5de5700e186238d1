"""LaTeX tables: escaped, floors apart, the grid's numbers."""

from llmrec.report.latex import escaped, latex
from llmrec.report.table import Grid


def test_what_latex_would_read_as_more_is_escaped():
    assert escaped("a_b & 5% of $x$ #1 {y} ~ ^ \\ <z>") == (
        r"a\_b \& 5\% of \$x\$ \#1 \{y\} \textasciitilde{} \textasciicircum{} \textbackslash{} "
        r"\textless{}z\textgreater{}"
    )


def test_a_table_has_its_floors_below_a_rule_and_its_intervals_small():
    made = Grid(
        title="rating on beauty, n = 4 of 4",
        header=["model", "valid", "rmse ↓"],
        rows=[["my_model", "4\nof 4", "1.0000\n[0.9000, 1.1000]"], ["mean", "4\nof 4", "-"]],
        own=1,
        notes=["every row counts"],
    )
    lines = latex(made).splitlines()
    assert lines[0] == "% every row counts"
    assert r"\begin{tabular}{lrr}" in lines
    assert r"model & valid & rmse $\downarrow$ \\" in lines
    run = r"my\_model & 4 {\scriptsize of 4} & 1.0000 {\scriptsize [0.9000, 1.1000]} \\"
    floor = r"\emph{mean} & \emph{4} {\scriptsize of 4} & \emph{-} \\"
    assert lines[lines.index(run) : lines.index(run) + 3] == [run, r"\midrule", floor]
