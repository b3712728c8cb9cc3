#include "daemon/program.h"

#include <errno.h>
#include <signal.h>

static void reaped(void *ctx, pid_t pid, int status)
{
	struct program *p = ctx;
	char how[PROCESS_END_MAX];

	p->pid = 0;
	process_end_text(pid, status, how, sizeof(how));
	if (!channel_drain(&p->channel))
		return; /* its last words were what was waited for */
	channel_close(&p->channel);
	p->ended(p->ctx, status, how);
}

static bool said(void *ctx, struct message *m)
{
	struct program *p = ctx;

	return p->message(p->ctx, m);
}

/* Where it was closed the end follows, by the reaper. */
static void closed(void *ctx, bool garbled)
{
	struct program *p = ctx;

	if (!garbled || p->pid == 0)
		return;
	program_kill(p);
	p->ended(p->ctx, -1, "sent what is no message, and was ended");
}

void program_init(struct program *p, struct loop *loop, struct reaper *reaper, size_t max, channel_message *message,
                  program_ended *ended, void *ctx)
{
	*p = (struct program){
		.reaper = reaper,
		.message = message,
		.ended = ended,
		.ctx = ctx,
		.channel = { .loop = loop, .max = max, .message = said, .closed = closed, .ctx = p, .sock = -1 },
	};
}

int program_start(struct program *p, const char *name, const struct process_inherits *inherits, struct error *err)
{
	int sock;

	if (process_start(name, inherits, &p->pid, &sock, err) == -1) {
		p->pid = 0;
		channel_close(&p->channel);
		return -1;
	}
	if (channel_open(&p->channel, sock) == 0 && reaper_add(p->reaper, p->pid, reaped, p) == 0)
		return 0;
	error_errno(err, errno, "%s cannot be looked after", name);
	program_kill(p);
	return -1;
}

void program_release(struct program *p)
{
	channel_close(&p->channel);
	if (p->pid != 0)
		reaper_forget(p->reaper, p->pid);
	p->pid = 0;
}

void program_kill(struct program *p)
{
	if (p->pid != 0)
		kill(p->pid, SIGKILL);
	program_release(p);
}
