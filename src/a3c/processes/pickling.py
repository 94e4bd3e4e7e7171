"""Sending a user's classes and functions to workers, also those defined in a script or a notebook."""

import dataclasses
import io
from typing import Any

import cloudpickle
import equinox as eqx

from a3c.errors import SettingsError


def dumps(value: Any) -> bytes:
    """The value as bytes for `pickle.loads`; what lives in `__main__` travels whole, as a worker has another main.

    Raises SettingsError for what cannot be sent.
    """
    file = io.BytesIO()
    try:
        _Pickler(file).dump(value)
    except SettingsError:
        raise
    except Exception as error:
        raise SettingsError(
            f"the environment or network cannot be sent to worker processes ({error}): define it in a module "
            'of its own, or train with backend="inline"'
        ) from error
    return file.getvalue()


class _Pickler(cloudpickle.Pickler):
    """cloudpickle makes a class first and fills it later; an Equinox module needs its fields when it is made."""

    def __init__(self, file: Any):
        super().__init__(file)
        self._open: set[type] = set()

    def reducer_override(self, obj: Any) -> Any:
        if isinstance(obj, type) and issubclass(obj, eqx.Module) and obj.__module__ == "__main__":
            if obj in self._open:
                raise SettingsError(
                    f"network {obj.__name__} refers to itself, which cannot be sent to workers: define it in a module"
                )
            self._open.add(obj)
            return _make_module_class, (obj.__name__, obj.__bases__, _namespace(obj), _field_settings(obj))
        return super().reducer_override(obj)


GENERATED = {
    *("__dict__", "__weakref__", "__abstractmethods__", "_abc_impl", "__abstractvars__", "__abstractclassvars__"),
    *("__dataclass_params__", "__dataclass_fields__", "__match_args__", "__slotnames__"),
}


def _namespace(module_class: type) -> dict[str, Any]:
    """The body of the class as its author wrote it, less what the metaclass and dataclasses added."""
    return {
        name: value
        for name, value in vars(module_class).items()
        if name not in GENERATED and getattr(getattr(value, "__code__", None), "co_filename", "") != "<string>"
    }


def _field_settings(module_class: type) -> dict[str, dict[str, Any]]:
    """For each field of the class itself, the arguments that `dataclasses.field` was given."""
    fields = {field.name: field for field in dataclasses.fields(module_class)}
    settings = {}
    for name in vars(module_class).get("__annotations__", {}):
        if name in fields:
            field = fields[name]
            settings[name] = {"init": field.init, "metadata": dict(field.metadata)}
            for key in ("default", "default_factory"):
                if getattr(field, key) is not dataclasses.MISSING:
                    settings[name][key] = getattr(field, key)
    return settings


def _make_module_class(
    name: str, bases: tuple[type, ...], namespace: dict[str, Any], field_settings: dict[str, dict[str, Any]]
) -> type:
    fields = {field: dataclasses.field(**settings) for field, settings in field_settings.items()}
    return type(bases[0])(name, bases, {**namespace, **fields})
