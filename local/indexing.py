"""Indexing: reading the functions out of an app and refusing what Azure's worker would refuse."""

from __future__ import annotations

import inspect
import typing
from dataclasses import dataclass
from types import GenericAlias

import azure.functions as func
from azure.functions import meta
from azure.functions.decorators.core import BindingDirection

from functions.domain.errors import HostError


@dataclass(frozen=True)
class HostedFunction:
    """One function with its bindings, ready to be invoked."""

    name: str
    user_function: typing.Callable[..., object]
    trigger_name: str
    trigger_type: str
    trigger: dict[str, str]
    outputs: dict[str, dict[str, str]]

    def decode(self, data: meta.Datum, metadata: dict[str, meta.Datum]) -> object:
        """The trigger's argument, made by the library's own converter."""
        return func.get_binding_registry().get(self.trigger_type).decode(data, trigger_metadata=metadata)

    async def call(self, arguments: dict[str, object]) -> typing.Any:
        """Call the function with the arguments its signature names."""
        wanted = inspect.signature(self.user_function).parameters
        result = self.user_function(**{name: value for name, value in arguments.items() if name in wanted})
        return await result if inspect.isawaitable(result) else result


def index(app: func.FunctionApp) -> list[HostedFunction]:
    """Every function of an app; raises `HostError` naming the function and parameter a worker would refuse."""
    return [_index(function) for function in app.get_functions()]


def _index(function: typing.Any) -> HostedFunction:
    name, user_function = function.get_function_name(), function.get_user_function()
    bindings = {binding.name: binding for binding in function.get_bindings()}
    hints = typing.get_type_hints(user_function)
    parameters = set(inspect.signature(user_function).parameters) - {"context"}
    inputs = {key for key in bindings if key != "$return"}
    if parameters != inputs:
        odd = ", ".join(sorted(parameters ^ inputs))
        raise HostError(f"function {name}: parameters and bindings differ in {odd}; declare both with the same name")
    for key in sorted(parameters & set(hints)):  # like the worker: what is not annotated is not checked
        _check_annotation(name, key, hints[key], bindings[key])
    if hints.get("return", type(None)) not in (type(None), None) and "$return" not in bindings:
        trigger_is_http = any(binding.type == "httpTrigger" for binding in bindings.values())
        if not trigger_is_http:
            raise HostError(f"function {name} returns a value but has no $return binding; return None")
    trigger = function.get_trigger()
    return HostedFunction(
        name=name,
        user_function=user_function,
        trigger_name=trigger.name,
        trigger_type=trigger.type,
        trigger=_plain(trigger),
        outputs={
            key: _plain(binding)
            for key, binding in bindings.items()
            if int(binding.direction) == BindingDirection.OUT.value and key != "$return"
        },
    )


def _check_annotation(function: str, parameter: str, annotation: object, binding: typing.Any) -> None:
    where = f"function {function}, parameter {parameter}"
    is_out = typing.get_origin(annotation) is func.Out
    if is_out != (int(binding.direction) == BindingDirection.OUT.value):
        raise HostError(
            f"{where}: the annotation and the binding disagree on input or output; use func.Out for outputs"
        )
    inner = typing.get_args(annotation)[0] if is_out else annotation
    plain = isinstance(inner, type) or typing.get_origin(inner) is list
    if isinstance(inner, GenericAlias) or not plain:
        raise HostError(f"{where}: the worker rejects {inner}; annotate with the binding's type or typing.List of it")
    converter = func.get_binding_registry().get(binding.type)
    check = converter.check_output_type_annotation if is_out else converter.check_input_type_annotation
    if not check(inner):
        raise HostError(f"{where}: {inner} is not a type of a {binding.type} binding")


def _plain(binding: typing.Any) -> dict[str, str]:
    """A binding as host and worker exchange it: names and strings."""
    return {key: str(getattr(value, "value", value)) for key, value in binding.get_dict_repr().items()}
