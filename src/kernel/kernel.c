#include "kernel/kernel.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/log.h"
#include "kernel/batch.h"
#include "kernel/diff.h"
#include "kernel/epoch.h"
#include "kernel/model.h"
#include "kernel/netlink.h"
#include "kernel/peer.h"
#include "kernel/put.h"
#include "kernel/read.h"
#include "kernel/state.h"
#include "kernel/table.h"

#define TRIES 5
#define SHORTAGE_TRIES 3 /* of memory */

int kernel_open(struct kernel **k, int owner_fd, struct error *err)
{
	struct kernel *made = calloc(1, sizeof(*made));

	if (made == NULL) {
		if (owner_fd >= 0)
			close(owner_fd);
		return error_errno(err, ENOMEM, "opening the kernel's ruleset");
	}
	if (netlink_open(&made->nl, owner_fd, err) != 0) {
		free(made);
		return -1;
	}
	if (epoch_read_host(made->host, err) != 0) {
		kernel_close(made);
		return -1;
	}
	*k = made;
	return 0;
}

void kernel_close(struct kernel *k)
{
	if (k == NULL)
		return;
	kernel_forget(k);
	netlink_close(&k->nl);
	free(k);
}

int kernel_fd(const struct kernel *k)
{
	return mnl_socket_get_fd(k->nl.socket);
}

void kernel_forget(struct kernel *k)
{
	model_free(&k->known);
	k->remembered = false;
}

void kernel_without_owner(struct kernel *k)
{
	k->flags_known = true;
	k->flags = 0;
	kernel_forget(k);
}

bool kernel_has_owner(const struct kernel *k)
{
	return k->flags & TABLE_OWNER;
}

static bool is_ours(const struct kernel *k, const struct model *m)
{
	return m->flags & TABLE_OWNER && m->owner == k->nl.port;
}

/* What is remembered holds while nobody else can change the table; where somebody can, the generation tells. */
static bool still_true(struct kernel *k)
{
	uint32_t generation;

	if (!k->remembered)
		return false;
	if (is_ours(k, &k->known))
		return true;
	return netlink_generation(&k->nl, &generation) == 0 && generation == k->known.generation;
}

/* Fills in k->known and k->flags. */
static int know(struct kernel *k, struct error *err)
{
	if (!k->flags_known && table_best_flags(&k->nl, &k->flags, err) != 0)
		return -1;
	k->flags_known = true;
	if (still_true(k))
		return 0;
	kernel_forget(k);
	if (read_model(&k->nl, &k->known, err) != 0)
		return -1;
	k->remembered = true;
	return 0;
}

/* Works out the batch that makes the kernel match `want`, unended, and what it comes to. */
static int work_out(struct kernel *k, struct model *want, struct batch *b, struct kernel_change *change,
                    struct error *err)
{
	bool ours = is_ours(k, &k->known);

	want->flags = k->flags;
	want->owner = k->flags & TABLE_OWNER ? k->nl.port : 0;
	/* Until the table is ours, somebody might change it between our reading and our writing. */
	if (batch_begin(b, k->nl.seq, ours ? NULL : &k->known.generation) != 0 ||
	    diff_models(&k->known, want, b, change) != 0 || batch_end(b, true) != 0) {
		kernel_change_free(change);
		return error_errno(err, errno, "working out the change of the ruleset");
	}
	change->bytes = b->bytes.len;
	return 0;
}

int kernel_plan(struct kernel *k, const struct policy *p, struct kernel_change *change, struct error *err)
{
	struct batch b = { .bytes = BUFFER_INIT };
	struct model want = { 0 };
	int rc = -1;

	memset(change, 0, sizeof(*change));
	if (know(k, err) == 0 && model_want(&want, p, err) == 0)
		rc = work_out(k, &want, &b, change, err);
	model_free(&want);
	batch_free(&b);
	return rc;
}

static int check_owner(const struct kernel *k, const struct model *m, struct error *err)
{
	char peer[PEER_MAX];

	if (!m->present || !(m->flags & TABLE_OWNER) || is_ours(k, m))
		return 0;
	return error_set(err, "table inet " KERNEL_TABLE " belongs to %s: only that process may change it; "
	                      "is hallowd or hallowd-keep running?", peer_name(m->owner, peer));
}

/* The kernel now has what was wanted; `want` is used up. */
static void remember(struct kernel *k, struct model *want)
{
	uint32_t generation = k->known.generation + 1;

	model_free(&k->known);
	k->known = *want;
	memset(want, 0, sizeof(*want));
	k->known.generation = generation != 0 ? generation : 1; /* the kernel leaves out 0 as well */
	k->remembered = true;
}

/* One try.  -1 with errno as the kernel gave it, or 0 where it gave none. */
static int apply_once(struct kernel *k, const struct policy *p, struct kernel_change *change, struct error *err)
{
	struct batch b = { .bytes = BUFFER_INIT };
	struct model want = { 0 };
	int rc = -1, saved = 0;

	memset(change, 0, sizeof(*change));
	if (know(k, err) == 0 && check_owner(k, &k->known, err) == 0 && model_want(&want, p, err) == 0 &&
	    work_out(k, &want, &b, change, err) == 0) {
		rc = change->messages == 0 ? 0 : netlink_commit(&k->nl, &b, err);
		saved = errno;
		change->committed_at = time_now();
		batch_free(&b);
		if (rc == 0 && change->messages != 0)
			remember(k, &want);
	}
	if (rc != 0) {
		kernel_change_free(change);
		kernel_forget(k);
	}
	model_free(&want);
	batch_free(&b);
	errno = saved;
	return rc;
}

/* Whether a transaction that the kernel refused may be taken when it is worked out from a fresh reading. */
static bool worth_another_try(int errnum, int tries, bool remembered)
{
	switch (errnum) {
	case ERESTART: /* the ruleset changed between reading and writing */
	case EAGAIN:
	case EINTR:
		return tries < TRIES;
	case ENOMEM:
	case ENOBUFS:
		return tries < SHORTAGE_TRIES;
	case ENOENT:
	case EEXIST:
	case EBUSY:
		return remembered; /* what was read just now will not be read differently */
	default:
		return false;
	}
}

int kernel_apply(struct kernel *k, const struct policy *p, struct kernel_change *change, struct error *err)
{
	for (int tries = 1;; tries++) {
		bool remembered = k->remembered;

		if (apply_once(k, p, change, err) == 0)
			return 0;
		if (!worth_another_try(errno, tries, remembered))
			return -1;
		log_warning("%s; it is tried again from a fresh reading of the kernel", err->text);
	}
}

int kernel_teardown(struct kernel *k, struct error *err)
{
	struct batch b = { .bytes = BUFFER_INIT };
	struct model table = { 0 };
	int rc = -1;

	kernel_forget(k);
	if (read_table(&k->nl, &table) != 0)
		return error_errno(err, errno, "reading the table");
	if (check_owner(k, &table, err) != 0)
		return -1;
	if (batch_begin(&b, k->nl.seq, NULL) != 0 || put_table_gone(&b, KERNEL_TABLE) != 0 || batch_end(&b, true) != 0)
		error_errno(err, errno, "removing the table");
	else if (netlink_commit(&k->nl, &b, err) == 0 || errno == ENOENT)
		rc = 0;
	batch_free(&b);
	return rc;
}
