"""A setting: a field of a dataclass, with what its values must be where it is defined."""

import dataclasses
from collections.abc import Iterable
from typing import Any


def setting(
    default: Any = None,
    *,
    factory: Any = None,
    at_least: float | None = None,
    above: float | None = None,
    below: float | None = None,
    at_most: float | None = None,
    values: int | None = None,
    everyday: str = "",
    again: bool = False,
    doc: str | None = None,
) -> Any:
    """A field with bounds that its number, or each of several, must keep where it is set.

    Of several there may be as many as `values`. `everyday` is what a short help says of it, which has but settings of
    everyday use; `doc` what is said of it where that is not written below it; with `again` a flag that is given
    again adds its values to those before.
    """
    bounds = {"at_least": at_least, "above": above, "below": below, "at_most": at_most, "values": values}
    said = {"everyday": everyday, "again": again, "doc": doc}
    metadata = {name: value for name, value in bounds.items() if value is not None} | said
    if factory is not None:
        return dataclasses.field(default_factory=factory, metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)


def as_tuples(settings: Any) -> None:
    """Has settings of several values hold tuples, as files and callers give lists too."""
    for field in dataclasses.fields(settings):
        if isinstance(getattr(settings, field.name), list):
            object.__setattr__(settings, field.name, tuple(getattr(settings, field.name)))


def changed(settings: Any, names: Iterable[str]) -> list[str]:
    """Those of these settings that do not have their default."""
    return [name for name in names if getattr(settings, name) != getattr(type(settings), name)]


def names_of(group: type) -> tuple[str, ...]:
    """The names of a group's settings."""
    return tuple(field.name for field in dataclasses.fields(group))
