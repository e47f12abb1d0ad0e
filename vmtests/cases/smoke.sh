#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The kernel has what the guest is for: WireGuard, tc programs, a BPF file system.
set -e
ip link add wg-smoke type wireguard
ip link set wg-smoke up
ip link del wg-smoke
ip link add smoke0 type veth peer name smoke1
tc qdisc add dev smoke0 clsact
ip link del smoke0
grep -q ' /sys/fs/bpf bpf ' /proc/mounts
