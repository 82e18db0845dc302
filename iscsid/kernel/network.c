/* SPDX-License-Identifier: GPL-2.0-or-later */
/* News of the network, see network.h. */
#include "iscsid/kernel/network.h"

#include <errno.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>

#include "iscsid/kernel/netlink.h"
#include "libiscsi-db/util.h"

#define GROUPS	(RTMGRP_LINK | RTMGRP_NEIGH | RTMGRP_IPV4_IFADDR | RTMGRP_IPV4_ROUTE | \
		 RTMGRP_IPV6_IFADDR | RTMGRP_IPV6_ROUTE)
/* A router's table may change a thousand times in a second. */
#define NEWS_INTERVAL_US	100000
#define NEWS_BURST		5
#define NEWS_AT_ONCE		64

struct network {
	sd_event_source *io;
	network_changed_fn *changed;
	void *arg;
	uint8_t buf[8192];		/* what is needed of a longer message stands at its begin */
};

/* The address of a neighbour that can be reached now, from the message behind its header. */
static bool neighbour_of(const uint8_t *data, size_t len, struct sockaddr_storage *ret)
{
	struct ndmsg nd;
	struct rtattr attr;
	size_t pos = NLMSG_ALIGN(sizeof(nd));

	if (len < sizeof(nd))
		return false;
	memcpy(&nd, data, sizeof(nd));
	if (!(nd.ndm_state & (NUD_REACHABLE | NUD_STALE | NUD_PERMANENT)))
		return false;
	*ret = (struct sockaddr_storage){ .ss_family = nd.ndm_family };
	while (pos + sizeof(attr) <= len) {
		const uint8_t *value = data + pos + sizeof(attr);

		memcpy(&attr, data + pos, sizeof(attr));
		if (attr.rta_len < sizeof(attr) || attr.rta_len > len - pos)
			return false;
		if (attr.rta_type == NDA_DST && nd.ndm_family == AF_INET &&
		    RTA_PAYLOAD(&attr) == sizeof(struct in_addr)) {
			memcpy(&((struct sockaddr_in *)ret)->sin_addr, value,
			       sizeof(struct in_addr));
			return true;
		}
		if (attr.rta_type == NDA_DST && nd.ndm_family == AF_INET6 &&
		    RTA_PAYLOAD(&attr) == sizeof(struct in6_addr)) {
			memcpy(&((struct sockaddr_in6 *)ret)->sin6_addr, value,
			       sizeof(struct in6_addr));
			return true;
		}
		pos += RTA_ALIGN(attr.rta_len);
	}
	return false;
}

static bool link_is_up(const uint8_t *data, size_t len)
{
	struct ifinfomsg link;

	if (len < sizeof(link))
		return false;
	memcpy(&link, data, sizeof(link));
	return (link.ifi_flags & (IFF_UP | IFF_RUNNING)) == (IFF_UP | IFF_RUNNING);
}

void network_parse(const void *datagram, size_t len, network_changed_fn *changed, void *arg)
{
	struct sockaddr_storage neighbour;
	const uint8_t *at = datagram;
	struct nlmsghdr header;

	while (len >= sizeof(header)) {
		size_t size;

		memcpy(&header, at, sizeof(header));
		if (header.nlmsg_len < sizeof(header))
			return;
		size = MIN(header.nlmsg_len, len);
		if (header.nlmsg_type == RTM_NEWADDR || header.nlmsg_type == RTM_NEWROUTE ||
		    header.nlmsg_type == RTM_DELROUTE ||
		    (header.nlmsg_type == RTM_NEWLINK &&
		     link_is_up(at + sizeof(header), size - sizeof(header))))
			changed(arg, NULL);
		else if (header.nlmsg_type == RTM_NEWNEIGH &&
			 neighbour_of(at + sizeof(header), size - sizeof(header), &neighbour))
			changed(arg, &neighbour);
		size = MIN(NLMSG_ALIGN(size), len);
		at += size;
		len -= size;
	}
}

static int network_on_io(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	struct network *network = userdata;

	(void)source;
	(void)revents;
	for (int i = 0; i < NEWS_AT_ONCE; i++) {
		size_t len;
		int n = netlink_wire.receive(fd, network->buf, sizeof(network->buf), &len, 1);

		if (n == -ENOBUFS)	/* news were lost, so anything may have changed */
			network->changed(network->arg, NULL);
		else if (n <= 0)
			break;
		else
			network_parse(network->buf, len, network->changed, network->arg);
	}
	return 0;
}

int network_socket(void)
{
	struct sockaddr_nl addr = { .nl_family = AF_NETLINK, .nl_groups = GROUPS };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);

	return fd < 0 || bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 ? close_failed(fd) : fd;
}

int network_new(sd_event *loop, int fd, network_changed_fn *changed, void *arg,
		struct network **ret)
{
	struct network *network = calloc(1, sizeof(*network));
	int r;

	if (!network)
		return -ENOMEM;
	network->changed = changed;
	network->arg = arg;
	r = sd_event_add_io(loop, &network->io, fd, EPOLLIN, network_on_io, network);
	if (r >= 0)
		r = sd_event_source_set_io_fd_own(network->io, true);
	if (r >= 0)
		r = sd_event_source_set_ratelimit(network->io, NEWS_INTERVAL_US, NEWS_BURST);
	if (r < 0) {
		network_free(network);
		return r;
	}
	*ret = network;
	return 0;
}

struct network *network_free(struct network *network)
{
	if (network)
		sd_event_source_disable_unref(network->io);
	free(network);
	return NULL;
}
