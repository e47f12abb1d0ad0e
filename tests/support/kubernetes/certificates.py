# SPDX-License-Identifier: Apache-2.0
"""A certificate authority for one test, with the files that clients of a cluster get."""

import base64
import json
import subprocess


def _openssl(*arguments, directory):
    subprocess.run(["openssl", *arguments], cwd=directory, check=True, capture_output=True)


def _issue(directory, name, subject, extensions):
    (directory / f"{name}.ext").write_text(extensions)
    _openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
             "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", subject, directory=directory)
    _openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.crt", "-CAkey", "ca.key",
             "-CAcreateserial", "-days", "2", "-extfile", f"{name}.ext", "-out", f"{name}.crt",
             directory=directory)


def make_certificates(directory, addresses):
    _openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
             "-keyout", "ca.key", "-out", "ca.crt", "-days", "2", "-subj", "/CN=test-ca",
             directory=directory)
    names = ",".join(f"IP:{address}" for address in addresses) + ",DNS:localhost"
    _issue(directory, "server", "/CN=kube-apiserver", f"subjectAltName={names}\n")
    _issue(directory, "client", "/O=system:masters/CN=admin", "extendedKeyUsage=clientAuth\n")


def _encoded(path):
    return base64.b64encode(path.read_bytes()).decode()


def write_kubeconfigs(directory, url, token):
    """kubeconfig: a certificate in place; kubeconfig-token: a token, and the CA in a file."""
    users = {
        "kubeconfig": ({"certificate-authority-data": _encoded(directory / "ca.crt")},
                       {"client-certificate-data": _encoded(directory / "client.crt"),
                        "client-key-data": _encoded(directory / "client.key")}),
        "kubeconfig-token": ({"certificate-authority": "ca.crt"}, {"token": token}),
    }
    for name, (authority, user) in users.items():
        config = {
            "apiVersion": "v1", "kind": "Config", "current-context": "test",
            "clusters": [{"name": "test", "cluster": {"server": url, **authority}}],
            "users": [{"name": "admin", "user": user}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "admin"}}],
        }
        (directory / name).write_text(json.dumps(config, indent=1))
    account = directory / "serviceaccount"
    account.mkdir(exist_ok=True)
    (account / "token").write_text(token)
    (account / "ca.crt").write_bytes((directory / "ca.crt").read_bytes())
