/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A socket for PDUs, see pdu_stream.h. */
#include "iscsid/base/pdu_stream.h"

#include <errno.h>

#include "iscsid/base/stream.h"
#include "libiscsi-db/util.h"

int pdu_stream_init(struct pdu_stream *stream, uint32_t max_data)
{
	*stream = (struct pdu_stream){
		.fd = -1, .in = malloc(PDU_BHS_LEN + pdu_padded(max_data)),
	};
	return stream->in ? 0 : -ENOMEM;
}

void pdu_stream_done(struct pdu_stream *stream)
{
	pdu_stream_close(stream);
	free(stream->in);
	stream->in = NULL;
}

void pdu_stream_close(struct pdu_stream *stream)
{
	stream->io = sd_event_source_disable_unref(stream->io);
	closep(&stream->fd);
	stream->in_len = stream->out_len = stream->out_pos = 0;
}

enum iscsi_err pdu_stream_connect(struct pdu_stream *stream, sd_event *loop,
				  const struct sockaddr_storage *peer,
				  const struct tcp_source *source, sd_event_io_handler_t on_io,
				  void *arg, struct iscsi_why *why)
{
	enum iscsi_err err;
	int r;

	pdu_stream_close(stream);
	err = tcp_open(peer, source, &stream->fd, why);
	if (err)
		return err;
	r = tcp_connect(stream->fd, peer);
	if (r >= 0)
		r = sd_event_add_io(loop, &stream->io, stream->fd, EPOLLOUT, on_io, arg);
	if (r < 0) {
		pdu_stream_close(stream);
		return iscsi_fail(why, ISCSI_ERR_TRANS_TIMEOUT, "%s", strerror(-r));
	}
	return ISCSI_SUCCESS;
}

int pdu_stream_flush(struct pdu_stream *stream)
{
	int r = stream_send(stream->fd, stream->out, stream->out_len, &stream->out_pos);

	if (r < 0)
		return r;
	if (stream->out_pos == stream->out_len)
		stream->out_pos = stream->out_len = 0;
	(void)sd_event_source_set_io_events(stream->io,
					    EPOLLIN | (stream->out_len ? EPOLLOUT : 0));
	return 0;
}

int pdu_stream_send(struct pdu_stream *stream, const uint8_t bhs[PDU_BHS_LEN],
		    const uint8_t *data, size_t len)
{
	size_t padded = pdu_padded(len);
	uint8_t *to = stream->out + stream->out_len;

	if (stream->out_len + PDU_BHS_LEN + padded > sizeof(stream->out))
		return -ENOBUFS;
	memcpy(to, bhs, PDU_BHS_LEN);
	memset(to + PDU_BHS_LEN, 0, padded);
	if (len)
		memcpy(to + PDU_BHS_LEN, data, len);
	stream->out_len += PDU_BHS_LEN + padded;
	return pdu_stream_flush(stream);
}

int pdu_stream_read(struct pdu_stream *stream, uint32_t max_data, struct pdu_header *ret)
{
	int r = stream_receive(stream->fd, stream->in, PDU_BHS_LEN, &stream->in_len);

	if (r <= 0)
		return r;
	pdu_parse_header(stream->in, ret);
	if (ret->ahs_words || ret->data_len > max_data)
		return -EMSGSIZE;
	r = stream_receive(stream->fd, stream->in, PDU_BHS_LEN + pdu_padded(ret->data_len),
			   &stream->in_len);
	if (r > 0)
		stream->in_len = 0;
	return r;
}
