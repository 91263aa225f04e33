"""Networks in files that need no class: weights as safetensors, the graph and its layers as JSON beside them."""

from __future__ import annotations

import json
import operator
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import fx, nn

from compress.keeping import replaced
from compress.network import operations
from compress.network.channels import UnsupportedError

#: The key of the manifest among a file's metadata, and the version of what is written there.
_KEY, _VERSION = "halide-filters", 2
#: Arguments of layers by type, which are attributes of the same names.
_ARGUMENTS: dict[type[nn.Module], tuple[str, ...]] = {
    nn.Conv2d: (
        "in_channels", "out_channels", "kernel_size", "stride", "padding", "dilation", "groups", "bias", "padding_mode",
    ),
    nn.Linear: ("in_features", "out_features", "bias"),
    nn.PReLU: ("num_parameters",),
    nn.Flatten: ("start_dim", "end_dim"),
    nn.LeakyReLU: ("negative_slope",),
    nn.ELU: ("alpha",),
    nn.GELU: ("approximate",),
    nn.Dropout: ("p",),
    nn.Dropout2d: ("p",),
    nn.MaxPool2d: ("kernel_size", "stride", "padding", "dilation", "ceil_mode"),
    nn.AvgPool2d: ("kernel_size", "stride", "padding", "ceil_mode", "count_include_pad"),
    nn.AdaptiveAvgPool2d: ("output_size",),
    nn.AdaptiveMaxPool2d: ("output_size",),
    nn.Upsample: ("size", "scale_factor", "mode", "align_corners"),
}  # fmt: skip
_ARGUMENTS |= dict.fromkeys(operations.NORMS, ("num_features", "eps", "momentum", "affine", "track_running_stats"))
_TYPES: dict[str, type[nn.Module]] = {each.__name__: each for each in (*operations.SAME, *_ARGUMENTS)}
_FUNCTIONS: dict[str, Callable[..., Any]] = {
    f"{each.__module__}.{each.__name__}": each
    for each in (
        *operations.SAME_FUNCTIONS, *operations.JOINING, torch.cat, torch.flatten, torch.reshape, torch.mean, getattr,
        operator.getitem, operator.floordiv, operator.truediv,
    )
}  # fmt: skip
_NAMES = {function: name for name, function in _FUNCTIONS.items()}


def save(
    graph: fx.GraphModule,
    path: str | Path,
    notes: Mapping[str, Any] | None = None,
    *,
    without: Iterable[str] = (),
    tensors: Mapping[str, torch.Tensor] | None = None,
) -> Path:
    """Write a network.

    Parameters
    ----------
    graph : fx.GraphModule
        The network, of layers and functions that are known here.
    path : path
        The file; ``.safetensors`` is usual.
    notes : mapping, optional
        Plain data that is kept with it.
    without : iterable of str
        Parameters that are not written, for whoever reads knows them from something else.
    tensors : mapping, optional
        Others that are kept, of names that the network has not.

    Raises
    ------
    UnsupportedError
        If a layer or function is not known; nothing is written then.
    """
    from safetensors.torch import save as serialized

    manifest = {
        "version": _VERSION,
        "nodes": [_node(node) for node in graph.graph.nodes],
        "layers": {str(n.target): _layer(graph, str(n.target)) for n in graph.graph.nodes if n.op == "call_module"},
        "notes": dict(notes or {}),
    }
    left_out = set(without)
    kept = {name: value.detach().cpu().contiguous() for name, value in graph.state_dict().items()}
    kept = {name: value for name, value in kept.items() if name not in left_out} | dict(tensors or {})
    data = serialized(kept, {_KEY: json.dumps(manifest)})
    with replaced(path) as beside:
        beside.write_bytes(data)
    return Path(path)


def load(path: str | Path) -> tuple[fx.GraphModule, dict[str, Any], dict[str, torch.Tensor]]:
    """Read a network, and the data and tensors that were kept with it.

    Raises
    ------
    ValueError
        If the file is none of :func:`save`.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(str(path), "pt") as file:
            manifest = json.loads((file.metadata() or {})[_KEY])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (it is no mapping)
    except (SafetensorError, KeyError) as error:
        raise ValueError(f"{path} holds no network: {error}") from error
    if manifest["version"] != _VERSION:
        raise ValueError(f"{path} has version {manifest['version']}; {_VERSION} is understood")
    root = nn.Module()
    for name, (kind, arguments) in manifest["layers"].items():
        _put(root, name, _TYPES[kind](**{key: _tupled(value) for key, value in arguments.items()}))
    graph = fx.Graph()
    made: dict[str, fx.Node] = {}
    for node in manifest["nodes"]:
        target = _FUNCTIONS[node["target"]] if node["op"] == "call_function" else node["target"]
        arguments = _decoded(node["args"], made), _decoded(node["kwargs"], made)
        made[node["name"]] = graph.create_node(node["op"], target, *arguments, name=node["name"])
    module = fx.GraphModule(root, graph)
    own = module.state_dict().keys()
    module.load_state_dict({name: value for name, value in tensors.items() if name in own}, strict=False)
    return module.eval(), manifest["notes"], {name: value for name, value in tensors.items() if name not in own}


def _layer(graph: fx.GraphModule, name: str) -> tuple[str, dict[str, Any]]:
    module = graph.get_submodule(name)
    if type(module) not in _TYPES.values():
        raise UnsupportedError(f"{name} is a {type(module).__name__}, which cannot be written")
    arguments = {key: getattr(module, key) for key in _ARGUMENTS.get(type(module), ())}
    if "bias" in arguments:
        arguments["bias"] = module.bias is not None
    return type(module).__name__, arguments


def _put(root: nn.Module, name: str, module: nn.Module) -> None:
    *parents, last = name.split(".")
    for parent in parents:
        if not hasattr(root, parent):
            root.add_module(parent, nn.Module())
        root = root.get_submodule(parent)
    root.add_module(last, module)


def _node(node: fx.Node) -> dict[str, Any]:
    target: Any = node.target
    if node.op == "call_function":
        if target not in _NAMES:
            raise UnsupportedError(f"{node.name} calls {getattr(target, '__name__', target)}, which cannot be written")
        target = _NAMES[target]
    return {
        "name": node.name,
        "op": node.op,
        "target": target,
        "args": _encoded(node.args),
        "kwargs": _encoded(node.kwargs),
    }


def _encoded(value: Any) -> Any:
    """Give arguments as JSON has them; nodes and tuples are marked."""
    if isinstance(value, fx.Node):
        return {"node": value.name}
    if isinstance(value, tuple):
        return {"tuple": [_encoded(each) for each in value]}
    if isinstance(value, list):
        return [_encoded(each) for each in value]
    if isinstance(value, slice):
        return {"slice": [_encoded(each) for each in (value.start, value.stop, value.step)]}
    if isinstance(value, Mapping):
        return {"mapping": {key: _encoded(each) for key, each in value.items()}}
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise UnsupportedError(f"an argument {value!r} cannot be written")


def _decoded(value: Any, made: Mapping[str, fx.Node]) -> Any:
    if isinstance(value, list):
        return [_decoded(each, made) for each in value]
    if not isinstance(value, dict):
        return value
    ((kind, inner),) = value.items()
    if kind == "node":
        return made[inner]
    if kind == "mapping":
        return {key: _decoded(each, made) for key, each in inner.items()}
    parts = [_decoded(each, made) for each in inner]
    return slice(*parts) if kind == "slice" else tuple(parts)


def _tupled(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
