/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The way from iscsiadm to iscsid: one connection for a whole command, any number of requests
 * on it at once, and a bound on how long an answer may take. If no daemon listens, the client
 * can start one. The modes call this file; it doesn't know what a request is about.
 */
#pragma once

#include "iscsid/message/mgmt_msg.h"

struct client;

/*
 * Returns the shell command that starts the daemon, or NULL if there is none. Called only when
 * no daemon listens. The text must live until the client is freed.
 */
typedef const char *client_startup_fn(void *arg);

/*
 * @warn hears, line by line, why requests did not reach the daemon, and what the daemon warns of
 * while it works on them, each warning once; it may be NULL.
 */
struct client *client_new(iscsi_db_warn_fn *warn, void *warn_arg);
struct client *client_free(struct client *client);

/* @debug hears a line for each request and each result; the lines hold no secrets. */
void client_set_debug(struct client *client, iscsi_db_warn_fn *debug, void *arg);

/* Without this call, or with NULL, the daemon isn't started. */
void client_set_startup(struct client *client, client_startup_fn *startup, void *arg);

/*
 * Queues a request; client_run() hands @index back with each reply to this request. The client
 * chooses the tag itself. @req and its strings needn't outlive the call.
 */
enum iscsi_err client_request(struct client *client, const struct mgmt_request *req,
			      size_t index);

/* @tick is called each second while client_run() waits; NULL: not. */
void client_set_tick(struct client *client, void (*tick)(void));

/* Hears each reply as it comes; @index is the request's, as the caller numbered it. */
typedef void client_reply_fn(void *arg, size_t index, const struct mgmt_reply *reply);

/* The words for a failure: those of the daemon, or, if it gave none, those of the error. */
const char *client_reason(const struct mgmt_reply *reply);

/*
 * Sends what is queued and hands out replies until each request has had its MGMT_RESULT. If
 * there is no daemon, the connection breaks or nothing is heard for @silence_ms, the function
 * tells @warn, hands out a MGMT_RESULT with that error and an empty reason for each request
 * without a result, and returns the error. So @fn hears exactly one result for each request.
 * A listener on the abstract name alone that doesn't greet, as open-iscsi's daemon, is given up
 * sooner, with ISCSI_ERR_ISCSID_COMM_ERR. If the daemon has hung up since the last call, the
 * function connects again.
 */
enum iscsi_err client_run(struct client *client, int silence_ms, client_reply_fn *fn, void *arg);
