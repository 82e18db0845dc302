/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Look-ups of host names on the worker pool, see lookup.h. */
#include "iscsid/base/lookup.h"

#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>

#include "iscsid/base/addr_kind.h"
#include "libiscsi-db/util.h"

struct lookup {
	struct worker_job job;		/* first, because the pool holds a pointer to it */
	char host[ISCSI_ADDRESS_MAX + 1];
	int port;
	int (*resolve)(const char *host, int port, struct sockaddr_storage *ret);
	int error;			/* from getaddrinfo() */
	struct sockaddr_storage addr;
	void (*done)(void *arg, const struct sockaddr_storage *addr, const char *error);
	void *arg;
	_Atomic bool forgotten;		/* the caller has left; a look-up not begun is skipped */
};

int lookup_resolve(const char *host, int port, struct sockaddr_storage *ret)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV };
	struct addrinfo *info;
	char service[8];
	int r;

	(void)snprintf(service, sizeof(service), "%d", port & 0xffff);
	r = getaddrinfo(host, service, &hints, &info);
	if (r)
		return r;
	memset(ret, 0, sizeof(*ret));
	memcpy(ret, info->ai_addr, info->ai_addrlen);
	freeaddrinfo(info);
	return 0;
}

/* The number of @zone, the name or the number of an interface of this host; 0: unknown. */
static uint32_t zone_number(const char *zone)
{
	unsigned int number = if_nametoindex(zone);
	char *end;

	if (number || *zone < '0' || *zone > '9')
		return number;
	number = (unsigned int)strtoul(zone, &end, 10);
	return *end ? 0 : number;
}

bool lookup_numeric(const char *host, int port, struct sockaddr_storage *ret)
{
	const char *zone = strchr(host, '%');
	struct sockaddr_storage addr;

	if (!addr_parse(host, port, &addr))
		return false;
	if (zone) {
		uint32_t number = zone_number(zone + 1);

		if (!number)
			return false;
		((struct sockaddr_in6 *)&addr)->sin6_scope_id = number;
	}
	*ret = addr;
	return true;
}

static void lookup_run(struct worker_job *job)
{
	struct lookup *lookup = (struct lookup *)job;

	lookup->error = lookup->forgotten ? EAI_AGAIN :
			lookup->resolve(lookup->host, lookup->port, &lookup->addr);
}

static void lookup_done(struct worker_job *job)
{
	struct lookup *lookup = (struct lookup *)job;

	if (lookup->done)
		lookup->done(lookup->arg, lookup->error ? NULL : &lookup->addr,
			     lookup->error ? gai_strerror(lookup->error) : NULL);
	free(lookup);
}

struct lookup *lookup_start(const struct resolver *resolver, const char *host, int port,
			    void (*done)(void *arg, const struct sockaddr_storage *addr,
					 const char *error), void *arg)
{
	struct lookup *lookup = calloc(1, sizeof(*lookup));

	if (!lookup)
		return NULL;
	lookup->job = (struct worker_job){ .run = lookup_run, .done = lookup_done };
	(void)snprintf(lookup->host, sizeof(lookup->host), "%s", host);
	lookup->port = port;
	lookup->resolve = resolver->resolve;
	lookup->done = done;
	lookup->arg = arg;
	if (worker_submit(resolver->pool, &lookup->job) < 0) {
		free(lookup);
		return NULL;
	}
	return lookup;
}

struct lookup *lookup_expire(struct lookup *lookup)
{
	void (*done)(void *arg, const struct sockaddr_storage *addr, const char *error);

	if (lookup && lookup->done) {
		done = lookup->done;
		(void)lookup_forget(lookup);
		done(lookup->arg, NULL, "no answer in time");
	}
	return NULL;
}

struct lookup *lookup_forget(struct lookup *lookup)
{
	if (lookup) {
		lookup->done = NULL;
		lookup->forgotten = true;
	}
	return NULL;
}
