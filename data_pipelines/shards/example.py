"""Writes and parses ``tf.train.Example`` without TensorFlow.

The message is declared here in a descriptor pool of its own, because the default pool allows one
declaration of a name, and TensorFlow may want to make it later in the same process.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np

from mt3synth.errors import UserError

Feature = Sequence[bytes] | np.ndarray
"""``bytes_list``, or int64 ``[n]`` for ``int64_list``, or float32 ``[n]`` for ``float_list``."""


def make_example(features: Mapping[str, Feature]) -> bytes:
    """Serializes an Example; the same features give the same bytes.

    Raises:
      TypeError: a feature that is neither bytes nor whole nor floating-point numbers.
    """
    message = _example_class()()
    for name, values in features.items():
        feature = message.features.feature[name]
        if not isinstance(values, np.ndarray):
            feature.bytes_list.value.extend(values)
        elif values.dtype.kind in "iu":
            feature.int64_list.value.extend(values.tolist())
        elif values.dtype.kind == "f":
            feature.float_list.value.extend(values.tolist())
        else:
            raise TypeError(f"feature {name!r} is {values.dtype}; must be bytes, int or float")
    return message.SerializeToString(deterministic=True)


def parse_example(payload: bytes) -> dict[str, list[bytes] | np.ndarray]:
    """Parses an Example, the inverse of `make_example`.

    Raises:
      UserError: the bytes are no Example.
    """
    from google.protobuf.message import DecodeError

    try:
        message = _example_class().FromString(payload)
    except DecodeError as error:
        raise UserError(f"no tf.train.Example ({error})") from error
    return {name: _values(feature) for name, feature in message.features.feature.items()}


def _values(feature: Any) -> list[bytes] | np.ndarray:
    kind = feature.WhichOneof("kind")
    if kind == "int64_list":
        return np.array(feature.int64_list.value, np.int64)
    if kind == "float_list":
        return np.array(feature.float_list.value, np.float32)
    return list(feature.bytes_list.value)


@cache
def _example_class() -> Any:
    """Builds the message class with the field numbers of TensorFlow's .proto files."""
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

    kinds = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(
        name="mt3synth/example.proto", package="tensorflow", syntax="proto3"
    )

    def declare(parent: Any, name: str, number: int, kind: int, **more: Any) -> None:
        more.setdefault("label", kinds.LABEL_OPTIONAL)
        parent.field.add(name=name, number=number, type=kind, **more)

    def message(parent: Any, name: str) -> Any:
        return (parent.message_type if parent is file else parent.nested_type).add(name=name)

    lists = {
        "Bytes": kinds.TYPE_BYTES,
        "Float": kinds.TYPE_FLOAT,
        "Int64": kinds.TYPE_INT64,
    }
    feature = message(file, "Feature")
    feature.oneof_decl.add(name="kind")
    for number, (name, kind) in enumerate(lists.items(), start=1):
        declare(message(file, f"{name}List"), "value", 1, kind, label=kinds.LABEL_REPEATED)
        declare(
            feature,
            f"{name.lower()}_list",
            number,
            kinds.TYPE_MESSAGE,
            type_name=f".tensorflow.{name}List",
            oneof_index=0,
        )
    features = message(file, "Features")
    entry = message(features, "FeatureEntry")
    entry.options.map_entry = True
    declare(entry, "key", 1, kinds.TYPE_STRING)
    declare(entry, "value", 2, kinds.TYPE_MESSAGE, type_name=".tensorflow.Feature")
    declare(
        features,
        "feature",
        1,
        kinds.TYPE_MESSAGE,
        type_name=".tensorflow.Features.FeatureEntry",
        label=kinds.LABEL_REPEATED,
    )
    declare(
        message(file, "Example"),
        "features",
        1,
        kinds.TYPE_MESSAGE,
        type_name=".tensorflow.Features",
    )
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("tensorflow.Example"))
