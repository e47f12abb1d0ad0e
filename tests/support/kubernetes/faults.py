# SPDX-License-Identifier: Apache-2.0
"""What the server is told to do wrong."""

import threading


class Faults:
    """Switches and countdowns, and counts of what was asked. Any thread may use it."""

    DEFAULTS = {
        "throttle": 0,        # how many requests are answered 429 with Retry-After: 1
        "fail": 0,            # how many requests are answered 500
        "refuse": 0,          # how many requests end without an answer
        "garbage": 0,         # how many lists are answered with what is no JSON
        "stall": 0,           # watches that exist or begin send nothing, not even bookmarks
        "hang": 0,            # requests that begin are not answered
        "break_after": 0,     # how many bytes into its next event a watch ends
        "gone_by_status": 0,  # a watch that is too old gets HTTP 410 instead of an ERROR event
        "bookmark_ms": 1000,
        "hide_v1": 0,         # there is no crd.projectcalico.org/v1
        "hide_v3": 1,         # there is no projectcalico.org/v3
    }

    def __init__(self):
        self._lock = threading.Lock()
        self._values = dict(self.DEFAULTS)
        self.counts = {}
        self.generation = 0  # watches of an older one end

    def set(self, values):
        with self._lock:
            for name, value in values.items():
                if name not in self._values:
                    raise KeyError(name)
                self._values[name] = int(value)

    def get(self, name):
        with self._lock:
            return self._values[name]

    def take(self, name):
        """Whether it is this one's turn."""
        with self._lock:
            if self._values[name] <= 0:
                return False
            self._values[name] -= 1
            return True

    def count(self, what):
        with self._lock:
            self.counts[what] = self.counts.get(what, 0) + 1

    def hidden_groups(self):
        hidden = []
        if self.get("hide_v1"):
            hidden.append("crd.projectcalico.org/v1")
        if self.get("hide_v3"):
            hidden.append("projectcalico.org/v3")
        return hidden
