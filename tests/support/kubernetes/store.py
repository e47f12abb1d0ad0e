# SPDX-License-Identifier: Apache-2.0
"""Objects with resource versions and the history of their changes, as etcd keeps them."""

import bisect
import copy
import itertools
import json
import threading
import uuid


class Conflict(Exception):
    """The object is no longer the one the caller has seen."""


class Gone(Exception):
    """What is asked for has been compacted."""


class Store:
    """One numbering for all collections; each collection is named by its path."""

    def __init__(self):
        self.changed = threading.Condition()
        self.version = 1
        self.compacted = 0
        self._collections = {}
        self._texts = {}  # of each collection: the objects as JSON, by name
        self._events = []  # (version, path, type, object, object as JSON)
        self._snapshots = {}
        self._tokens = itertools.count(1)

    def collection(self, path):
        return self._collections.setdefault(path, {})

    def get(self, path, name):
        with self.changed:
            return self.collection(path).get(name)

    def _record(self, path, kind, value):
        self.version += 1
        value["metadata"]["resourceVersion"] = str(self.version)
        text = json.dumps(value)
        self._texts.setdefault(path, {})[value["metadata"]["name"]] = text
        self._events.append((self.version, path, kind, value, text))
        self.changed.notify_all()

    def put(self, path, value, expected=None):
        """Creates or replaces; `expected` is the resource version the caller has seen."""
        with self.changed:
            name = value["metadata"]["name"]
            old = self.collection(path).get(name)
            if expected and (old is None or old["metadata"]["resourceVersion"] != expected):
                raise Conflict(f"{name} has been modified")
            value = copy.deepcopy(value)
            value["metadata"].setdefault("uid", str(uuid.uuid4()))
            value["metadata"].setdefault("creationTimestamp", "2026-01-01T00:00:00Z")
            if old is not None:
                same = dict(value, metadata=dict(value["metadata"]))
                same["metadata"]["resourceVersion"] = old["metadata"]["resourceVersion"]
                if same == old:
                    return old
            self.collection(path)[name] = value
            self._record(path, "ADDED" if old is None else "MODIFIED", value)
            return value

    def delete(self, path, name):
        with self.changed:
            value = self.collection(path).pop(name, None)
            if value is not None:
                self._record(path, "DELETED", copy.deepcopy(value))
                del self._texts[path][name]
            return value

    def compact(self):
        """Forgets history and the snapshots that lists in pages go on from."""
        with self.changed:
            self.compacted = self.version
            self._events.clear()
            self._snapshots.clear()
            self.changed.notify_all()

    def wipe_back(self, versions):
        """As if restored from a backup: the numbering goes back, history is gone."""
        with self.changed:
            self.version = max(1, self.version - versions)
            self._events.clear()
            self._snapshots.clear()
            self.changed.notify_all()

    def page(self, path, limit, token):
        """(objects as JSON, version, token of the next page, how many remain)"""
        with self.changed:
            if token:
                if token not in self._snapshots:
                    raise Gone("the provided continue parameter is too old")
                version, rest = self._snapshots.pop(token)
            else:
                version, rest = self.version, sorted(self._texts.get(path, {}).items())
                rest = [text for _, text in rest]
            items, rest = (rest[:limit], rest[limit:]) if limit else (rest, [])
            following = ""
            if rest:
                following = f"token-{next(self._tokens)}"
                self._snapshots[following] = (version, rest)
            return items, version, following, len(rest)

    def events_after(self, path, version):
        """Of one collection, with self.changed held."""
        if version < self.compacted:
            raise Gone(f"too old resource version: {version} ({self.compacted})")
        first = bisect.bisect_right(self._events, version, key=lambda event: event[0])
        return [event for event in self._events[first:] if event[1] == path]
