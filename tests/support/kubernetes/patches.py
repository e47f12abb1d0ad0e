# SPDX-License-Identifier: Apache-2.0
"""Merge patches (RFC 7396) and JSON patches (RFC 6902) on plain values."""

import copy


class PatchFailed(Exception):
    """A patch that does not fit the object."""


def merge(target, patch):
    if not isinstance(patch, dict):
        return copy.deepcopy(patch)
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merge(result.get(key), value)
    return result


def _step(value, token):
    try:
        return value[int(token)] if isinstance(value, list) else value[token]
    except (KeyError, IndexError, ValueError, TypeError) as error:
        raise PatchFailed(f"no such path: {token}") from error


def _split(path):
    if not path.startswith("/"):
        raise PatchFailed(f"not a pointer: {path}")
    return [token.replace("~1", "/").replace("~0", "~") for token in path[1:].split("/")]


def _apply_one(document, operation):
    *parents, last = _split(operation.get("path", ""))
    parent = document
    for token in parents:
        parent = _step(parent, token)
    kind = operation.get("op")
    if kind == "test":
        if _step(parent, last) != operation.get("value"):
            raise PatchFailed(f"test of {operation['path']} failed")
    elif kind == "remove":
        _step(parent, last)
        del parent[int(last) if isinstance(parent, list) else last]
    elif kind in ("add", "replace"):
        if kind == "replace":
            _step(parent, last)
        if isinstance(parent, list):
            parent.insert(len(parent) if last == "-" else int(last), operation.get("value"))
        else:
            parent[last] = operation.get("value")
    else:
        raise PatchFailed(f"operation {kind} is not known")


def apply_json_patch(document, operations):
    result = copy.deepcopy(document)
    for operation in operations:
        _apply_one(result, operation)
    return result
