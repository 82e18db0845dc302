/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whether the CHAP settings of a record can do what the person who made them wants. A login, a
 * discovery and a boot from firmware ask this one function before anything connects, so that a
 * setting that got lost never turns authentication off in silence. No I/O, no log.
 */
#pragma once

#include "libiscsi-db/iscsi-db.h"

/*
 * @rec is a node record or a SendTargets record. ISCSI_ERR_INVAL, with the setting that is
 * missing as the reason, if
 *  - authmethod is CHAP, but a user name or a password is missing;
 *  - a password is set without a user name, whatever authmethod says;
 *  - password_in or username_in says that the target shall prove itself, but username, password
 *    or password_in, which that takes, is missing; without username_in any name will do.
 * A user name alone beside authmethod None is no wish for authentication, and passes.
 */
enum iscsi_err credentials_check(const struct iscsi_db_record *rec, struct iscsi_why *why);
