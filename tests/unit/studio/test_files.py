"""What a preview makes of a table."""

import pytest

from overdrive.studio.files import MOST_ROWS, rows_of


@pytest.mark.parametrize(
    ("kind", "text", "rows"),
    [
        (".csv", 'a,b\n1,"two, three"\n', [["a", "b"], ["1", "two, three"]]),
        (".csv", 'a;b\r\n1,5;"say ""so"""\r\n', [["a", "b"], ["1,5", 'say "so"']]),
        (".csv", 'a,b\n"two\nlines",2\n', [["a", "b"], ["two\nlines", "2"]]),
        (".csv", "\ufeffa|b\n1|2\n\n3|4\n", [["a", "b"], ["1", "2"], ["3", "4"]]),
        (".tsv", "a, b\tc\n1\t2\n", [["a, b", "c"], ["1", "2"]]),
        (".csv", "alone\n1\n", [["alone"], ["1"]]),
        (".csv", "", None),
        (".txt", "a,b\n1,2\n", None),
    ],
)
def test_the_cells_of_a_table(kind, text, rows):
    assert rows_of(text, kind) == rows


def test_a_table_that_is_cut_shows_whole_rows():
    assert rows_of("a,b\n1,2\n3,", ".csv", cut=True) == [["a", "b"], ["1", "2"]]


def test_a_long_table_shows_its_beginning():
    rows = rows_of("n\n" + "".join(f"{k}\n" for k in range(1000)), ".csv", cut=True)
    assert rows is not None and len(rows) == MOST_ROWS + 1 and rows[-1] == [str(MOST_ROWS - 1)]
