/* The packets of denied attempts that were kept, as one file for Wireshark. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit/pcapng.h"
#include "core/file.h"
#include "core/number.h"
#include "ctl/answer.h"
#include "ctl/ctl.h"

#define FILE_MODE 0640
#define WRITE_SIZE 65536
#define ALL INT64_MIN
#define SUFFIX ".pcapng"
#define LONGEST 65535 /* bytes of a packet */

enum { OUTPUT };

static const struct verb_option options[] = {
	[OUTPUT] = { "output", "FILE", "where the packets go; else standard output" },
	{ NULL, NULL, NULL },
};

struct evidence_reader {
	int64_t id;         /* of the row that is asked for, or ALL */
	int fd;             /* what is found goes there */
	struct buffer out;  /* not written yet */
	uint64_t found;     /* packets */
	uint64_t seen;      /* packets, all */
	int64_t oldest;     /* the lowest id of a row that was seen */
	uint64_t cut_off;   /* files that end in the midst of a packet, or are damaged */
	struct error err;
};

/* The recorder's folder is not root's: what is there may be anything. */
static FILE *open_file(int folder, const char *name)
{
	int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st;
	FILE *f;

	if (fd == -1)
		return NULL;
	f = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) ? fdopen(fd, "r") : NULL;
	if (f == NULL)
		close(fd);
	return f;
}

static int write_out(struct evidence_reader *r)
{
	if (write_all(r->fd, r->out.data, r->out.len) == -1)
		return error_errno(&r->err, errno, "the packets cannot be written");
	r->out.len = 0;
	return 0;
}

static int take_packet(struct evidence_reader *r, const struct pcapng_packet *p)
{
	int64_t id;

	if (sscanf(p->comment, "connection %" SCNd64 " ", &id) != 1)
		return 0;
	if (r->seen++ == 0 || id < r->oldest)
		r->oldest = id;
	if (r->id != ALL && r->id != id)
		return 0;
	if ((r->found++ == 0 && pcapng_begin(&r->out, LONGEST) == -1) || pcapng_add(&r->out, p) == -1)
		return error_errno(&r->err, ENOMEM, "the packets");
	return r->out.len < WRITE_SIZE ? 0 : write_out(r);
}

static int read_file(struct evidence_reader *r, int folder, const char *name)
{
	struct buffer block = BUFFER_INIT;
	struct pcapng_packet p;
	FILE *f = open_file(folder, name);
	int got, result = 0;

	if (f == NULL) {
		/* The oldest may go at any time. */
		r->cut_off += errno != ENOENT;
		return 0;
	}
	while (result == 0 && (got = pcapng_next(f, &block, &p)) == 1)
		result = take_packet(r, &p);
	r->cut_off += result == 0 && got == -1;
	fclose(f);
	buffer_free(&block);
	return result;
}

static int is_evidence(const struct dirent *entry)
{
	size_t len = strlen(entry->d_name);

	return strchr(entry->d_name, '-') != NULL && len > strlen(SUFFIX) &&
	       strcmp(entry->d_name + len - strlen(SUFFIX), SUFFIX) == 0;
}

/* By the counter behind the time, which goes on whatever the clock did. */
static int by_number(const struct dirent **a, const struct dirent **b)
{
	unsigned long long x = strtoull(strchr((*a)->d_name, '-') + 1, NULL, 10),
	                   y = strtoull(strchr((*b)->d_name, '-') + 1, NULL, 10);

	return (x > y) - (x < y);
}

/* A folder that is not there has nothing. */
static int read_folder(struct evidence_reader *r, const char *state_dir, const char *below)
{
	char path[PATH_MAX];
	struct dirent **entries = NULL;
	int folder, count, result = 0;

	if ((size_t)snprintf(path, sizeof(path), "%s/%s", state_dir, below) >= sizeof(path))
		return error_errno(&r->err, ENAMETOOLONG, "%s", state_dir);
	folder = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (folder == -1)
		return errno == ENOENT ? 0 : error_errno(&r->err, errno, "%s cannot be opened", path);
	count = scandirat(folder, ".", &entries, is_evidence, by_number);
	if (count == -1)
		result = error_errno(&r->err, errno, "%s cannot be read", path);
	for (int i = 0; i < count; i++) {
		if (result == 0)
			result = read_file(r, folder, entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
	close(folder);
	return result;
}

/* hallowd that does not run as root has the recorder work in state_dir/audit. */
static int read_all(struct evidence_reader *r, const struct config *c)
{
	if (read_folder(r, c->state_dir, "evidence") == -1 || read_folder(r, c->state_dir, "audit/evidence") == -1)
		return -1;
	return r->out.len == 0 ? 0 : write_out(r);
}

/* --- why there is none */

/* 1 with whether the row was denied, and whether it was only seen at a mirror port; 0, -1. */
static int find_row(sqlite3 *db, int64_t id, bool *denied, bool *mirrored)
{
	sqlite3_stmt *stmt;
	int rc = sqlite3_prepare_v2(db, "SELECT verdict = 'deny', via = 'mirror' FROM connections WHERE id = ?1", -1, &stmt, NULL);

	if (rc == SQLITE_OK && (rc = sqlite3_bind_int64(stmt, 1, id)) == SQLITE_OK)
		rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW) {
		*denied = sqlite3_column_int(stmt, 0) != 0;
		*mirrored = sqlite3_column_int(stmt, 1) != 0;
	}
	sqlite3_finalize(stmt);
	return rc == SQLITE_ROW ? 1 : rc == SQLITE_DONE ? 0 : -1;
}

static int tell_none(struct ctl *ctl, sqlite3 *db, const struct evidence_reader *r)
{
	const struct audit_config *a = &ctl->config->audit;
	bool denied = true, mirrored = false;
	int found = r->id == ALL ? 1 : find_row(db, r->id, &denied, &mirrored);

	if (found == -1)
		return ctl_fail(EXIT_FAILED, "the audit log cannot be read: %s", sqlite3_errmsg(db));
	if (found == 0)
		return ctl_fail(EXIT_FAILED, "there is no connection %" PRId64 "; 'hallowctl log -o json' shows their ids", r->id);
	if (!denied)
		return ctl_fail(EXIT_FAILED, "connection %" PRId64 " was allowed; packets are kept only of denied attempts", r->id);
	if (mirrored)
		return ctl_fail(EXIT_FAILED, "no packet of connection %" PRId64 " is kept: it was only seen at a mirror port"
		                " (audit.observe), and packets are kept of attempts that this host denied", r->id);
	if (r->seen == 0 && a->evidence_packets == 0)
		return ctl_fail(EXIT_FAILED, "no packets are kept; to keep those of denied attempts, put 'evidence: {packets: 5,"
		                " size: 64M}' below 'audit' in the configuration");
	if (r->seen == 0)
		return ctl_fail(EXIT_FAILED, "no packet is kept yet: there was no denied attempt since audit.evidence was set, or none"
		                " could be written; the view 'events' of audit.db would say so");
	if (r->id < r->oldest)
		return ctl_fail(EXIT_FAILED, "no packet of connection %" PRId64 " is kept: it is older than all that are kept now;"
		                " audit.evidence.size says how many bytes that may be", r->id);
	return ctl_fail(EXIT_FAILED, "no packet of connection %" PRId64 " is kept: only the first %" PRIu32 " of an attempt (by"
	                " source, destination, protocol and port) within an hour are", r->id, a->evidence_packets);
}

static int tell_found(const struct ctl *ctl, const struct arguments *args, const struct evidence_reader *r)
{
	json_t *o;
	int bad;

	if (r->cut_off > 0)
		fprintf(stderr, "hallowctl: %" PRIu64 " %s cut off or damaged; what could be read of %s is there\n", r->cut_off,
		        r->cut_off == 1 ? "file is" : "files are", r->cut_off == 1 ? "it" : "them");
	if (args->option[OUTPUT] == NULL)
		return 0;
	if (ctl->format != OUTPUT_JSON) {
		printf("%" PRIu64 " %s\n", r->found, r->found == 1 ? "packet" : "packets");
		return 0;
	}
	o = json_pack("{s:I, s:s}", "packets", (json_int_t)r->found, "file", args->option[OUTPUT]);
	bad = answer_print(o);
	json_decref(o);
	return bad == 0 ? 0 : EXIT_FAILED;
}

/* --- the verb */

static int to_stdout(struct ctl *ctl, struct evidence_reader *r)
{
	r->fd = STDOUT_FILENO;
	return read_all(r, ctl->config) == 0 ? 0 : ctl_fail(EXIT_FAILED, "%s", r->err.text);
}

/* Nothing is left where there is nothing to write. */
static int to_file(struct ctl *ctl, struct evidence_reader *r, const char *name)
{
	struct file_draft draft;

	if (file_draft_begin(&draft, AT_FDCWD, name, &r->err) == -1)
		return ctl_fail(EXIT_FAILED, "%s", r->err.text);
	r->fd = draft.fd;
	if (read_all(r, ctl->config) == -1) {
		file_draft_drop(&draft);
		return ctl_fail(EXIT_FAILED, "%s", r->err.text);
	}
	if (r->found == 0) {
		file_draft_drop(&draft);
		return 0;
	}
	return file_draft_commit(&draft, FILE_MODE, &r->err) == 0 ? 0 : ctl_fail(EXIT_FAILED, "%s", r->err.text);
}

static int parse_id(const char *text, int64_t *id)
{
	if (number_parse_i64(id, text) == -1)
		return ctl_fail(EXIT_USAGE, "'%s' is no id of a connection; 'hallowctl log -o json' shows them", text);
	return 0;
}

static int run(struct ctl *ctl, const struct arguments *args)
{
	struct evidence_reader r = { .id = ALL };
	const char *name = args->option[OUTPUT];
	sqlite3 *db;
	int code = args->count == 0 ? 0 : parse_id(args->words[0], &r.id);

	if (code != 0)
		return code;
	if (name == NULL && (ctl->format == OUTPUT_JSON || isatty(STDOUT_FILENO)))
		return ctl_fail(EXIT_USAGE, "packets are not for reading here; say --output FILE and open it in Wireshark");
	code = ctl_audit(ctl, &db);
	if (code != 0)
		return code;
	code = name == NULL ? to_stdout(ctl, &r) : to_file(ctl, &r, name);
	if (code == 0)
		code = r.found == 0 ? tell_none(ctl, db, &r) : tell_found(ctl, args, &r);
	sqlite3_close(db);
	buffer_free(&r.out);
	return code;
}

const struct verb verb_evidence = {
	.name = "evidence",
	.words = "[ID]",
	.max = 1,
	.summary = "the packets of denied attempts, for Wireshark",
	.about = "Writes the packets that were kept of a denied connection, or of all, as a pcapng file, which\n"
	         "Wireshark and tshark open.  The comment of each packet names its row: the id that\n"
	         "'hallowctl log -o json' shows.  What is kept, audit.evidence of the configuration says.\n",
	.examples = "  hallowctl evidence 1795478400000000 --output attempt.pcapng\n"
	            "  hallowctl evidence --output all.pcapng\n"
	            "  hallowctl evidence | tshark -r -\n",
	.formats = "text, json",
	.options = options,
	.looks = true,
	.run = run,
};
