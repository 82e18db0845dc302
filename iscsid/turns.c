/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who tries a portal that doesn't answer, see turns.h. */
#include "iscsid/turns.h"

#include "iscsid/base/tcp.h"
#include "libiscsi-db/util.h"

static void enqueue(struct turns *turns, struct turn *turn)
{
	turn->next = NULL;
	turn->at = turns->queue_end;
	*turns->queue_end = turn;
	turns->queue_end = &turn->next;
}

static void dequeue(struct turns *turns, struct turn *turn)
{
	*turn->at = turn->next;		/* NOLINT: of a turn in the queue, "at" is never NULL */
	if (turn->next)
		turn->next->at = turn->at;
	else
		turns->queue_end = turn->at;
	turn->at = NULL;
}

int turn_join(struct turn *turn, struct portals *portals, const char *key)
{
	uint64_t hash = index_hash(key);
	struct index_node *node = NULL;
	struct turns *turns;

	while (portals && (node = index_find(&portals->index, hash, node))) {
		turns = node->object;
		if (streq(turns->key, key)) {
			turns->members++;
			turn->turns = turns;
			return 0;
		}
	}
	turns = calloc(1, sizeof(*turns) + strlen(key) + 1);
	if (!turns)
		return -ENOMEM;
	if (portals && index_add(&portals->index, hash, turns) < 0) {
		free(turns);
		return -ENOMEM;
	}
	memcpy(turns->key, key, strlen(key));
	turns->portals = portals;
	turns->hash = hash;
	turns->members = 1;
	turns->queue_end = &turns->queue;
	turns->late_fd = -1;
	turn->turns = turns;
	return 0;
}

static void set_failed(struct turns *turns, unsigned int failed)
{
	if (turns->portals) {
		turns->portals->silent -= turns->failed > 0;
		turns->portals->silent += failed > 0;
	}
	turns->failed = failed;
}

unsigned int turn_silent_portals(const struct turn *turn)
{
	return turn->turns->portals ? turn->turns->portals->silent : 1;
}

void turn_leave(struct turn *turn)
{
	struct turns *turns = turn->turns;

	if (!turns)
		return;
	turn_end(turn);
	turn->turns = NULL;
	if (--turns->members)
		return;
	set_failed(turns, 0);
	if (turns->portals)
		index_remove(&turns->portals->index, turns->hash, turns);
	closep(&turns->late_fd);
	free(turns);
}

bool turn_take(struct turn *turn, uint64_t lost_us)
{
	struct turns *turns = turn->turns;

	if (turns->answered_us > lost_us)
		return true;
	if (!turns->holder)
		turns->holder = turn;
	else if (turns->holder != turn && !turn->at)
		enqueue(turns, turn);
	return turns->holder == turn;
}

struct turn *turn_failed(struct turn *turn, enum retry_cause cause, enum iscsi_err err,
			 const struct iscsi_why *why)
{
	struct turns *turns = turn->turns;
	struct turn *next = turns->queue;

	set_failed(turns, turns->failed + 1);
	turns->cause = cause;
	turns->err = err;
	turns->why = *why;
	turns->answered_us = 0;
	turns->slow_ms = 0;
	if (turns->holder != turn || !next)
		return turn;
	dequeue(turns, next);
	enqueue(turns, turn);
	turns->holder = next;
	return next;
}

void turn_await_late(struct turn *turn, int *fd, uint64_t begun_us)
{
	struct turns *turns = turn->turns;

	if (turns->late_fd >= 0)
		return;
	turns->late_fd = *fd;
	turns->late_since_us = begun_us;
	*fd = -1;
}

uint64_t turn_slow_ms(struct turn *turn, uint64_t now_us, uint64_t at_most_us)
{
	struct turns *turns = turn->turns;
	uint64_t waited_us = now_us - turns->late_since_us;
	int answer;

	if (turns->late_fd < 0)
		return turns->slow_ms;
	answer = tcp_late_answer(turns->late_fd);
	if (answer > 0)
		turns->slow_ms = waited_us / 1000;
	if (answer || waited_us >= at_most_us)
		closep(&turns->late_fd);
	return turns->slow_ms;
}

void turn_answered(struct turn *turn, uint64_t now_us)
{
	struct turns *turns = turn->turns;
	struct turn *next;

	set_failed(turns, 0);
	turns->answered_us = now_us;
	closep(&turns->late_fd);
	turns->holder = NULL;
	while ((next = turns->queue)) {
		dequeue(turns, next);
		next->woken(next->arg);
	}
}

void turn_end(struct turn *turn)
{
	struct turns *turns = turn->turns;
	struct turn *next = turns->queue;

	if (turn->at)
		dequeue(turns, turn);
	if (turns->holder != turn)
		return;
	turns->holder = next;
	if (!next)
		return;
	dequeue(turns, next);
	next->woken(next->arg);
}
