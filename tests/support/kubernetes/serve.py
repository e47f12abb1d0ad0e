#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""serve.py DIRECTORY ADDRESS PORT: an API server for tests. Port 0 takes a free one.

Leaves in DIRECTORY: certificates, kubeconfig, kubeconfig-token, serviceaccount/, the accepted token
in accepted-token, control.sock, and at last `ready`. The objects live as long as the process.
"""

import ipaddress
import pathlib
import sys
import threading

from api import Server
from certificates import make_certificates, write_kubeconfigs
from control import ControlServer
from faults import Faults
from store import Store

TOKEN = "a-token-of-the-tests"


def url_of(address, port):
    host = f"[{address}]" if ipaddress.ip_address(address).version == 6 else address
    return f"https://{host}:{port}"


def main(directory, address, port):
    directory = pathlib.Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    if not (directory / "server.crt").exists():
        make_certificates(directory, [address])
    (directory / "accepted-token").write_text(TOKEN)
    store, faults = Store(), Faults()
    server = Server((address, int(port)), directory, store, faults)
    write_kubeconfigs(directory, url_of(address, server.server_port), TOKEN)
    control = ControlServer(directory / "control.sock", store, faults)
    threading.Thread(target=control.serve_forever, daemon=True).start()
    (directory / "ready").write_text(str(server.server_port))
    server.serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:4])
