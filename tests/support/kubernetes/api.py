# SPDX-License-Identifier: Apache-2.0
"""The API of Kubernetes over TLS: list, watch, get, create, update, patch and delete."""

import http.server
import json
import socket
import ssl
import time
from urllib.parse import parse_qs, urlsplit

from patches import PatchFailed, apply_json_patch, merge
from resources import discovery, resolve
from store import Conflict, Gone


def status(code, reason, message):
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": message, "reason": reason, "code": code}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server_version = "kube-apiserver-stand-in"

    def log_message(self, *_):
        pass

    # ---- answers

    def answer(self, code, body, headers=()):
        text = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(text)

    def refuse(self, code, reason, message, headers=()):
        self.answer(code, status(code, reason, message), headers)

    # ---- requests

    def authorized(self):
        if self.headers.get("Authorization") == f"Bearer {self.server.token()}":
            return True
        return bool(self.connection.getpeercert())

    def faulty(self):
        """Whether a fault has settled the matter."""
        faults = self.server.faults
        while faults.get("hang"):
            time.sleep(0.05)
        if faults.take("refuse"):
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
        elif faults.take("throttle"):
            self.refuse(429, "TooManyRequests", "too many requests", [("Retry-After", "1")])
        elif faults.take("fail"):
            self.refuse(500, "InternalError", "etcdserver: request timed out")
        else:
            return False
        return True

    def handle_request(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        url = urlsplit(self.path)
        query = {key: values[-1] for key, values in parse_qs(url.query).items()}
        if not self.authorized():
            return self.refuse(401, "Unauthorized", "Unauthorized")
        hidden = self.server.faults.hidden_groups()
        document = discovery(url.path, hidden)
        if document is not None and self.command == "GET":
            return self.answer(200, document)
        target = resolve(url.path, hidden)
        if target is None:
            return self.refuse(404, "NotFound", "the server could not find the resource")
        watching = query.get("watch") in ("1", "true")
        verb = "watch" if watching else self.command if target.name else "list"
        verb = verb if self.command == "GET" else self.command
        self.server.faults.count(f"{verb} {target.collection.rsplit('/', 1)[1]}")
        if self.faulty():
            return None
        try:
            return getattr(self, f"on_{self.command.lower()}")(target, query, body, watching)
        except Conflict as error:
            return self.refuse(409, "Conflict", str(error))
        except Gone as error:
            return self.refuse(410, "Expired", str(error))
        except (PatchFailed, ValueError, KeyError, TypeError) as error:
            return self.refuse(422, "Invalid", f"{error!r}")

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = handle_request

    # ---- verbs

    def on_get(self, target, query, _, watching):
        selector = query.get("fieldSelector", "")
        name = target.name or selector.removeprefix("metadata.name=")
        if watching:
            return self.watch(target, query, name)
        if target.name:
            value = self.server.store.get(target.collection, name)
            if value is None:
                return self.refuse(404, "NotFound", f"{target.kind} {name} not found")
            return self.answer(200, value)
        return self.list(target, query, name)

    def list(self, target, query, name):
        if self.server.faults.take("garbage"):
            return self.answer(200, b'{"kind": "NodeList", "items": [{"metadata"')
        items, version, following, remaining = self.server.store.page(
            target.collection, int(query.get("limit") or 0), query.get("continue"))
        if name:
            items = [item for item in items if json.loads(item)["metadata"]["name"] == name]
        metadata = {"resourceVersion": str(version)}
        if following:
            metadata |= {"continue": following, "remainingItemCount": remaining}
        head = json.dumps({"kind": f"{target.kind}List", "apiVersion": target.group,
                           "metadata": metadata})
        return self.answer(200, (head[:-1] + ', "items": [' + ",".join(items) + "]}").encode())

    def on_post(self, target, _, body, __):
        value = json.loads(body)
        metadata = value.setdefault("metadata", {})
        if "name" not in metadata:
            metadata["name"] = f"{metadata['generateName']}{time.monotonic_ns():x}"
        if self.server.store.get(target.collection, metadata["name"]) is not None:
            return self.refuse(409, "AlreadyExists", f"{metadata['name']} already exists")
        return self.answer(201, self.server.store.put(target.collection, value))

    def on_put(self, target, _, body, __):
        value = json.loads(body)
        expected = value["metadata"].get("resourceVersion")
        return self.answer(200, self.server.store.put(target.collection, value, expected))

    def on_patch(self, target, _, body, __):
        kind = self.headers.get("Content-Type", "").split(";")[0]
        while True:
            old = self.server.store.get(target.collection, target.name)
            if old is None:
                return self.refuse(404, "NotFound", f"{target.name} not found")
            if kind == "application/merge-patch+json":
                new = merge(old, json.loads(body))
            elif kind == "application/json-patch+json":
                new = apply_json_patch(old, json.loads(body))
            else:
                return self.refuse(415, "UnsupportedMediaType", kind)
            if target.subresource == "status":
                new["spec"] = old.get("spec", {})
            given = new["metadata"].get("resourceVersion")
            seen = old["metadata"]["resourceVersion"]
            try:
                return self.answer(200, self.server.store.put(target.collection, new, given))
            except Conflict:
                if given != seen:
                    raise

    def on_delete(self, target, *_):
        value = self.server.store.delete(target.collection, target.name)
        if value is None:
            return self.refuse(404, "NotFound", f"{target.name} not found")
        return self.answer(200, value)

    # ---- watching

    def watch(self, target, query, name):
        faults, store = self.server.faults, self.server.store
        version = int(query.get("resourceVersion") or 0)
        if version and version < store.compacted and faults.get("gone_by_status"):
            raise Gone(f"too old resource version: {version}")
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.close_connection = True
        try:
            self.stream(target, query, name, version)
            self.wfile.write(b"0\r\n\r\n")
        except (OSError, ssl.SSLError):
            pass

    def send_event(self, text):
        line = text.encode() + b"\n"
        cut = self.server.faults.get("break_after")
        if cut:
            self.server.faults.set({"break_after": 0})
            self.wfile.write(b"%x\r\n" % len(line) + line[:cut])
            raise ConnectionResetError
        # In pieces, so that the receiver cannot rely on borders.
        self.wfile.write(b"%x\r\n" % len(line) + line + b"\r\n")

    def stream(self, target, query, name, version):
        faults, store = self.server.faults, self.server.store
        generation = faults.generation
        deadline = time.monotonic() + float(query.get("timeoutSeconds") or 3600)
        bookmarks = query.get("allowWatchBookmarks") in ("1", "true")
        bookmark_at = time.monotonic() + faults.get("bookmark_ms") / 1000
        if not version:
            items, version, _, _ = store.page(target.collection, 0, None)
            for item in items:
                if not name or json.loads(item)["metadata"]["name"] == name:
                    self.send_event('{"type": "ADDED", "object": ' + item + "}")
        while time.monotonic() < deadline and faults.generation == generation:
            with store.changed:
                now = store.version
                try:
                    events = store.events_after(target.collection, version)
                except Gone as error:
                    gone = json.dumps(status(410, "Expired", str(error)))
                    return self.send_event('{"type": "ERROR", "object": ' + gone + "}")
                if not events or faults.get("stall"):
                    store.changed.wait(0.02)
                    events = []
            if faults.get("stall"):
                continue
            for _, _, kind, value, text in events:
                if not name or value["metadata"]["name"] == name:
                    self.send_event(f'{{"type": "{kind}", "object": {text}}}')
            version = max(version, now)
            if bookmarks and time.monotonic() >= bookmark_at:
                bookmark_at = time.monotonic() + faults.get("bookmark_ms") / 1000
                mark = {"kind": target.kind, "apiVersion": target.group,
                        "metadata": {"resourceVersion": str(version)}}
                self.send_event('{"type": "BOOKMARK", "object": ' + json.dumps(mark) + "}")
                faults.count(f"bookmark {target.collection.rsplit('/', 1)[1]}")
        return None


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 64

    def __init__(self, address, directory, store, faults):
        self.store, self.faults, self.directory = store, faults, directory
        super().__init__(address, Handler)
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(directory / "server.crt", directory / "server.key")
        self._context.load_verify_locations(directory / "ca.crt")
        self._context.verify_mode = ssl.CERT_OPTIONAL

    def token(self):
        return (self.directory / "accepted-token").read_text().strip()

    def finish_request(self, request, client_address):
        """In the thread of the connection, so that a slow handshake holds up nobody."""
        try:
            with self._context.wrap_socket(request, server_side=True) as connection:
                super().finish_request(connection, client_address)
        except OSError:
            pass

    def handle_error(self, request, client_address):
        pass
