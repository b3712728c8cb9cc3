#include "daemon/observe.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/log.h"
#include "core/observe_message.h"
#include "daemon/program.h"

#define RETRY_MS 1000
#define LOST_INTERVAL_MS 60000 /* what was lost is told at once, and then at most so often */
#define OLDEST (3600 * US_PER_SECOND) /* so long may a frame wait */
#define PACKET_BUFFER (16 << 20)
#define OBSERVED_SIZE (64u << 10) /* of a message, at most */

struct observing {
	struct daemon *d;
	char interface[IFNAMSIZ];
	char *filter;
	int packets; /* the packet socket */
	struct program program;
	unsigned timer, lost_timer;
	uint64_t lost;     /* frames, not told yet */
	uint64_t left_out; /* connections, not told yet */
	int64_t told_ms;
	bool refused; /* for good */
	bool down;
	char trouble[sizeof(struct error)];
};

struct observers {
	struct observing *all;
	size_t count;
};

/* --- what was seen */

/* Rows as the recorder gets them, with the texts that they point to. */
struct mirrored {
	struct audit_mirrored rows[OBSERVED_MAX];
	char *lists[OBSERVED_MAX], *revisions[OBSERVED_MAX];
	size_t count;
};

static int add_list(const struct policy *p, size_t list, struct buffer *names, struct buffer *revisions)
{
	const char *comma = names->len == 0 ? "" : ",";

	return buffer_printf(names, "%s%s", comma, p->lists[list].name) == -1 ||
	       buffer_printf(revisions, "%s%" PRIu64, comma, p->lists[list].revision) == -1 ? -1 : 0;
}

/* The lists that did not let it in. */
static int add_lists(const struct policy *p, const struct policy_answer *a, struct buffer *names,
                     struct buffer *revisions)
{
	const struct policy_endpoint *e = a->agent == NULL ? a->endpoint : NULL;
	const struct policy_agent *agent = a->agent;

	if (agent != NULL && add_list(p, agent->tunnel, names, revisions) == -1)
		return -1;
	if (agent != NULL && agent->has_resolvers && add_list(p, agent->resolvers, names, revisions) == -1)
		return -1;
	for (size_t i = 0; e != NULL && i < e->list_count; i++)
		if (add_list(p, e->lists[i], names, revisions) == -1)
			return -1;
	return 0;
}

/* As the recorder writes it for what the kernel decided. */
static int describe(const struct policy *p, const struct policy_answer *a, struct buffer *names,
                    struct buffer *revisions)
{
	if (a->grant != NULL)
		return buffer_printf(names, "grant:%" PRIu64, a->grant->id);
	if (a->list != NULL && a->reason == REASON_LISTED)
		return add_list(p, (size_t)(a->list - p->lists), names, revisions);
	return add_lists(p, a, names, revisions);
}

/* The caller's, who frees it; "" for an empty buffer. */
static char *text_of(struct buffer *b)
{
	const char *text = buffer_str(b);
	char *copy = text == NULL ? NULL : strdup(text);

	buffer_free(b);
	return copy;
}

/* The program reads what strangers send: a time that cannot be is not believed, since rows are in order of time. */
static time_us believed(time_us told)
{
	time_us now = time_now();

	return told > now || told < now - OLDEST ? now : told;
}

/* 0 also where no endpoint is concerned; -1 with no memory. */
static int add_row(const struct policy *p, const struct observed *o, struct mirrored *m)
{
	struct buffer names = BUFFER_INIT, revisions = BUFFER_INIT;
	struct policy_answer a;
	int bad;

	policy_explain(p, &o->source, &o->destination, o->protocol, o->destination_port, &a);
	if (a.verdict == ANSWER_UNMATCHED)
		return 0;
	bad = describe(p, &a, &names, &revisions);
	m->lists[m->count] = text_of(&names);
	m->revisions[m->count] = text_of(&revisions);
	m->rows[m->count] = (struct audit_mirrored){
		.time = believed(o->time),
		.source = o->source,
		.destination = o->destination,
		.source_port = o->source_port,
		.destination_port = o->destination_port,
		.protocol = o->protocol,
		.denied = a.verdict == ANSWER_DENY,
		.endpoint = (char *)(uintptr_t)policy_decider(&a),
		.reason = (char *)(uintptr_t)policy_reason_text(&a),
		.list = m->lists[m->count],
		.revision = m->revisions[m->count],
	};
	m->count++;
	return bad == -1 || m->lists[m->count - 1] == NULL || m->revisions[m->count - 1] == NULL ? -1 : 0;
}

static void mirrored_free(struct mirrored *m)
{
	for (size_t i = 0; m != NULL && i < m->count; i++) {
		free(m->lists[i]);
		free(m->revisions[i]);
	}
	free(m);
}

/* Nothing is said of connections while no policy is in force. */
static void take_rows(struct observing *o, const struct observed_batch *b)
{
	struct mirrored *m = calloc(1, sizeof(*m));
	struct audit_mirrored_batch batch;
	int bad = m == NULL ? -1 : 0;

	for (size_t i = 0; bad == 0 && !o->d->torn_down.is && i < b->count; i++)
		bad = add_row(&o->d->policy, &b->rows[i], m);
	if (bad == 0 && m->count > 0) {
		batch = (struct audit_mirrored_batch){ m->rows, m->count };
		bad = recorder_mirrored(o->d->recorder, &batch);
	}
	if (bad == -1)
		o->left_out += b->count;
	mirrored_free(m);
}

static void tell_lost(void *ctx)
{
	struct observing *o = ctx;
	char subject[IFNAMSIZ + 16];

	o->lost_timer = 0;
	if (o->lost == 0 && o->left_out == 0)
		return;
	snprintf(subject, sizeof(subject), "observe %s", o->interface);
	recorder_event(o->d->recorder, "lost", subject, json_pack("{s:I, s:I}", "frames", (json_int_t)o->lost, "connections",
	                                                          (json_int_t)o->left_out));
	log_warning("observing %s: %" PRIu64 " frames found no room in the socket's buffer, %" PRIu64 " connections none "
	            "in the spool", o->interface, o->lost, o->left_out);
	o->lost = o->left_out = 0;
	o->told_ms = time_monotonic_ms();
}

static void plan_lost(struct observing *o)
{
	int64_t wait = o->told_ms == 0 ? 0 : o->told_ms + LOST_INTERVAL_MS - time_monotonic_ms();

	if ((o->lost > 0 || o->left_out > 0) && o->lost_timer == 0)
		o->lost_timer = loop_after(o->d->loop, wait < 0 ? 0 : wait, tell_lost, o);
}

/* --- what it says */

static void take_observed(struct observing *o, struct message *m)
{
	static struct observed_batch batch;

	if (observed_decode(m, &batch) == -1) {
		log_warning("hallowd-observe of %s sent what is not expected", o->interface);
		return;
	}
	o->trouble[0] = '\0';
	o->down = batch.down;
	o->lost += batch.lost;
	if (batch.count > 0)
		take_rows(o, &batch);
	plan_lost(o);
}

static void take_refused(struct observing *o, struct message *m)
{
	char *why;

	if (observe_refused_decode(m, &why) == -1)
		return;
	snprintf(o->trouble, sizeof(o->trouble), "%s", why);
	log_error("interface %s is not observed: %s", o->interface, why);
	o->refused = true;
	free(why);
}

static bool said(void *ctx, struct message *m)
{
	if (m->type == MSG_OBSERVE_REFUSED)
		take_refused(ctx, m);
	else
		take_observed(ctx, m);
	return true;
}

/* --- its life */

static void start(void *ctx);

static void trouble(struct observing *o, const char *what)
{
	if (strcmp(o->trouble, what) != 0)
		log_error("interface %s is not observed: %s", o->interface, what);
	snprintf(o->trouble, sizeof(o->trouble), "%s", what);
	o->timer = loop_after(o->d->loop, RETRY_MS, start, o);
}

static void ended(void *ctx, int status, const char *how)
{
	struct observing *o = ctx;
	char what[PROCESS_END_MAX + 32];

	(void)status;
	if (o->refused || o->d->stopping)
		return;
	recorder_event(o->d->recorder, "child-died", "hallowd-observe", json_pack("{s:s, s:s}", "how", how, "interface",
	                                                                          o->interface));
	snprintf(what, sizeof(what), "hallowd-observe %s", how);
	trouble(o, what);
}

static void start(void *ctx)
{
	struct observing *o = ctx;
	struct process_inherits inherits = { -1, { o->packets, -1, -1, -1 }, -1 };
	struct error err;

	o->timer = 0;
	if (observe_request_encode(&o->program.channel.out, o->filter) == -1)
		trouble(o, "no memory to tell hallowd-observe what to do");
	else if (program_start(&o->program, "hallowd-observe", &inherits, &err) == -1)
		trouble(o, err.text);
}

/* --- the sockets */

static int refused_socket(struct error *err)
{
	if (errno != EPERM && errno != EAFNOSUPPORT && errno != EACCES)
		return error_errno(err, errno, "a packet socket");
	return error_set(err, "a packet socket was refused (%s); that needs CAP_NET_RAW at the start: with systemd, put into "
	                      "hallowd.service.d/observe.conf the lines [Service], AmbientCapabilities=CAP_NET_RAW, "
	                      "CapabilityBoundingSet=CAP_NET_RAW, RestrictAddressFamilies=AF_PACKET", strerror(errno));
}

/* For no protocol: nothing comes until hallowd-observe has put the filter in place. */
static int open_socket(struct observing *o, struct error *err)
{
	struct sockaddr_ll at = { .sll_family = AF_PACKET, .sll_ifindex = (int)if_nametoindex(o->interface) };
	struct packet_mreq all = { .mr_ifindex = at.sll_ifindex, .mr_type = PACKET_MR_PROMISC };
	int size = PACKET_BUFFER;

	if (at.sll_ifindex == 0)
		return error_set(err, "there is no interface of that name");
	o->packets = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (o->packets == -1)
		return refused_socket(err);
	if (bind(o->packets, (struct sockaddr *)&at, sizeof(at)) == -1)
		return error_errno(err, errno, "it cannot be bound to");
	/* What a mirror port gets is addressed to others. */
	if (setsockopt(o->packets, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &all, sizeof(all)) == -1)
		return error_errno(err, errno, "it cannot be made to take what is addressed to others");
	if (setsockopt(o->packets, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) == -1)
		setsockopt(o->packets, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	return 0;
}

int observe_open(struct daemon *d, const struct config *c, struct error *err)
{
	const struct audit_config *a = &c->audit;
	struct error why;

	if (a->observe_count == 0)
		return 0;
	d->observers = calloc(1, sizeof(*d->observers));
	if (d->observers != NULL)
		d->observers->all = calloc(a->observe_count, sizeof(*d->observers->all));
	if (d->observers == NULL || d->observers->all == NULL)
		return error_errno(err, ENOMEM, "audit.observe");
	for (size_t i = 0; i < a->observe_count; i++) {
		struct observing *o = &d->observers->all[d->observers->count++];

		*o = (struct observing){ .d = d, .packets = -1, .filter = strdup(a->observe[i].filter) };
		program_init(&o->program, d->loop, d->reaper, OBSERVED_SIZE, said, ended, o);
		snprintf(o->interface, sizeof(o->interface), "%s", a->observe[i].interface);
		if (o->filter == NULL)
			return error_errno(err, ENOMEM, "audit.observe");
		if (open_socket(o, &why) == -1)
			return error_set(err, "audit.observe: interface %s cannot be observed: %s", o->interface, why.text);
	}
	return 0;
}

void observe_start(struct daemon *d)
{
	for (size_t i = 0; d->observers != NULL && i < d->observers->count; i++)
		start(&d->observers->all[i]);
}

static void end(struct observing *o)
{
	loop_cancel(o->d->loop, o->timer);
	loop_cancel(o->d->loop, o->lost_timer);
	program_release(&o->program);
	if (o->packets != -1)
		close(o->packets);
	free(o->filter);
}

void observe_stop(struct daemon *d)
{
	for (size_t i = 0; d->observers != NULL && i < d->observers->count; i++)
		end(&d->observers->all[i]);
	if (d->observers != NULL)
		free(d->observers->all);
	free(d->observers);
	d->observers = NULL;
}

void observe_problems(const struct daemon *d, struct texts *problems)
{
	for (size_t i = 0; d->observers != NULL && i < d->observers->count; i++) {
		const struct observing *o = &d->observers->all[i];

		if (o->trouble[0] != '\0')
			texts_add(problems, "interface %s is not observed: %s", o->interface, o->trouble);
		else if (o->down)
			texts_add(problems, "interface %s is observed, but it went down; where it was removed and made again, hallowd "
			          "needs a restart to observe it", o->interface);
	}
}
