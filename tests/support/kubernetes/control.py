# SPDX-License-Identifier: Apache-2.0
"""The test's own door: GET requests over a unix socket that make faults and changes."""

import base64
import http.server
import json
import os
import socketserver
import threading
import time
from urllib.parse import parse_qs, urlsplit

NODES = "/api/v1/nodes"


def node(number, prefixes):
    high, low = divmod(number, 250)
    return {
        "kind": "Node", "apiVersion": "v1",
        "metadata": {"name": f"node-{number}",
                     "annotations": {"wgsteer.io/public-key": key(number),
                                     "wgsteer.io/port": "51820"}},
        "spec": {"podCIDRs": [cidr(number * prefixes + i) for i in range(prefixes)]},
        "status": {"addresses": [{"type": "InternalIP", "address": f"172.16.{high}.{low + 1}"},
                                 {"type": "Hostname", "address": f"node-{number}"}]},
    }


def cidr(index):
    """Distinct /28s from 10.0.0.0 on."""
    first = index * 16
    return f"10.{first >> 16 & 255}.{first >> 8 & 255}.{first & 255}/28"


def key(number):
    return base64.b64encode((number + 1).to_bytes(32, "little")).decode()


class Control(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def address_string(self):
        return "control"

    def do_GET(self):
        url = urlsplit(self.path)
        query = {name: values[-1] for name, values in parse_qs(url.query).items()}
        try:
            answer = getattr(self, "do_" + url.path.strip("/"))(query)
            code, text = 200, json.dumps(answer)
        except Exception as error:  # the test shall see whatever it was
            code, text = 500, repr(error)
        self.send_response(code)
        self.end_headers()
        self.wfile.write(text.encode())

    def do_set(self, query):
        self.server.faults.set(query)

    def do_counts(self, _):
        return self.server.faults.counts

    def do_compact(self, _):
        self.server.store.compact()

    def do_end_watches(self, _):
        self.server.faults.generation += 1

    def do_put(self, query):
        return self.server.store.put(query["path"], json.loads(query["object"]))

    def do_get(self, query):
        return self.server.store.get(query["path"], query["name"])

    def do_delete(self, query):
        return self.server.store.delete(query["path"], query["name"])

    def do_list(self, query):
        return list(self.server.store.collection(query["path"]).values())

    def do_wipe(self, query):
        """Everything is gone at once, without an event."""
        with self.server.store.changed:
            self.server.store.collection(query["path"]).clear()
            self.server.store._texts.get(query["path"], {}).clear()
        self.server.store.compact()

    def do_fill(self, query):
        for number in range(int(query["nodes"])):
            self.server.store.put(NODES, node(number, int(query["prefixes"])))

    def do_touch(self, query):
        """Gives a node another key; the monotonic time, in ns, right before the event exists."""
        value = self.server.store.get(NODES, query["name"])
        value = json.loads(json.dumps(value))
        value["metadata"]["annotations"]["wgsteer.io/public-key"] = query["key"]
        now = time.monotonic_ns()
        self.server.store.put(NODES, value)
        return now

    def do_storm(self, query):
        """Changes per second, for some seconds; returns at once."""
        def blow(rate, seconds, nodes):
            start = time.monotonic()
            for number in range(int(rate * seconds)):
                pause = start + number / rate - time.monotonic()
                if pause > 0:
                    time.sleep(pause)
                self.do_touch({"name": f"node-{number % nodes}", "key": key(100_000 + number)})
        threading.Thread(target=blow, args=(float(query["rate"]), float(query["seconds"]),
                                            int(query["nodes"])), daemon=True).start()


class ControlServer(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True

    def __init__(self, path, store, faults):
        if os.path.exists(path):
            os.unlink(path)
        self.store, self.faults = store, faults
        super().__init__(str(path), Control)
