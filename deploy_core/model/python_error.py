"""A Python error as Dagster+ reports it for a location that doesn't load."""

from pydantic import BaseModel, ConfigDict


class ChainedError(BaseModel):
    """One more error of the chain: its `message`, its `stack` (one entry a frame), and whether it
    was the explicit cause (`raise … from …`) or happened while the one above was handled."""

    model_config = ConfigDict(frozen=True)

    message: str
    stack: tuple[str, ...] = ()
    is_explicit: bool = True


class PythonError(BaseModel):
    """The outermost error first; `chain` goes from it down to the root cause.

    `message` begins with the class's name, as in `KeyError: 'TOKEN'`, and may end in a new line.
    `stack` has one string a frame, as `traceback.format_list` makes them.
    """

    model_config = ConfigDict(frozen=True)

    message: str
    stack: tuple[str, ...] = ()
    chain: tuple[ChainedError, ...] = ()
