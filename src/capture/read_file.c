#include "capture/read_file.h"

#include <errno.h>
#include <pcap/pcap.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "capture/first_packets.h"
#include "capture/frame.h"
#include "core/sandbox.h"

#define MEMORY_MOST (UINT64_C(4) << 30)

/* What the reader tells, one after the other: connections, and at last how it ended. */
struct told {
	enum { TOLD_CONNECTION, TOLD_END } what;
	struct captured connection;
	bool failed;
	uint64_t packets;
	time_us first, last;
	struct error why;
};

void capture_free(struct capture *c)
{
	free(c->all);
	*c = (struct capture){ 0 };
}

/* --- the reader's side */

static int take_packet(const struct pcap_pkthdr *h, const unsigned char *data, int link, struct first_packets *firsts,
                       FILE *out)
{
	struct told told = { .what = TOLD_CONNECTION };
	struct ip_header ip;
	const uint8_t *at;
	size_t len;
	int first;

	if (frame_ip(link, data, h->caplen, &at, &len) == -1 || ip_header_read(&ip, at, len) == -1)
		return 0;
	first = first_packets_see(firsts, &ip);
	if (first != 1)
		return first;
	told.connection = (struct captured){ ip.source, ip.destination, (uint16_t)ip.destination_port, ip.protocol };
	return fwrite(&told, sizeof(told), 1, out) == 1 ? 0 : -1;
}

static time_us time_of(const struct pcap_pkthdr *h)
{
	return (time_us)h->ts.tv_sec * US_PER_SECOND + h->ts.tv_usec;
}

static void read_packets(pcap_t *pcap, FILE *out, struct told *end)
{
	struct first_packets firsts = { 0 };
	struct pcap_pkthdr *h;
	const unsigned char *data;
	int got = 0;

	while ((got = pcap_next_ex(pcap, &h, &data)) == 1) {
		if (end->packets++ == 0 || time_of(h) < end->first)
			end->first = time_of(h);
		if (time_of(h) > end->last)
			end->last = time_of(h);
		if (take_packet(h, data, pcap_datalink(pcap), &firsts, out) == -1)
			break;
	}
	if (got == 1)
		error_set(&end->why, "no memory after %llu packets", (unsigned long long)end->packets);
	else if (got != PCAP_ERROR_BREAK)
		error_set(&end->why, "it is damaged or cut off behind packet %llu: %s", (unsigned long long)end->packets,
		          pcap_geterr(pcap));
	end->failed = got != PCAP_ERROR_BREAK;
	first_packets_free(&firsts);
}

/* Closes `file`. */
static void read_file(FILE *file, FILE *out, struct told *end)
{
	char why[PCAP_ERRBUF_SIZE] = "";
	pcap_t *pcap = pcap_fopen_offline(file, why);
	const char *name;

	if (pcap == NULL) {
		end->failed = true;
		error_set(&end->why, "it is no capture that can be read (%s); expected pcap or pcapng", why);
		return;
	}
	if (frame_link_known(pcap_datalink(pcap))) {
		read_packets(pcap, out, end);
	} else {
		name = pcap_datalink_val_to_name(pcap_datalink(pcap));
		end->failed = true;
		error_set(&end->why, "its frames are of link type %s (%d), which cannot be read; expected Ethernet, Linux cooked"
		                     " or raw IP", name == NULL ? "unknown" : name, pcap_datalink(pcap));
	}
	pcap_close(pcap);
}

static _Noreturn void be_reader(FILE *file, int fd)
{
	FILE *out = fdopen(fd, "w");
	struct told end = { .what = TOLD_END };

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (out == NULL)
		_exit(EXIT_FAILURE);
	if (sandbox_child(&end.why) == -1 || sandbox_restrict(SANDBOX_NO_FILES, false, &end.why) == -1 ||
	    sandbox_limits(MEMORY_MOST, 0, &end.why) == -1)
		end.failed = true;
	else
		read_file(file, out, &end);
	_exit(fwrite(&end, sizeof(end), 1, out) == 1 && fflush(out) == 0 ? EXIT_SUCCESS : EXIT_FAILURE);
}

/* --- the asker's side */

static int add(struct capture *c, const struct captured *connection)
{
	size_t cap = c->cap == 0 ? 1024 : c->cap * 2;
	struct captured *all = c->all;

	if (c->count == c->cap) {
		all = reallocarray(all, cap, sizeof(*all));
		if (all == NULL)
			return -1;
		c->all = all;
		c->cap = cap;
	}
	all[c->count++] = *connection;
	return 0;
}

static int take_all(struct capture *c, FILE *in, struct error *err)
{
	struct told told;

	while (fread(&told, sizeof(told), 1, in) == 1) {
		if (told.what == TOLD_CONNECTION) {
			if (add(c, &told.connection) == -1)
				return error_errno(err, ENOMEM, "%zu connections", c->count);
			continue;
		}
		c->packets = told.packets;
		c->first = told.first;
		c->last = told.last;
		told.why.text[sizeof(told.why.text) - 1] = '\0';
		return told.failed ? error_set(err, "%s", told.why.text) : 0;
	}
	return error_set(err, "the process that reads it ended before it was through");
}

static int read_apart(struct capture *c, FILE *file, struct error *err)
{
	int ends[2], status, result;
	FILE *in;
	pid_t pid;

	if (pipe(ends) == -1)
		return error_errno(err, errno, "no pipe for the process that reads it");
	pid = fork();
	if (pid == 0) {
		close(ends[0]);
		be_reader(file, ends[1]);
	}
	close(ends[1]);
	in = fdopen(ends[0], "r");
	if (pid == -1 || in == NULL) {
		result = error_errno(err, errno, "no process to read it");
		if (in != NULL)
			fclose(in);
		else
			close(ends[0]);
	} else {
		result = take_all(c, in, err);
		fclose(in);
	}
	if (pid > 0)
		waitpid(pid, &status, 0);
	return result;
}

int capture_read(struct capture *c, const char *path, struct error *err)
{
	FILE *file = fopen(path, "re");
	struct error why;
	int result;

	*c = (struct capture){ 0 };
	if (file == NULL)
		return error_errno(err, errno, "%s", path);
	fflush(stdout);
	result = read_apart(c, file, &why);
	fclose(file);
	if (result == 0)
		return 0;
	capture_free(c);
	return error_set(err, "%s: %s", path, why.text);
}
