/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * iscsiadm's reader of what iscsid says. The first byte is the number of requests, the rest is
 * what whoever listens sends, before it hangs up. Each request gets exactly one result.
 */
#include <pthread.h>
#include <semaphore.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "iscsiadm/client.h"
#include "libiscsi-db/util.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { REQUESTS_MAX = 8, SILENCE_MS = 60000 };

static int listen_fd = -1;
static const uint8_t *answer;
static size_t answer_len;
static sem_t served;		/* one for each input that was said to its end */
static unsigned int results[REQUESTS_MAX];

/* Says what the input says to each client that comes, and takes what the client sends. */
static void *serve(void *arg)
{
	(void)arg;
	for (;;) {
		int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);
		uint8_t buf[4096];
		size_t at = 0;

		if (fd < 0)
			abort();
		while (at < answer_len) {
			ssize_t n = send(fd, answer + at, answer_len - at, MSG_NOSIGNAL);

			if (n <= 0)
				break;
			at += (size_t)n;
		}
		(void)shutdown(fd, SHUT_WR);
		while (recv(fd, buf, sizeof(buf), 0) > 0)
			;
		(void)close(fd);
		(void)sem_post(&served);
	}
	return NULL;
}

static void start(void)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	pthread_t thread;
	char name[64];
	int n;

	n = snprintf(name, sizeof(name), "@iscsi-fuzz-client-%d", getpid());
	memcpy(addr.sun_path, name, (size_t)n);
	addr.sun_path[0] = '\0';
	listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (listen_fd < 0 || sem_init(&served, 0, 0) || setenv("ISCSID_SOCKET", name, 1) ||
	    bind(listen_fd, (struct sockaddr *)&addr,
		 (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)n)) ||
	    listen(listen_fd, 8) || pthread_create(&thread, NULL, serve, NULL))
		abort();
}

static void on_reply(void *arg, size_t index, const struct mgmt_reply *reply)
{
	if (index >= *(unsigned int *)arg)
		abort();
	if (results[index] && reply->type != MGMT_RESULT)
		abort();		/* it has had its result */
	if (reply->type == MGMT_RESULT && ++results[index] > 1)
		abort();
}

static void on_warning(void *arg, const char *text)
{
	(void)arg;
	(void)text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct mgmt_request request = {
		.type = MGMT_SESSION_STATE, .sid = 1, .record = "", .iface = "",
	};
	unsigned int requests;
	struct client *client;

	if (!size)
		return -1;
	if (listen_fd < 0)
		start();
	answer = data + 1;
	answer_len = size - 1;
	requests = data[0] % REQUESTS_MAX + 1;
	memset(results, 0, sizeof(results));
	client = client_new(on_warning, NULL);
	if (!client)
		abort();
	for (unsigned int i = 0; i < requests; i++)
		if (client_request(client, &request, i))
			abort();
	(void)client_run(client, SILENCE_MS, on_reply, &requests);
	client_free(client);
	while (sem_wait(&served))
		;
	for (unsigned int i = 0; i < requests; i++)
		if (results[i] != 1)
			abort();
	return 0;
}
