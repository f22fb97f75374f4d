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

_SCALARS = ("BYTES", "FLOAT", "INT64", "STRING")
_FIELDS = {
    "BytesList": [("value", "REPEATED", "BYTES")],
    "FloatList": [("value", "REPEATED", "FLOAT")],
    "Int64List": [("value", "REPEATED", "INT64")],
    "Feature": [
        ("bytes_list", "OPTIONAL", "BytesList"),
        ("float_list", "OPTIONAL", "FloatList"),
        ("int64_list", "OPTIONAL", "Int64List"),
    ],
    "Features.FeatureEntry": [("key", "OPTIONAL", "STRING"), ("value", "OPTIONAL", "Feature")],
    "Features": [("feature", "REPEATED", "Features.FeatureEntry")],
    "Example": [("features", "OPTIONAL", "Features")],
}
"""Name, label and type of the fields of each message, which are numbered from 1."""


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
    # A map of features has no order of its own, and shards are compared by their bytes.
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

    file = descriptor_pb2.FileDescriptorProto(
        name="mt3synth/example.proto", package="tensorflow", syntax="proto3"
    )
    messages = {name: file.message_type.add(name=name) for name in _FIELDS if "." not in name}
    entry = messages["Features"].nested_type.add(name="FeatureEntry")
    entry.options.map_entry = True
    messages["Feature"].oneof_decl.add(name="kind")
    kinds = descriptor_pb2.FieldDescriptorProto
    for parent, fields in _FIELDS.items():
        for number, (name, label, kind) in enumerate(fields, start=1):
            field = messages.get(parent, entry).field.add(name=name, number=number)
            field.label = kinds.Label.Value(f"LABEL_{label}")
            if kind in _SCALARS:
                field.type = kinds.Type.Value(f"TYPE_{kind}")
            else:
                field.type, field.type_name = kinds.TYPE_MESSAGE, f".tensorflow.{kind}"
            if parent == "Feature":
                field.oneof_index = 0
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("tensorflow.Example"))
