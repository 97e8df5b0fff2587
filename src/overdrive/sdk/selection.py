"""Rows and columns of a tabular dataset: chosen now, read when a data frame is asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any


class Selection:
    """A dataset with steps that its data frame goes through."""

    def __init__(self, dataset: Any, *steps: Callable[[Any], Any]) -> None:
        self._dataset = dataset
        self._steps = steps

    def to_pandas_dataframe(self, **options: Any) -> Any:
        """The data frame; needs pandas."""
        frame = self._dataset.to_pandas_dataframe(**options)
        for step in self._steps:
            frame = step(frame)
        return frame

    def take(self, count: int) -> Selection:
        """The first rows."""
        return self._then(lambda frame: frame.head(count))

    def skip(self, count: int) -> Selection:
        """All but the first rows."""
        return self._then(lambda frame: frame.iloc[count:].reset_index(drop=True))

    def keep_columns(self, columns: str | Sequence[str], validate: bool = False) -> Selection:
        """These columns alone."""
        named = [columns] if isinstance(columns, str) else list(columns)
        return self._then(lambda frame: frame[named])

    def drop_columns(self, columns: str | Sequence[str]) -> Selection:
        """All columns but these."""
        named = [columns] if isinstance(columns, str) else list(columns)
        return self._then(lambda frame: frame.drop(columns=named))

    def random_split(self, percentage: float, seed: int | None = None) -> tuple[Selection, Selection]:
        """Two parts that have no row in common: a share of the rows, and the others. Without a seed the two are
        those of seed 0, else they would not fit together."""

        def chosen(frame: Any) -> Any:
            return frame.sample(frac=percentage, random_state=seed or 0).index

        def first(frame: Any) -> Any:
            return frame.loc[frame.index.isin(chosen(frame))].reset_index(drop=True)

        def second(frame: Any) -> Any:
            return frame.loc[~frame.index.isin(chosen(frame))].reset_index(drop=True)

        return self._then(first), self._then(second)

    def _then(self, step: Callable[[Any], Any]) -> Selection:
        return Selection(self._dataset, *self._steps, step)
