/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A TCP socket that sends and receives iSCSI PDUs without the kernel's iSCSI, for discovery. PDUs
 * are sent through a queue and received whole, one at a time. The stream reads the lengths in a
 * PDU's header, and leaves the rest of the PDU to its owner.
 */
#pragma once

#include <sys/socket.h>
#include <systemd/sd-event.h>

#include "iscsid/base/tcp.h"
#include "iscsid/protocol/pdu.h"

struct pdu_stream {
	int fd;				/* -1: closed */
	sd_event_source *io;
	uint8_t out[PDU_BHS_LEN + PDU_LOGIN_DATA_MAX + 4];	/* fits any PDU that iscsid sends */
	size_t out_len, out_pos;
	uint8_t *in;			/* one PDU: header and padded data */
	size_t in_len;			/* bytes of the PDU received so far */
};

/* @max_data is the length of data in the longest PDU. Returns 0 or -ENOMEM. */
int pdu_stream_init(struct pdu_stream *stream, uint32_t max_data);
void pdu_stream_done(struct pdu_stream *stream);

/*
 * Closes an open stream, then connects to @peer from @source. The loop calls @on_io when the
 * connect has ended (see tcp_error()), and later whenever the socket takes queued bytes or has
 * bytes to read. The errors are those of tcp_open(), and ISCSI_ERR_TRANS_TIMEOUT if the host can't
 * connect now.
 */
enum iscsi_err pdu_stream_connect(struct pdu_stream *stream, sd_event *loop,
				  const struct sockaddr_storage *peer,
				  const struct tcp_source *source, sd_event_io_handler_t on_io,
				  void *arg, struct iscsi_why *why);
/* Closes the socket; drops queued PDUs and a half-read PDU. */
void pdu_stream_close(struct pdu_stream *stream);

/*
 * Queues a PDU and sends as much as the socket takes. Header and data go in one write, so that the
 * target never waits for a second segment. -ENOBUFS: the queue is full; or another -errno.
 */
int pdu_stream_send(struct pdu_stream *stream, const uint8_t bhs[PDU_BHS_LEN],
		    const uint8_t *data, size_t len);
/* Sends as much of the queue as the socket takes. 0 or -errno. */
int pdu_stream_flush(struct pdu_stream *stream);
/*
 * Reads the next PDU into stream->in, with its data behind the header, where it stays until the
 * next read. 1: the PDU is complete; 0: bytes are missing; -EMSGSIZE: the PDU has an additional
 * header or more than @max_data bytes of data; -ESHUTDOWN: the target has closed the connection;
 * or another -errno.
 */
int pdu_stream_read(struct pdu_stream *stream, uint32_t max_data, struct pdu_header *ret);
