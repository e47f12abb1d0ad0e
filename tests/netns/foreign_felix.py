#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Felix's side of the protocol by another implementation of protobuf, with its own description of
the messages: feeds wgsteer-felix in an empty network namespace, and asks the agent what it made of
it.

usage: foreign_felix.py BIN_DIR
"""

import json
import os
import struct
import subprocess
import sys
import tempfile
import time

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

STRING, BOOL, UINT32, UINT64, DOUBLE, ENUM, MESSAGE = "string bool uint32 uint64 double enum message".split()
FIELD = descriptor_pb2.FieldDescriptorProto
TYPES = {
    STRING: FIELD.TYPE_STRING,
    BOOL: FIELD.TYPE_BOOL,
    UINT32: FIELD.TYPE_UINT32,
    UINT64: FIELD.TYPE_UINT64,
    DOUBLE: FIELD.TYPE_DOUBLE,
    ENUM: FIELD.TYPE_ENUM,
    MESSAGE: FIELD.TYPE_MESSAGE,
}
NUMBERED = {"CIDR_INFO": 0, "REMOTE_WORKLOAD": 1, "REMOTE_HOST": 2, "LOCAL_WORKLOAD": 3,
            "LOCAL_HOST": 4, "REMOTE_TUNNEL": 5, "LOCAL_TUNNEL": 6}
BITS = {"CIDR_INFO": 0, "REMOTE_WORKLOAD": 1, "REMOTE_HOST": 2, "LOCAL_WORKLOAD": 4,
        "LOCAL_HOST": 8, "REMOTE_TUNNEL": 16, "LOCAL_TUNNEL": 32}


class Protocol:
    """One generation: the messages, and how a route and a host are told."""

    def __init__(self, generation):
        self.generation = generation
        self.recent = generation == "recent"
        self.file = descriptor_pb2.FileDescriptorProto(
            name=f"{generation}.proto", package=generation, syntax="proto3")
        self._describe()
        pool = descriptor_pool.DescriptorPool()
        pool.Add(self.file)
        factory = message_factory.MessageFactory(pool)
        self.classes = {
            m.name: factory.GetPrototype(pool.FindMessageTypeByName(f"{generation}.{m.name}"))
            for m in self.file.message_type}

    def _message(self, name, fields, oneof=()):
        message = self.file.message_type.add(name=name)
        if oneof:
            message.oneof_decl.add(name="payload")
        for field_name, (number, kind, *type_name) in fields.items():
            field = message.field.add(name=field_name, number=number, type=TYPES[kind],
                                      label=FIELD.LABEL_OPTIONAL)
            if type_name:
                field.type_name = f".{self.generation}.{type_name[0]}"
            if field_name in oneof:
                field.oneof_index = 0
        return message

    def _map(self, message, name, number, key, value):
        kind = "".join(part.capitalize() for part in name.split("_")) + "Entry"
        entry = message.nested_type.add(name=kind)
        entry.options.map_entry = True
        for field_name, field_number, (field_type, *type_name) in (("key", 1, key), ("value", 2, value)):
            field = entry.field.add(name=field_name, number=field_number, type=TYPES[field_type],
                                    label=FIELD.LABEL_OPTIONAL)
            if type_name:
                field.type_name = f".{self.generation}.{type_name[0]}"
        message.field.add(name=name, number=number, type=FIELD.TYPE_MESSAGE,
                          label=FIELD.LABEL_REPEATED,
                          type_name=f".{self.generation}.{message.name}.{kind}")

    def _describe(self):
        route_type = self.file.enum_type.add(name="RouteType")
        for name, number in (BITS if self.recent else NUMBERED).items():
            route_type.value.add(name=name, number=number)
        self._message("InSync", {})
        config = self._message("ConfigUpdate", {"message": (3, STRING)})
        raw = self._message("RawConfig", {"source": (1, STRING)})
        self._map(raw, "config", 2, (STRING,), (STRING,))
        self._map(config, "config", 1, (STRING,), (STRING,))
        self._map(config, "source_to_raw_config", 2, (UINT32,), (MESSAGE, "RawConfig"))
        host = {"hostname": (1, STRING), "ipv4_addr": (2, STRING), "ipv6_addr": (3, STRING),
                "asnumber": (4, STRING)}
        metadata = self._message("HostMetadataUpdate",
                                 host if self.recent else {k: host[k] for k in ("hostname", "ipv4_addr")})
        both = self._message("HostMetadataV4V6Update", host)
        for message in [both] + ([metadata] if self.recent else []):
            self._map(message, "labels", 5, (STRING,), (STRING,))
        self._message("HostMetadataRemove", {"hostname": (1, STRING), "ipv4_addr": (2, STRING)})
        self._message("HostMetadataV6Update", {"hostname": (1, STRING), "ipv6_addr": (2, STRING)})
        self._message("TunnelType", {"ipip": (1, BOOL), "vxlan": (2, BOOL), "wireguard": (3, BOOL)})
        kind = {"types": (12, ENUM, "RouteType")} if self.recent else {"type": (1, ENUM, "RouteType")}
        self._message("RouteUpdate", {
            **kind, "dst": (3, STRING), "dst_node_name": (4, STRING), "dst_node_ip": (5, STRING),
            "same_subnet": (7, BOOL), "nat_outgoing": (8, BOOL), "local_workload": (9, BOOL),
            "tunnel_type": (10, MESSAGE, "TunnelType"), "borrowed": (11, BOOL)})
        self._message("RouteRemove", {"dst": (2, STRING)})
        self._message("WireguardEndpointUpdate", {
            "hostname": (1, STRING), "public_key": (2, STRING), "interface_ipv4_addr": (3, STRING)})
        self._message("WireguardEndpointRemove", {"hostname": (1, STRING)})
        self._message("IPAMPoolRemove", {"id": (1, STRING)})
        payloads = {
            "in_sync": (1, MESSAGE, "InSync"), "config_update": (13, MESSAGE, "ConfigUpdate"),
            "host_metadata_update": (14, MESSAGE, "HostMetadataUpdate"),
            "ipam_pool_remove": (17, MESSAGE, "IPAMPoolRemove"),
            "host_metadata_remove": (18, MESSAGE, "HostMetadataRemove"),
            "route_update": (23, MESSAGE, "RouteUpdate"), "route_remove": (24, MESSAGE, "RouteRemove"),
            "wireguard_endpoint_update": (27, MESSAGE, "WireguardEndpointUpdate"),
            "wireguard_endpoint_remove": (28, MESSAGE, "WireguardEndpointRemove"),
            "host_metadata_v6_update": (35, MESSAGE, "HostMetadataV6Update"),
            "host_metadata_v4v6_update": (37, MESSAGE, "HostMetadataV4V6Update")}
        self._message("ToDataplane", {"sequence_number": (15, UINT64), **payloads}, payloads)
        self._message("WireguardStatusUpdate", {"public_key": (1, STRING), "ip_version": (2, UINT32)})
        self._message("ProcessStatusUpdate", {"iso_timestamp": (1, STRING), "uptime": (2, DOUBLE)})
        words = {"process_status_update": (3, MESSAGE, "ProcessStatusUpdate"),
                 "wireguard_status_update": (9, MESSAGE, "WireguardStatusUpdate")}
        self._message("FromDataplane", {"sequence_number": (8, UINT64), **words}, words)


class Felix:
    """The parent of one driver."""

    def __init__(self, protocol, binary, config):
        self.protocol = protocol
        self.sequence = 0
        self.heard = b""
        to_read, self.to_driver = os.pipe()
        self.from_driver, to_write = os.pipe()
        os.set_blocking(self.from_driver, False)
        # The shell has the two pipes as its own; the driver gets them under Felix's numbers.
        self.driver = subprocess.Popen(
            ["unshare", "-n", "sh", "-c", f'exec "$0" 3<&{to_read} 4>&{to_write}', binary],
            pass_fds=(to_read, to_write), env={**os.environ, "WGSTEER_CONFIG": config})
        os.close(to_read)
        os.close(to_write)

    def say(self, payload, **fields):
        self.sequence += 1
        envelope = self.protocol.classes["ToDataplane"](sequence_number=self.sequence)
        message = getattr(envelope, payload)
        message.SetInParent()
        for name, value in fields.items():
            if isinstance(value, dict) and name != "tunnel_type":
                getattr(message, name).update(value)
            elif isinstance(value, dict):
                for part, flag in value.items():
                    setattr(getattr(message, name), part, flag)
            else:
                setattr(message, name, value)
        data = envelope.SerializeToString()
        os.write(self.to_driver, struct.pack("<Q", len(data)) + data)

    def route(self, dst, node, kind):
        numbers = BITS if self.protocol.recent else NUMBERED
        field = "types" if self.protocol.recent else "type"
        self.say("route_update", dst=dst, dst_node_name=node, dst_node_ip="192.0.2.9",
                 same_subnet=True, tunnel_type={"wireguard": True}, **{field: numbers[kind]})

    def host(self, name, ipv4):
        if self.protocol.recent:
            self.say("host_metadata_update", hostname=name, ipv4_addr=ipv4 + "/24",
                     asnumber="64512", labels={"zone": "a"})
        else:
            self.say("host_metadata_update", hostname=name, ipv4_addr=ipv4)
            self.say("host_metadata_v4v6_update", hostname=name, ipv4_addr=ipv4 + "/24",
                     labels={"zone": "a"})

    def words(self):
        """What the driver has said so far, as messages."""
        try:
            self.heard += os.read(self.from_driver, 1 << 16)
        except BlockingIOError:
            pass
        left, messages = self.heard, []
        while len(left) >= 8:
            (length,) = struct.unpack("<Q", left[:8])
            messages.append(self.protocol.classes["FromDataplane"].FromString(left[8:8 + length]))
            left = left[8 + length:]
        return messages


def eventually(what, question, seconds=30):
    end = time.monotonic() + seconds
    while not question():
        if time.monotonic() > end:
            sys.exit(f"FAILED: {what}")
        time.sleep(0.05)


def expect(what, there, wanted):
    if there != wanted:
        sys.exit(f"FAILED: {what}: {there!r}, expected {wanted!r}")


def play(generation, binaries, directory):
    config = os.path.join(directory, "felix.yaml")
    with open(config, "w", encoding="utf-8") as file:
        file.write(f"run_dir: {directory}/run\nstate_dir: {directory}/state\nbpffs: {directory}/bpf\n"
                   "metrics: \"\"\nunderlay: [lo]\nsource: {felix: {}}\n")
    felix = Felix(Protocol(generation), os.path.join(binaries, "wgsteer-felix"), config)

    def ask(*arguments):
        answer = subprocess.run([os.path.join(binaries, "wgsteer"), "--socket",
                                 f"{directory}/run/api.sock", *arguments, "-o", "json"],
                                capture_output=True, check=False)
        return json.loads(answer.stdout) if answer.returncode in (0, 1) and answer.stdout else None

    def peer(name):
        return next((p for p in ask("peers") or [] if p["name"] == name), None)

    felix.say("config_update", message="hello", config={
        "FelixHostname": "self", "WireguardEnabled": "true", "WireguardListeningPort": "51999"})
    felix.say("ipam_pool_remove", id="of no concern")
    felix.host("self", "192.0.2.1")
    felix.route("10.1.0.0/26", "self", "LOCAL_WORKLOAD")
    felix.route("10.2.0.0/26", "other", "REMOTE_WORKLOAD")
    felix.route("10.2.0.1/32", "other", "REMOTE_TUNNEL")
    felix.route("192.0.2.2/32", "other", "REMOTE_HOST")
    felix.route("10.1.0.9/32", "other", "REMOTE_WORKLOAD")
    felix.say("wireguard_endpoint_update", hostname="other", interface_ipv4_addr="10.2.0.1",
              public_key="BCul+9OGsYt1kCWggE3wEvUPy0z0TxtujqEHj4ljrzk=")
    felix.host("other", "192.0.2.2")
    felix.say("in_sync")
    eventually("the peer is there", lambda: peer("other") is not None)
    there = peer("other")
    expect("state", there["state"], "waiting")
    expect("endpoint", there["endpoint"], "192.0.2.2:51999")
    expect("prefixes", sorted(there["prefixes"]),
           ["10.1.0.9/32", "10.2.0.0/26", "10.2.0.1/32"])
    expect("owner of a borrowed address",
           ask("explain", "--src", "10.1.0.1", "--dst", "10.1.0.9")["peer"], "other")

    felix.say("route_remove", dst="10.1.0.9/32")
    eventually("the borrowed address is returned",
               lambda: "10.1.0.9/32" not in peer("other")["prefixes"])
    felix.say("wireguard_endpoint_remove", hostname="other")
    eventually("the key is gone", lambda: peer("other")["state"] == "no_key")
    words = felix.words()
    keys = {w.wireguard_status_update.ip_version: w.wireguard_status_update.public_key
            for w in words if w.WhichOneof("payload") == "wireguard_status_update"}
    expect("keys told", {version: len(key) for version, key in keys.items()}, {4: 44, 6: 0})
    expect("signs of life", any(w.WhichOneof("payload") == "process_status_update" for w in words), True)
    expect("sequence", [w.sequence_number for w in words], list(range(1, len(words) + 1)))
    os.close(felix.to_driver)
    expect("exit code", felix.driver.wait(timeout=20), 0)


def main():
    if os.geteuid() != 0:
        print("skipped: needs root")
        sys.exit(77)
    for generation in ("former", "recent"):
        with tempfile.TemporaryDirectory(prefix="wgs-felix-") as directory:
            try:
                play(generation, sys.argv[1], directory)
            finally:
                subprocess.run([os.path.join(sys.argv[1], "wgsteer"), "--socket",
                                f"{directory}/run/api.sock", "cleanup", "--yes"],
                               check=False, stdout=subprocess.DEVNULL)
                subprocess.run(["umount", f"{directory}/bpf"], check=False,
                               stderr=subprocess.DEVNULL)
        print(f"ok: {generation}")


main()
