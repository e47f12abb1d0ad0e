// SPDX-License-Identifier: Apache-2.0
#include "bench/lab/tun.h"

#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sys/ioctl.h>

#include "bench/lab/must.h"

namespace wgs::bench {

UniqueFd open_tun(const test::NetNamespace& ns, const std::string& name) {
    const test::Within inside(ns);
    UniqueFd tun(::open("/dev/net/tun", O_RDWR | O_CLOEXEC));
    ifreq request{};
    name.copy(request.ifr_name, IFNAMSIZ - 1);
    request.ifr_flags = IFF_TUN | IFF_NO_PI;
    must_call(tun && ::ioctl(tun.get(), TUNSETIFF, &request) == 0, "make a tun device");
    // No queue, as WireGuard's devices have none.
    ns.ip("link set " + name + " txqueuelen 0\nlink set " + name + " up\n");
    return tun;
}

}  // namespace wgs::bench
