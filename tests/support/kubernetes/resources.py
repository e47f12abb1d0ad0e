# SPDX-License-Identifier: Apache-2.0
"""Which resources there are, and where: enough of discovery for kubectl."""

import re

# (group/version, plural, kind, namespaced, short names)
RESOURCES = [
    ("v1", "nodes", "Node", False, ["no"]),
    ("v1", "namespaces", "Namespace", False, ["ns"]),
    ("v1", "events", "Event", True, ["ev"]),
    ("v1", "endpoints", "Endpoints", True, ["ep"]),
    ("v1", "configmaps", "ConfigMap", True, ["cm"]),
    ("v1", "serviceaccounts", "ServiceAccount", True, ["sa"]),
    ("apps/v1", "daemonsets", "DaemonSet", True, ["ds"]),
    ("rbac.authorization.k8s.io/v1", "clusterroles", "ClusterRole", False, []),
    ("rbac.authorization.k8s.io/v1", "clusterrolebindings", "ClusterRoleBinding", False, []),
    ("rbac.authorization.k8s.io/v1", "roles", "Role", True, []),
    ("rbac.authorization.k8s.io/v1", "rolebindings", "RoleBinding", True, []),
    ("discovery.k8s.io/v1", "endpointslices", "EndpointSlice", True, []),
    ("crd.projectcalico.org/v1", "ipamblocks", "IPAMBlock", False, []),
    ("projectcalico.org/v3", "ipamblocks", "IPAMBlock", False, []),
]
VERBS = ["create", "delete", "get", "list", "patch", "update", "watch"]


def discovery(path, hidden_groups):
    """The document at /version, /api or /apis…, or None."""
    groups = sorted({group for group, *_ in RESOURCES if "/" in group} - set(hidden_groups))
    if path == "/version":
        return {"major": "1", "minor": "32", "gitVersion": "v1.32.0"}
    if path == "/api":
        return {"kind": "APIVersions", "versions": ["v1"]}
    if path == "/apis":
        return {"kind": "APIGroupList", "apiVersion": "v1",
                "groups": [_group(group) for group in groups]}
    group = path.removeprefix("/api/").removeprefix("/apis/")
    if path == "/api/v1" or (path.startswith("/apis/") and group in groups):
        return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group,
                "resources": [_resource(entry) for entry in RESOURCES if entry[0] == group]}
    return None


def _group(group):
    version = {"groupVersion": group, "version": group.split("/")[1]}
    return {"name": group.split("/")[0], "versions": [version], "preferredVersion": version}


def _resource(entry):
    _, plural, kind, namespaced, short = entry
    return {"name": plural, "singularName": kind.lower(), "kind": kind, "verbs": VERBS,
            "namespaced": namespaced, "shortNames": short}


class Target:
    """What a path names: a collection, or one object in it, or its status."""

    def __init__(self, group, kind, collection, name, subresource):
        self.group, self.kind, self.collection = group, kind, collection
        self.name, self.subresource = name, subresource


def resolve(path, hidden_groups):
    match = re.fullmatch(r"/(?:api|apis)/(v1|[^/]+/v\d+)(/namespaces/[^/]+)?/([a-z]+)"
                         r"(?:/([^/]+))?(?:/(status))?", path)
    if not match:
        return None
    group, namespace, plural, name, subresource = match.groups()
    for entry in RESOURCES:
        if entry[0] == group and entry[1] == plural and group not in hidden_groups:
            prefix = "/api/" if group == "v1" else "/apis/"
            collection = f"{prefix}{group}{namespace or ''}/{plural}"
            return Target(group, entry[2], collection, name, subresource)
    return None
