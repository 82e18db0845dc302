/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A TCP socket that speaks iSCSI PDUs itself, without the kernel's iSCSI: PDUs go out through a
 * queue, and come in whole, one at a time. Discovery uses it. It knows the length of a PDU and
 * nothing else of what the PDU says.
 */
#ifndef ISCSID_PDU_STREAM_H
#define ISCSID_PDU_STREAM_H

#include <sys/socket.h>
#include <systemd/sd-event.h>

#include "iscsid/protocol/pdu.h"

struct pdu_stream {
	int fd;				/* -1: closed */
	sd_event_source *io;
	uint8_t out[PDU_BHS_LEN + PDU_LOGIN_DATA_MAX + 4];	/* one PDU of any kind that we send */
	size_t out_len, out_pos;
	uint8_t *in;			/* one PDU: header and padded data */
	size_t in_len;			/* bytes of it that are here; 0: none of the next PDU */
};

/* @max_data: of the longest PDU that will be taken. -ENOMEM. */
int pdu_stream_init(struct pdu_stream *stream, uint32_t max_data);
void pdu_stream_done(struct pdu_stream *stream);

/*
 * Connects to @peer, through the device @netdev ("": any). @on_io is called when the connect has
 * ended (see tcp_error()), and from then on when there is something to send or to read. Closed
 * first, if it was open. 0 or -errno.
 */
int pdu_stream_connect(struct pdu_stream *stream, sd_event *loop,
		       const struct sockaddr_storage *peer, const char *netdev,
		       sd_event_io_handler_t on_io, void *arg);
/* Drops what is queued or half read. */
void pdu_stream_close(struct pdu_stream *stream);

/*
 * Queues a PDU and sends what the socket takes, header and data in one write so that the target
 * never waits for a second segment. -ENOBUFS: the target reads too little; or another -errno.
 */
int pdu_stream_send(struct pdu_stream *stream, const uint8_t bhs[PDU_BHS_LEN],
		    const uint8_t *data, size_t len);
/* Sends what is queued, as far as the socket takes it. 0 or -errno. */
int pdu_stream_flush(struct pdu_stream *stream);
/*
 * The next PDU, in stream->in until the next read, its data behind the header. 1: it is whole;
 * 0: not yet; -EMSGSIZE: it has an additional header or more than @max_data bytes of data;
 * -ESHUTDOWN: the target has closed the connection; or another -errno.
 */
int pdu_stream_read(struct pdu_stream *stream, uint32_t max_data, struct pdu_header *ret);

#endif /* ISCSID_PDU_STREAM_H */
