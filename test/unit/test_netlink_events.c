/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the kernel tells unasked: events, and the counters of a connection. */
#include "test/unit/netlink_fixture.h"

START_TEST(counters)
{
	static uint8_t payload[96 + 72];
	struct kernel_stat stats[KERNEL_STATS_MAX];
	uint8_t data[1024] = { 0 };
	uint64_t octets = UINT64_C(0x1122334455667788), received = 4711, own = 99;
	size_t len = 0;

	memcpy(payload, &octets, 8);
	memcpy(payload + 8, &received, 8);
	set_u32(payload, 92, 1);
	memcpy(payload + 96, "own_counter", 12);
	memcpy(payload + 96 + 64, &own, 8);
	set_u32(data, AT_LEN, AT_PAYLOAD + sizeof(payload));
	set_u32(data, AT_TYPE, 20);
	set_u32(data, AT_U, 7);
	for (uint32_t i = 2; i < 21; i++)	/* the numbers of 32 bits, in the order of their names */
		set_u32(payload, 8 * 2 + 4 * (i - 2), 100 + i);
	memcpy(data + AT_PAYLOAD, payload, sizeof(payload));
	/* The socket for it is opened by the call: the next descriptor after all others. */
	stats_fd = eventfd(0, EFD_CLOEXEC);
	(void)close(stats_fd);
	set_u32(data, AT_U, 8);
	enqueue(stats_fd, data, AT_PAYLOAD + sizeof(payload));		/* another session's */
	set_u32(data, AT_U, 7);
	enqueue(stats_fd, data, AT_PAYLOAD + sizeof(payload));
	ck_assert_int_eq(kernel->ops->get_stats(kernel, 7, stats, &len, &why), 0);
	ck_assert_str_eq(sent_types, "20");
	ck_assert_uint_eq(u32_at(sent, AT_U), 7);
	ck_assert_uint_eq(len, 22);
	ck_assert_str_eq(stats[0].name, "txdata_octets");
	ck_assert_uint_eq(stats[0].value, octets);
	ck_assert_str_eq(stats[1].name, "rxdata_octets");
	ck_assert_uint_eq(stats[1].value, received);
	for (uint32_t i = 2; i < 21; i++)
		ck_assert_uint_eq(stats[i].value, 100 + i);
	ck_assert_str_eq(stats[3].name, "scsicmd_pdus");
	ck_assert_str_eq(stats[20].name, "timeout_err");
	ck_assert(!stats[20].custom && stats[21].custom);
	ck_assert_str_eq(stats[21].name, "own_counter");
	ck_assert_uint_eq(stats[21].value, 99);
	/* It may claim more than came. */
	set_u32(data + AT_PAYLOAD, 92, 1000);
	enqueue(stats_fd, data, AT_PAYLOAD + sizeof(payload));
	ck_assert_int_eq(kernel->ops->get_stats(kernel, 7, stats, &len, &why), 0);
	ck_assert_uint_eq(len, 22);
	ck_assert_int_eq(kernel->ops->get_stats(kernel, 7, stats, &len, &why), ISCSI_ERR_INTERNAL);
	ck_assert_str_eq(why.text, "the kernel gave no statistics");
}
END_TEST

static void answer_stats(uint16_t nl_type, uint32_t type, uint32_t sid, uint32_t custom,
			 size_t len)
{
	static uint8_t data[AT_PAYLOAD + 96 + 33 * 72];

	memset(data, 0, sizeof(data));
	set_u16(data, AT_NLTYPE, nl_type);
	set_u32(data, AT_TYPE, type);
	set_u32(data, AT_IFERROR, (uint32_t)-ENOTCONN);
	set_u32(data, AT_U, sid);
	set_u32(data, AT_PAYLOAD + 92, custom);
	for (size_t i = 0; i < 33; i++) {
		memset(data + AT_PAYLOAD + 96 + i * 72, 'A' + (int)i, 64);	/* no NUL */
		data[AT_PAYLOAD + 96 + i * 72 + 64] = (uint8_t)i;
	}
	enqueue(stats_fd, data, len);
}

START_TEST(counters_have_bounds)
{
	struct kernel_stat stats[KERNEL_STATS_MAX];
	size_t len;

	stats_fd = eventfd(0, EFD_CLOEXEC);
	(void)close(stats_fd);
	/* A whole answer without counters of the driver, after messages that are none. */
	answer_stats(0, 20, 7, 0, AT_PAYLOAD + 95);
	answer_stats(0, 21, 7, 0, AT_PAYLOAD + 96);
	answer_stats(19, 20, 7, 0, AT_PAYLOAD + 96);
	answer_stats(20, 103, 7, 0, AT_PAYLOAD - 1);
	answer_stats(0, 20, 7, 1, AT_PAYLOAD + 96 + 71);
	ck_assert_int_eq(kernel->ops->get_stats(kernel, 7, stats, &len, &why), 0);
	ck_assert_uint_eq(queue_len, 0);
	ck_assert_uint_eq(len, 21);
	answer_stats(0, 20, 7, 33, AT_PAYLOAD + 96 + 33 * 72);
	ck_assert_int_eq(kernel->ops->get_stats(kernel, 7, stats, &len, &why), 0);
	ck_assert_uint_eq(len, KERNEL_STATS_MAX);
	for (size_t i = 21; i < len; i++) {
		ck_assert(stats[i].custom);
		ck_assert_uint_eq(strlen(stats[i].name), 63);
		ck_assert_int_eq(stats[i].name[62], 'A' + (int)i - 21);
		ck_assert_uint_eq(stats[i].value, i - 21);
	}
	/* The bytes behind a counter that isn't counted are none. */
	answer_stats(0, 20, 7, 0, AT_PAYLOAD + 96 + 72);
	ck_assert_int_eq(kernel->ops->get_stats(kernel, 7, stats, &len, &why), 0);
	ck_assert_uint_eq(len, 21);
	answer_stats(20, 103, 7, 0, AT_PAYLOAD);
	ck_assert_int_eq(kernel->ops->get_stats(kernel, 7, stats, &len, &why), ISCSI_ERR_INTERNAL);
	ck_assert_str_eq(why.text, "the kernel has no statistics: Transport endpoint is not "
			 "connected");
	send_errno = ENOBUFS;
	ck_assert_int_eq(kernel->ops->get_stats(kernel, 7, stats, &len, &why), ISCSI_ERR_INTERNAL);
	ck_assert_str_eq(why.text, "netlink: No buffer space available");
	open_error = EMFILE;
	ck_assert_int_eq(kernel->ops->get_stats(kernel, 7, stats, &len, &why), ISCSI_ERR_INTERNAL);
	ck_assert_str_eq(why.text, "netlink: Too many open files");
}
END_TEST

START_TEST(any_descriptor_has_counters)
{
	struct kernel_stat stats[KERNEL_STATS_MAX];
	size_t len;

	(void)close(STDIN_FILENO);
	without_stdin = true;
	stats_fd = STDIN_FILENO;
	answer_stats(0, 20, 7, 0, AT_PAYLOAD + 96);
	ck_assert_int_eq(kernel->ops->get_stats(kernel, 7, stats, &len, &why), 0);
	ck_assert_int_eq(stats_fd, STDIN_FILENO);
	ck_assert_int_lt(fcntl(STDIN_FILENO, F_GETFD), 0);
}
END_TEST

/* Without the transport there is no session to count for. */
START_TEST(no_transport_no_counters)
{
	struct kernel_stat stats[KERNEL_STATS_MAX];
	size_t len;

	fake_sysfs_set(fs, "class/iscsi_transport/tcp/handle", NULL);
	ck_assert_int_eq(kernel->ops->get_stats(kernel, 7, stats, &len, &why),
			 ISCSI_ERR_TRANS_NOT_FOUND);
}
END_TEST

START_TEST(events_are_passed_on)
{
	uint8_t pdu[PDU_BHS_LEN + 8] = { 0x3f };

	pdu[7] = 3;
	memcpy(pdu + PDU_BHS_LEN, "abc", 4);
	event(101, 5, 0, 0, pdu, sizeof(pdu));
	pdu[7] = 0;
	event(101, 6, 0, 0, pdu, PDU_BHS_LEN);
	event(102, 5, 0, 1011, NULL, 0);
	event(105, 6, 3, 0, NULL, 0);
	event(104, 3, 6, 0, NULL, 0);		/* host, then session */
	event(106, 9, 9, 9, NULL, 0);		/* unknown */
	run_events();
	ck_assert_str_eq(told, "pdu 5 3f 3abc;pdu 6 3f 0;error 5 1011;unbound 6;destroyed 6;");
}
END_TEST

START_TEST(odd_events_are_ignored)
{
	uint8_t pdu[PDU_BHS_LEN] = { 0x3f }, junk[512] = { 0 };

	event(101, 5, 0, 0, pdu, sizeof(pdu) - 1);
	pdu[7] = 1;		/* more data than came along */
	event(101, 5, 0, 0, pdu, sizeof(pdu));
	event(101, 5, 0, 0, pdu, sizeof(pdu) - 1);
	set_u32(junk, AT_LEN, AT_PAYLOAD);
	set_u16(junk, AT_NLTYPE, 102);		/* a reply, not an event */
	set_u32(junk, AT_TYPE, 102);
	enqueue(event_fd, junk, AT_PAYLOAD);
	set_u16(junk, AT_NLTYPE, 0);
	enqueue(event_fd, junk, AT_PAYLOAD - 1);
	enqueue(event_fd, junk, 3);
	run_events();
	ck_assert_str_eq(told, "");
}
END_TEST

START_TEST(lost_events_are_told)
{
	event(105, 6, 3, 0, NULL, 0);
	enqueue_error(event_fd, ENOBUFS);
	event(105, 7, 3, 0, NULL, 0);
	run_events();
	ck_assert_str_eq(told, "unbound 6;unbound 7;lost;");
}
END_TEST

START_TEST(the_longest_pdu_is_passed_on)
{
	static uint8_t data[AT_PAYLOAD + PDU_BHS_LEN + 8192];

	memset(data, 0, sizeof(data));
	set_u32(data, AT_TYPE, 101);
	set_u32(data, AT_R, 5);
	data[AT_PAYLOAD] = 0x23;
	data[AT_PAYLOAD + 6] = 0x20;		/* 8192 bytes */
	enqueue(event_fd, data, sizeof(data));
	run_events();
	ck_assert_str_eq(told, "pdu 5 23 8192;");
}
END_TEST

static int on_other(sd_event_source *source, int fd, uint32_t revents, void *arg)
{
	(void)source;
	(void)fd;
	(void)revents;
	(void)arg;
	note("other;");
	return 0;
}

/* A flood: 64 at a time, so that others have their turn; else the kernel's events come first. */
START_TEST(a_flood_is_taken_in_turns)
{
	int fd = eventfd(1, EFD_CLOEXEC);
	sd_event_source *other;

	ck_assert_int_ge(sd_event_add_io(loop, &other, fd, EPOLLIN, on_other, NULL), 0);
	ck_assert_int_ge(sd_event_source_set_priority(other, SD_EVENT_PRIORITY_NORMAL - 1), 0);
	for (uint32_t i = 0; i < 70; i++)
		event(102, 1, 0, 1, NULL, 0);
	run_events();
	ck_assert_uint_eq(queue_len, 6);
	ck_assert_ptr_null(strstr(told, "other;"));
	run_events();
	ck_assert_uint_eq(queue_len, 6);
	ck_assert_ptr_nonnull(strstr(told, "other;"));
	ck_assert_int_ge(sd_event_source_set_enabled(other, SD_EVENT_OFF), 0);
	run_events();
	ck_assert_uint_eq(queue_len, 0);
	ck_assert_int_ge(sd_event_source_set_enabled(other, SD_EVENT_ON), 0);
	event(104, 1, 6, 0, NULL, 0);
	run_events();
	ck_assert_uint_eq(queue_len, 0);
	sd_event_source_unref(other);
	(void)close(fd);
}
END_TEST

START_TEST(errors_of_a_connection_have_words)
{
	ck_assert_str_eq(kernel_conn_error_text(1000), "unknown error");
	ck_assert_str_eq(kernel_conn_error_text(1001), "unexpected DataSN");
	ck_assert_str_eq(kernel_conn_error_text(1020), "target closed the connection");
	ck_assert_str_eq(kernel_conn_error_text(1022), "no answer to a NOP-Out ping");
	ck_assert_str_eq(kernel_conn_error_text(1023), "unknown error");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("netlink_events");
	TCase *tc = tcase_create("netlink_events");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, counters);
	tcase_add_test(tc, counters_have_bounds);
	tcase_add_test(tc, any_descriptor_has_counters);
	tcase_add_test(tc, no_transport_no_counters);
	tcase_add_test(tc, events_are_passed_on);
	tcase_add_test(tc, odd_events_are_ignored);
	tcase_add_test(tc, lost_events_are_told);
	tcase_add_test(tc, the_longest_pdu_is_passed_on);
	tcase_add_test(tc, a_flood_is_taken_in_turns);
	tcase_add_test(tc, errors_of_a_connection_have_words);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
