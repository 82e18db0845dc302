/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Commands to the kernel: each message of a batch byte by byte, and what replies come to. */
#include "test/unit/alloc.h"
#include "test/unit/netlink_fixture.h"

static const struct { int error; enum iscsi_err err; } socket_failures[] = {
	{ EPERM, ISCSI_ERR_ACCESS }, { EPROTONOSUPPORT, ISCSI_ERR_TRANS_NOT_FOUND },
	{ EMFILE, ISCSI_ERR_INTERNAL },
};

START_TEST(a_socket_that_can_not_be_had)
{
	for (int sockets = 0; sockets < 2; sockets++) {
		close_kernel();
		open_error = socket_failures[_i].error;
		open_error_after = sockets;
		ck_assert_int_eq(open_kernel(), socket_failures[_i].err);
		ck_assert_ptr_nonnull(strstr(why.text, strerror(socket_failures[_i].error)));
	}
}
END_TEST

START_TEST(a_lack_of_memory_is_told)
{
	if (!alloc_can_fail)
		return;
	close_kernel();
	alloc_fail_nth(1);
	ck_assert_int_eq(open_kernel(), ISCSI_ERR_NOMEM);
	ck_assert(alloc_fail_stop());
	ck_assert_str_eq(why.text, "no memory");
}
END_TEST

START_TEST(a_kernel_that_does_not_listen)
{
	close_kernel();
	failing.command = 21;
	failing.class_error = EPERM;
	ck_assert_int_eq(open_kernel(), ISCSI_ERR_ACCESS);
	ck_assert_ptr_nonnull(strstr(why.text, "CAP_SYS_ADMIN"));
	close_kernel();
	replies = 0;
	ck_assert_int_eq(open_kernel(), ISCSI_ERR_INTERNAL);
	ck_assert_ptr_nonnull(strstr(why.text, "didn't answer"));
	close_kernel();
	send_errno = ECONNREFUSED;
	ck_assert_int_eq(open_kernel(), ISCSI_ERR_INTERNAL);
	ck_assert_ptr_nonnull(strstr(why.text, "first network namespace"));
	close_kernel();
	send_errno = ENOBUFS;
	ck_assert_int_eq(open_kernel(), ISCSI_ERR_INTERNAL);
	ck_assert_str_eq(why.text, "netlink: No buffer space available");
}
END_TEST

START_TEST(create_session)
{
	const struct kernel_session_args args = {
		.cmds_max = 128, .queue_depth = 32, .initial_cmd_sn = 0x01020304 };
	uint32_t sid = 0;
	int host_no = 0;

	ck_assert_int_eq(kernel->ops->create_session(kernel, &args, &sid, &host_no, &why), 0);
	ck_assert_str_eq(sent_types, "11");
	ck_assert_uint_eq(sent_len, AT_PAYLOAD);
	ck_assert_uint_eq(u32_at(message(0), AT_U), 0x01020304);
	ck_assert_uint_eq(u16_at(message(0), AT_U + 4), 128);
	ck_assert_uint_eq(u16_at(message(0), AT_U + 6), 32);
	ck_assert_uint_eq(sid, 7);
	ck_assert_int_eq(host_no, 3);
}
END_TEST

/* The kernel has flushed the signals of this thread, as libiscsi does when it fails under SIGKILL. */
START_TEST(a_lost_kill_ends_the_process)
{
	const struct kernel_session_args args = { .cmds_max = 128, .queue_depth = 32 };
	const struct timespec at_once = { 0 };
	uint32_t sid;
	sigset_t set;
	int host_no;

	failing.command = 11;
	failing.class_error = ENOMEM;
	ck_assert_int_eq(kernel->ops->create_session(kernel, &args, &sid, &host_no, &why),
			 ISCSI_ERR_INTERNAL);
	ck_assert_int_eq(sigemptyset(&set), 0);
	ck_assert_int_eq(sigaddset(&set, SIGUSR2), 0);
	while (sigtimedwait(&set, NULL, &at_once) == SIGUSR2)
		;
	(void)kernel->ops->create_session(kernel, &args, &sid, &host_no, &why);
	ck_abort_msg("the process lives on");
}
END_TEST

/* The module was loaded anew: the transport has another handle. */
START_TEST(a_stale_handle_is_read_again)
{
	const struct kernel_session_args args = { .cmds_max = 128, .queue_depth = 32 };
	uint32_t sid;
	int host_no;

	ck_assert_int_eq(kernel->ops->create_session(kernel, &args, &sid, &host_no, &why), 0);
	fake_sysfs_set(fs, "class/iscsi_transport/tcp/handle", "4711\n");
	failing.command = 11;
	failing.class_error = EINVAL;
	batches = 0;
	ck_assert_int_eq(kernel->ops->create_session(kernel, &args, &sid, &host_no, &why),
			 ISCSI_ERR_INTERNAL);
	ck_assert_uint_eq(batches, 2);
	ck_assert_uint_eq(u64_at(sent, AT_HANDLE), 4711);
	ck_assert_str_eq(why.text, "the kernel could not create the session: Invalid argument");
	failing.class_error = ENOMEM;
	batches = 0;
	ck_assert_int_eq(kernel->ops->create_session(kernel, &args, &sid, &host_no, &why),
			 ISCSI_ERR_INTERNAL);
	ck_assert_uint_eq(batches, 1);
	/* Without the module there is none. */
	close_kernel();
	fake_sysfs_set(fs, "class/iscsi_transport/tcp/handle", NULL);
	failing.command = 21;
	failing.class_error = EINVAL;
	ck_assert_int_eq(open_kernel(), 0);
	ck_assert_int_eq(kernel->ops->create_session(kernel, &args, &sid, &host_no, &why),
			 ISCSI_ERR_TRANS_NOT_FOUND);
}
END_TEST

static enum iscsi_err bind_conn_of(bool create, const char *netdev, const char *hwaddress)
{
	static const uint8_t bhs[PDU_BHS_LEN] = { 0x43, 0x87 };
	struct kernel_params params = { .len = 0 };
	const struct kernel_bind_args args = {
		.sid = 7, .host_no = 3, .create = create, .fd = 12, .netdev = netdev,
		.hwaddress = hwaddress, .params = &params, .bhs = bhs,
		.data = (const uint8_t *)"A=b", .data_len = 4,
	};

	kernel_params_text(&params, KERNEL_TARGET_NAME, "iqn.x");
	kernel_params_text(&params, KERNEL_USERNAME, "");	/* "" is left out */
	kernel_params_number(&params, KERNEL_RECOVERY_TMO, 120);
	return kernel->ops->bind_conn(kernel, &args, &why);
}

static enum iscsi_err bind_conn(bool create, const char *netdev)
{
	return bind_conn_of(create, netdev, "");
}

START_TEST(bind_conn_in_one_batch)
{
	const uint8_t *m;

	ck_assert_int_eq(bind_conn(true, "eth0"), 0);
	ck_assert_str_eq(sent_types, "13 15 16 16 26 19");
	ck_assert_uint_eq(u32_at(message(0), AT_U), 7);
	m = message(1);
	ck_assert_uint_eq(u32_at(m, AT_U), 7);
	ck_assert_uint_eq(u32_at(m, AT_U + 4), 0);
	ck_assert_uint_eq(u64_at(m, AT_U + 8), 12);
	ck_assert_uint_eq(u32_at(m, AT_U + 16), 1);
	m = message(2);
	ck_assert_uint_eq(u32_at(m, AT_U), 7);
	ck_assert_uint_eq(u32_at(m, AT_U + 8), 15);
	ck_assert_uint_eq(u32_at(m, AT_U + 12), 6);
	ck_assert_uint_eq(u32_at(m, AT_LEN), AT_PAYLOAD + 6);
	ck_assert_mem_eq(m + AT_PAYLOAD, "iqn.x", 6);
	m = message(3);
	ck_assert_uint_eq(u32_at(m, AT_U + 8), 19);
	ck_assert_mem_eq(m + AT_PAYLOAD, "120", 4);
	m = message(4);
	ck_assert_uint_eq(u32_at(m, AT_U), 3);
	ck_assert_uint_eq(u32_at(m, AT_U + 4), 2);		/* HOST_NETDEV */
	ck_assert_uint_eq(u32_at(m, AT_U + 8), 5);
	ck_assert_mem_eq(m + AT_PAYLOAD, "eth0", 5);
	m = message(5);
	ck_assert_uint_eq(u32_at(m, AT_U), 7);
	ck_assert_uint_eq(u32_at(m, AT_U + 8), PDU_BHS_LEN);
	ck_assert_uint_eq(u32_at(m, AT_U + 12), 4);
	ck_assert_uint_eq(u32_at(m, AT_LEN), AT_PAYLOAD + PDU_BHS_LEN + 4);
	ck_assert_uint_eq(m[AT_PAYLOAD], 0x43);
	ck_assert_mem_eq(m + AT_PAYLOAD + PDU_BHS_LEN, "A=b", 4);
	ck_assert_int_eq(bind_conn(false, ""), 0);
	ck_assert_str_eq(sent_types, "15 16 16 19");
	for (size_t i = 0; i < sent_len; i++)	/* a batch may hold secrets */
		ck_assert_uint_eq(batch[i], 0);
	ck_assert_int_eq(bind_conn_of(false, "eth0", "00:11:22:33:44:55"), 0);
	ck_assert_str_eq(sent_types, "15 16 16 26 26 19");
	ck_assert_uint_eq(u32_at(message(3), AT_U + 4), 2);
	m = message(4);
	ck_assert_uint_eq(u32_at(m, AT_U), 3);
	ck_assert_uint_eq(u32_at(m, AT_U + 4), 0);		/* HOST_HWADDRESS */
	ck_assert_uint_eq(u32_at(m, AT_U + 8), 18);
	ck_assert_mem_eq(m + AT_PAYLOAD, "00:11:22:33:44:55", 18);
}
END_TEST

/* Errors: of the class, or of the operation; which exit code and which words they become. */
static const struct {
	uint32_t command;
	int class_error, result;
	enum iscsi_err err;
	const char *why;
} failures[] = {
	{ 13, ENOMEM, 0, ISCSI_ERR_INTERNAL, "create the connection: Cannot allocate memory" },
	{ 13, ENOSYS, 0, ISCSI_ERR_INTERNAL, "create the connection: Function not implemented" },
	{ 13, 0, EINVAL, ISCSI_SUCCESS, "" },
	{ 15, 0, EINVAL, ISCSI_ERR_INTERNAL, "bind the socket: Invalid argument" },
	{ 15, 0, ENOTCONN, ISCSI_ERR_TRANS,
	  "bind the socket: Transport endpoint is not connected" },
	{ 15, 0, EPERM, ISCSI_ERR_INTERNAL, "bind the socket: Operation not permitted" },
	{ 16, ENOSYS, 0, ISCSI_SUCCESS, "" },
	{ 26, ENOSYS, 0, ISCSI_SUCCESS, "" },
	{ 16, EINVAL, 0, ISCSI_ERR_INTERNAL, "set a parameter: Invalid argument (number 15)" },
	{ 26, EINVAL, 0, ISCSI_ERR_INTERNAL, "set a parameter of the host: Invalid argument" },
	{ 13, EPERM, 0, ISCSI_ERR_ACCESS, "create the connection: Operation not permitted" },
	{ 13, ENOTCONN, 0, ISCSI_ERR_TRANS,
	  "create the connection: Transport endpoint is not connected" },
#define BROKEN	"send a PDU: Operation not permitted (the connection has gone, or a target's double " \
		"answer has broken the session: only a logout and a login mend that)"
	{ 19, 0, EPERM, ISCSI_ERR_TRANS, BROKEN },
	{ 19, EPERM, 0, ISCSI_ERR_ACCESS, BROKEN },
	{ 19, 0, EINVAL, ISCSI_ERR_INTERNAL, "send a PDU: Invalid argument" },
	{ 16, 0, EINVAL, ISCSI_SUCCESS, "" },		/* no field for a result there */
};

static void check_reason(const char *words)
{
	char wanted[256] = "";

	if (*words)
		(void)snprintf(wanted, sizeof(wanted), "the kernel could not %s", words);
	ck_assert_str_eq(why.text, wanted);
}

START_TEST(failures_become_reasons)
{
	failing.command = failures[_i].command;
	failing.class_error = failures[_i].class_error;
	failing.result = failures[_i].result;
	why.text[0] = '\0';
	ck_assert_int_eq(bind_conn(true, "eth0"), failures[_i].err);
	check_reason(failures[_i].why);
	/* All replies were taken: the next batch gets its own. */
	memset(&failing, 0, sizeof(failing));
	ck_assert_int_eq(bind_conn(true, "eth0"), 0);
}
END_TEST

/* The first failure counts, and each command has its words. */
START_TEST(each_command_has_words)
{
	static const struct { uint32_t command; const char *words; } rows[] = {
		{ 16, "set a parameter: Bad address (number 8)" },
		{ 17, "start the connection: Bad address" },
		{ 18, "stop the connection: Bad address" },
		{ 27, "remove the LUNs of the session: Bad address" },
		{ 14, "" }, { 43, "destroy the session: Bad address" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct kernel_params params = { .len = 0 };
		enum iscsi_err err;

		kernel_params_number(&params, KERNEL_MAX_BURST, 262144);
		failing.command = rows[i].command;
		failing.class_error = EFAULT;
		why.text[0] = '\0';
		switch (rows[i].command) {
		case 18:
			err = kernel->ops->stop_conn(kernel, 7, &why);
			break;
		case 27:
			err = kernel->ops->unbind_session(kernel, 7, &why);
			break;
		case 14:
		case 43:
			err = kernel->ops->destroy_session(kernel, 7, true, &why);
			break;
		default:
			err = kernel->ops->start_conn(kernel, 7, &params, &why);
		}
		ck_assert_int_eq(err, *rows[i].words ? ISCSI_ERR_INTERNAL : ISCSI_SUCCESS);
		check_reason(*rows[i].words ? rows[i].words :
			     "destroy the connection: Bad address");
	}
}
END_TEST

/* The last reply that came isn't taken for one that is missing. */
START_TEST(each_command_has_a_reply_of_its_own)
{
	struct kernel_params params = { .len = 0 };

	for (int i = 0; i < 8; i++)
		kernel_params_number(&params, KERNEL_MAX_BURST, 262144);
	for (replies = 1; replies < 8;) {
		unsigned int come = replies;

		ck_assert_int_eq(kernel->ops->set_params(kernel, 7, &params, &why),
				 ISCSI_ERR_INTERNAL);
		ck_assert_str_eq(why.text, "the kernel didn't answer the request to set a "
				 "parameter: no such reply");
		replies = come + 1;
	}
}
END_TEST

/* Of two commands that fail, the first is told. */
START_TEST(the_first_failure_counts)
{
	struct kernel_params params = { .len = 0 };

	kernel_params_number(&params, KERNEL_MAX_BURST, 262144);
	kernel_params_number(&params, KERNEL_RECOVERY_TMO, 120);
	failing.command = 16;
	failing.class_error = EINVAL;
	ck_assert_int_eq(kernel->ops->set_params(kernel, 7, &params, &why), ISCSI_ERR_INTERNAL);
	ck_assert_str_eq(why.text, "the kernel could not set a parameter: Invalid argument (number 8)");
}
END_TEST

/* One datagram is sent for a command and one is received, also after replies have been lost. */
START_TEST(a_command_takes_two_calls)
{
	for (int i = 0; i < 3; i++) {
		receives = batches = 0;
		ck_assert_int_eq(kernel->ops->stop_conn(kernel, 7, &why), ISCSI_SUCCESS);
		ck_assert_uint_eq(batches, 1);
		ck_assert_uint_eq(receives, i == 1 ? 2 : 1);
		replies = i == 0 ? 0 : UINT_MAX;
		if (i == 0)
			ck_assert_int_eq(kernel->ops->stop_conn(kernel, 7, &why),
					 ISCSI_ERR_INTERNAL);
		replies = UINT_MAX;
	}
}
END_TEST

START_TEST(any_descriptor_is_a_socket)
{
	close_kernel();
	without_stdin = true;
	stdin_after = _i;
	failing.command = 21;
	failing.class_error = EINVAL;
	ck_assert_msg(!open_kernel(), "%s", why.text);
	ck_assert_int_eq(_i ? event_fd : command_fd, STDIN_FILENO);
	close_kernel();
	ck_assert_int_lt(fcntl(STDIN_FILENO, F_GETFD), 0);
}
END_TEST

/* A reply that is missing, late, short, or to another command. */
START_TEST(replies_that_go_astray)
{
	struct kernel_params params = { .len = 0 };
	uint8_t other[AT_PAYLOAD] = { 0 };

	kernel_params_number(&params, KERNEL_MAX_BURST, 262144);
	for (int i = 0; i < 5; i++) {
		replies = i == 4 ? 1 : i == 3 ? UINT_MAX : 0;
		set_u16(other, AT_NLTYPE, i == 1 ? 16 : 17);
		if (i == 2)
			enqueue_error(command_fd, EIO);
		else if (i == 1 || i == 3)
			enqueue(command_fd, other, sizeof(other) - (i == 1));
		ck_assert_int_eq(kernel->ops->start_conn(kernel, 7, &params, &why),
				 ISCSI_ERR_INTERNAL);
		ck_assert_str_eq(why.text, i == 2 ?
				 "the kernel didn't answer the request to set a parameter: "
				 "Input/output error" : i == 4 ?
				 "the kernel didn't answer the request to start the connection: "
				 "no such reply" :
				 "the kernel didn't answer the request to set a parameter: "
				 "no such reply");
		/* What comes too late isn't taken for the next answer. */
		replies = UINT_MAX;
		set_u16(other, AT_NLTYPE, 18);
		set_u32(other, AT_TYPE, 103);
		set_u32(other, AT_IFERROR, (uint32_t)-EFAULT);
		enqueue(command_fd, other, sizeof(other));
		enqueue(command_fd, other, sizeof(other));
		ck_assert_int_eq(kernel->ops->stop_conn(kernel, 7, &why), ISCSI_SUCCESS);
		ck_assert_uint_eq(queue_len, 0);
	}
	/* The last word about a session must be its own. */
	replies = 2;
	ck_assert_int_eq(kernel->ops->destroy_session(kernel, 7, true, &why), ISCSI_ERR_INTERNAL);
	ck_assert_str_eq(why.text, "the kernel didn't answer the request to destroy the session: "
			 "no such reply");
}
END_TEST

START_TEST(what_does_not_fit_is_not_sent)
{
	static uint8_t bhs[PDU_BHS_LEN], data[32 * 1024 - AT_PAYLOAD - PDU_BHS_LEN + 1];
	struct kernel_params params = { .len = 0 };
	static char text[32 * 1024 - 2 * AT_PAYLOAD + 1];

	batches = 0;
	ck_assert_int_eq(kernel->ops->send_pdu(kernel, 7, bhs, data, sizeof(data), &why),
			 ISCSI_ERR_INVAL);
	ck_assert_str_eq(why.text, "the settings are too long for the kernel");
	ck_assert_uint_eq(batches, 0);
	ck_assert_int_eq(kernel->ops->send_pdu(kernel, 7, bhs, data, sizeof(data) - 1, &why), 0);
	ck_assert_uint_eq(batches, 1);
	ck_assert_uint_eq(sent_len, 32 * 1024);
	/* Two messages: the first ends where the second begins. */
	memset(text, 'x', sizeof(text) - 1);
	kernel_params_text(&params, KERNEL_TARGET_NAME, text);
	ck_assert_int_eq(kernel->ops->start_conn(kernel, 7, &params, &why), ISCSI_ERR_INVAL);
	text[sizeof(text) - 2] = '\0';
	ck_assert_int_eq(kernel->ops->start_conn(kernel, 7, &params, &why), 0);
	ck_assert_uint_eq(sent_len, 32 * 1024);
}
END_TEST

START_TEST(start_stop_unbind)
{
	struct kernel_params params = { .len = 0 };

	kernel_params_number(&params, KERNEL_MAX_BURST, 262144);
	ck_assert_int_eq(kernel->ops->set_params(kernel, 7, &params, &why), 0);
	ck_assert_str_eq(sent_types, "16");
	ck_assert_int_eq(kernel->ops->start_conn(kernel, 7, &params, &why), 0);
	ck_assert_str_eq(sent_types, "16 17");
	ck_assert_uint_eq(u32_at(message(0), AT_U + 8), 8);
	ck_assert_mem_eq(message(0) + AT_PAYLOAD, "262144", 7);
	ck_assert_uint_eq(u32_at(message(1), AT_U), 7);
	ck_assert_int_eq(kernel->ops->stop_conn(kernel, 7, &why), 0);
	ck_assert_str_eq(sent_types, "18");
	ck_assert_uint_eq(u32_at(message(0), AT_U), 7);
	ck_assert_uint_eq(u32_at(message(0), AT_U + 16), 3);		/* STOP_RECOVER */
	ck_assert_int_eq(kernel->ops->unbind_session(kernel, 7, &why), 0);
	ck_assert_str_eq(sent_types, "27");
	ck_assert_uint_eq(u32_at(message(0), AT_U), 7);
	failing.command = 17;
	failing.result = ENOTCONN;
	ck_assert_int_eq(kernel->ops->start_conn(kernel, 7, &params, &why), ISCSI_ERR_TRANS);
}
END_TEST

START_TEST(a_long_batch)
{
	struct kernel_params params = { .len = 0 };

	for (int i = 0; i < KERNEL_PARAMS_MAX; i++)
		kernel_params_number(&params, KERNEL_MAX_BURST, 262144);
	for (int i = 0; i < 4; i++) {
		ck_assert_int_eq(kernel->ops->start_conn(kernel, 7, &params, &why), 0);
		ck_assert_uint_eq(queue_len, 0);
	}
}
END_TEST

START_TEST(destroy_session)
{
	ck_assert_int_eq(kernel->ops->destroy_session(kernel, 7, true, &why), 0);
	ck_assert_str_eq(sent_types, "18 14 43");
	ck_assert_uint_eq(u32_at(message(0), AT_U + 16), 1);		/* STOP_TERM */
	for (size_t i = 0; i < 3; i++)
		ck_assert_uint_eq(u32_at(message(i), AT_U), 7);
	ck_assert_int_eq(kernel->ops->destroy_session(kernel, 7, false, &why), 0);
	ck_assert_str_eq(sent_types, "43");
	/* What the connection says doesn't matter, if only the session goes. */
	failing.command = 14;
	failing.class_error = EINVAL;
	ck_assert_int_eq(kernel->ops->destroy_session(kernel, 7, true, &why), 0);
	failing.command = 43;
	ck_assert_int_eq(kernel->ops->destroy_session(kernel, 7, true, &why), ISCSI_ERR_INTERNAL);
	ck_assert_str_eq(sent_types, "18 14 43");
	/* An old kernel has the older command only. */
	failing.class_error = ENOSYS;
	ck_assert_int_eq(kernel->ops->destroy_session(kernel, 7, true, &why), 0);
	ck_assert_str_eq(sent_types, "12");
	ck_assert_uint_eq(u32_at(message(0), AT_U), 7);
	/* What wasn't sent has destroyed nothing. */
	send_errno = ENOBUFS;
	ck_assert_int_eq(kernel->ops->destroy_session(kernel, 7, true, &why), ISCSI_ERR_INTERNAL);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("netlink");
	TCase *tc = tcase_create("netlink");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, a_socket_that_can_not_be_had, 0, ARRAY_SIZE(socket_failures));
	tcase_add_test(tc, a_lack_of_memory_is_told);
	tcase_add_test(tc, a_kernel_that_does_not_listen);
	tcase_add_test(tc, create_session);
	tcase_add_exit_test(tc, a_lost_kill_ends_the_process, 128 + SIGKILL);
	tcase_add_test(tc, a_stale_handle_is_read_again);
	tcase_add_test(tc, bind_conn_in_one_batch);
	tcase_add_loop_test(tc, failures_become_reasons, 0, ARRAY_SIZE(failures));
	tcase_add_test(tc, each_command_has_words);
	tcase_add_test(tc, each_command_has_a_reply_of_its_own);
	tcase_add_test(tc, the_first_failure_counts);
	tcase_add_test(tc, a_command_takes_two_calls);
	tcase_add_loop_test(tc, any_descriptor_is_a_socket, 0, 2);
	tcase_add_test(tc, replies_that_go_astray);
	tcase_add_test(tc, what_does_not_fit_is_not_sent);
	tcase_add_test(tc, start_stop_unbind);
	tcase_add_test(tc, a_long_batch);
	tcase_add_test(tc, destroy_session);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
