#include "record/evidence.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "audit/pcapng.h"
#include "core/file.h"
#include "core/seeded_hash.h"
#include "record/nflog.h"

#define PACKET_MAX 65535 /* no IP packet that is logged is longer */
#define SUFFIX ".pcapng"
#define FILES_LEAST 8    /* so many full files fit the ring, so that the oldest that goes is a small part */
#define WINDOW 3600      /* seconds */
#define ATTEMPTS 65536   /* 1 MiB */
#define WAYS 4           /* places that an attempt may have */

/* Two that hash alike count as one; nobody can make that happen who does not know the seed. */
struct attempt {
	uint64_t key;
	uint32_t since; /* seconds */
	uint32_t count; /* 0: empty */
};

void evidence_init(struct evidence *e)
{
	*e = (struct evidence){ .folder = -1, .file = -1 };
}

static void close_file(struct evidence *e)
{
	if (e->file != -1)
		close(e->file);
	e->file = -1;
}

void evidence_free(struct evidence *e)
{
	close_file(e);
	if (e->folder != -1)
		close(e->folder);
	free(e->attempts);
	free(e->kept);
	free(e->files);
	buffer_free(&e->bytes);
	buffer_free(&e->out);
	evidence_init(e);
}

void evidence_configure(struct evidence *e, uint32_t packets, uint64_t size)
{
	e->packets = packets;
	e->size = size;
}

static void lose(struct evidence *e, uint64_t packets, const char *why)
{
	e->lost += packets;
	snprintf(e->why, sizeof(e->why), "%s", why);
}

/* --- which packets */

static bool is_open(const struct attempt *a, uint32_t now)
{
	int64_t age = (int64_t)now - a->since;

	return a->count > 0 && age < WINDOW && age > -WINDOW;
}

/* The attempt's place, or the one of what is forgotten for it: nothing, what is over, or the oldest. */
static struct attempt *place(const struct evidence *e, uint64_t key, uint32_t now)
{
	struct attempt *ways = &e->attempts[key % (ATTEMPTS / WAYS) * WAYS], *oldest = ways;

	for (size_t i = 0; i < WAYS; i++)
		if (ways[i].key == key && is_open(&ways[i], now))
			return &ways[i];
	for (size_t i = 0; i < WAYS; i++) {
		if (!is_open(&ways[i], now))
			return &ways[i];
		if (ways[i].since < oldest->since)
			oldest = &ways[i];
	}
	return oldest;
}

static bool is_among_first(struct evidence *e, const struct row *row)
{
	uint32_t now = (uint32_t)(row->time / US_PER_SECOND);
	uint64_t key = seeded_hash_address(seeded_hash_address(e->seed, &row->source), &row->destination);
	struct attempt *a;

	key = seeded_hash_add(key, (uint64_t)row->protocol << 32 | (uint32_t)row->destination_port);
	a = place(e, key, now);
	if (a->key != key || !is_open(a, now))
		*a = (struct attempt){ key, now, 0 };
	if (a->count >= e->packets)
		return false;
	a->count++;
	return true;
}

static int make_room(struct evidence *e)
{
	size_t cap = e->cap == 0 ? 64 : e->cap * 2;
	struct evidence_packet *kept;

	if (e->attempts == NULL) {
		e->seed = seeded_hash_seed();
		e->attempts = calloc(ATTEMPTS, sizeof(*e->attempts));
	}
	if (e->attempts == NULL)
		return -1;
	if (e->count < e->cap)
		return 0;
	kept = realloc(e->kept, cap * sizeof(*kept));
	if (kept == NULL)
		return -1;
	e->kept = kept;
	e->cap = cap;
	return 0;
}

void evidence_offer(struct evidence *e, size_t index, const struct row *row, const void *data, size_t len)
{
	if (e->packets == 0)
		return;
	if (make_room(e) == -1) {
		lose(e, 1, "no memory");
		return;
	}
	if (!is_among_first(e, row))
		return;
	if (len > PACKET_MAX || e->bytes.len + len > EVIDENCE_BATCH) {
		lose(e, 1, "too many at a time");
		return;
	}
	if (buffer_add(&e->bytes, data, len) == -1) {
		lose(e, 1, "no memory");
		return;
	}
	e->kept[e->count++] = (struct evidence_packet){ index, e->bytes.len - len, (uint32_t)len, 0 };
}

void evidence_rows_begin(struct evidence *e)
{
	e->named = 0;
}

void evidence_row(struct evidence *e, size_t index, int64_t id)
{
	if (e->named < e->count && e->kept[e->named].row == index)
		e->kept[e->named++].id = id;
}

/* --- the folder */

/* 20261126T093000Z-00000001.pcapng */
static bool parse_name(const char *name, uint64_t *number)
{
	const char *dash = strchr(name, '-');
	char *end;

	if (dash == NULL || dash[1] < '0' || dash[1] > '9' || strlen(name) >= sizeof(((struct evidence_file *)0)->name))
		return false;
	errno = 0;
	*number = strtoull(dash + 1, &end, 10);
	return errno == 0 && *number < UINT64_MAX && strcmp(end, SUFFIX) == 0;
}

static int add_file(struct evidence *e, const char *name, uint64_t number, uint64_t size)
{
	size_t cap = e->file_cap == 0 ? 16 : e->file_cap * 2;
	struct evidence_file *files = e->files;

	if (e->file_count == e->file_cap) {
		files = realloc(files, cap * sizeof(*files));
		if (files == NULL)
			return -1;
		e->files = files;
		e->file_cap = cap;
	}
	files[e->file_count] = (struct evidence_file){ .number = number, .size = size };
	snprintf(files[e->file_count++].name, sizeof(files->name), "%s", name);
	return 0;
}

static int compare_files(const void *a, const void *b)
{
	const struct evidence_file *x = a, *y = b;

	return (x->number > y->number) - (x->number < y->number);
}

static int list_files(struct evidence *e, DIR *dir)
{
	const struct dirent *entry;
	struct stat st;
	uint64_t number;

	while ((entry = readdir(dir)) != NULL)
		if (parse_name(entry->d_name, &number) && fstatat(e->folder, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    S_ISREG(st.st_mode) && add_file(e, entry->d_name, number, (uint64_t)st.st_size) == -1)
			return -1;
	if (e->file_count > 1)
		qsort(e->files, e->file_count, sizeof(*e->files), compare_files);
	return 0;
}

/* What earlier processes left counts, too.  0, or -1 with errno. */
static int open_folder(struct evidence *e)
{
	DIR *dir;
	int fd, result;

	if (e->folder != -1)
		return 0;
	if (mkdir(EVIDENCE_FOLDER, 0750) == -1 && errno != EEXIST)
		return -1;
	e->folder = open(EVIDENCE_FOLDER, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (e->folder == -1)
		return -1;
	e->file_count = 0;
	fd = openat(e->folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	dir = fd == -1 ? NULL : fdopendir(fd);
	result = dir == NULL ? -1 : list_files(e, dir);
	if (dir != NULL)
		closedir(dir);
	else if (fd != -1)
		close(fd);
	if (result == -1) {
		close(e->folder);
		e->folder = -1;
	}
	return result;
}

static uint64_t total(const struct evidence *e)
{
	uint64_t sum = e->out.len;

	for (size_t i = 0; i < e->file_count; i++)
		sum += e->files[i].size;
	return sum;
}

/* The oldest files go until `more` bytes fit; never the one that is written to. */
static int drop_oldest(struct evidence *e, size_t more, size_t files)
{
	while (e->file_count > (e->file == -1 ? 0 : 1) &&
	       (total(e) + more > e->size || e->file_count + files > EVIDENCE_FILES_MOST)) {
		if (unlinkat(e->folder, e->files[0].name, 0) == -1 && errno != ENOENT)
			return -1;
		e->file_count--;
		memmove(&e->files[0], &e->files[1], e->file_count * sizeof(*e->files));
	}
	return 0;
}

/* --- files */

/* Into e->out goes what it begins with. */
static int begin_file(struct evidence *e)
{
	uint64_t number = e->file_count == 0 ? 1 : e->files[e->file_count - 1].number + 1;
	time_t now = time(NULL);
	char stamp[32], name[64];
	struct tm tm;

	if (drop_oldest(e, 0, 1) == -1 || pcapng_begin(&e->out, PACKET_MAX) == -1)
		return -1;
	gmtime_r(&now, &tm);
	strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%SZ", &tm);
	snprintf(name, sizeof(name), "%s-%08" PRIu64 SUFFIX, stamp, number);
	e->file = openat(e->folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0640);
	if (e->file == -1)
		return -1;
	if (add_file(e, name, number, 0) == 0)
		return 0;
	unlinkat(e->folder, name, 0);
	close_file(e);
	errno = ENOMEM;
	return -1;
}

/* What was written before stays whole; the next packet begins a new file. */
static void give_up_file(struct evidence *e)
{
	struct evidence_file *f = e->file == -1 ? NULL : &e->files[e->file_count - 1];

	if (f != NULL && f->size == 0 && unlinkat(e->folder, f->name, 0) == 0)
		e->file_count--;
	else if (f != NULL && ftruncate(e->file, (off_t)f->size) == -1)
		f->size += e->out.len; /* at most so much more; a reader stops where it was cut off */
	close_file(e);
}

static int flush(struct evidence *e)
{
	if (e->out.len == 0)
		return 0;
	if (write_all(e->file, e->out.data, e->out.len) == -1)
		return -1;
	e->files[e->file_count - 1].size += e->out.len;
	e->out.len = 0;
	e->waiting = 0;
	return 0;
}

static int add_packet(struct evidence *e, const struct pcapng_packet *p)
{
	size_t size = pcapng_size(p);

	if (e->file != -1 && e->files[e->file_count - 1].size + e->out.len + size > e->size / FILES_LEAST) {
		if (flush(e) == -1)
			return -1;
		close_file(e);
	}
	if ((e->file == -1 && begin_file(e) == -1) || drop_oldest(e, size, 0) == -1 || pcapng_add(&e->out, p) == -1)
		return -1;
	e->waiting++;
	return 0;
}

/* How long the packet was, by its own header. */
static uint32_t original_length(const unsigned char *data, uint32_t len)
{
	uint32_t said = 0;

	if (len >= 4 && data[0] >> 4 == 4)
		said = (uint32_t)data[2] << 8 | data[3];
	else if (len >= 6 && data[0] >> 4 == 6)
		said = 40 + ((uint32_t)data[4] << 8 | data[5]);
	return said > len ? said : len;
}

static int write_packets(struct evidence *e, const struct row *rows, const struct log_prefixes *prefixes, size_t *done)
{
	if (open_folder(e) == -1)
		return -1;
	for (; *done < e->count; (*done)++) {
		const struct evidence_packet *k = &e->kept[*done];
		struct pcapng_packet p = { .time = rows[k->row].time, .data = e->bytes.data + k->offset, .len = k->len };

		p.original = original_length(p.data, p.len);
		snprintf(p.comment, sizeof(p.comment), "connection %" PRId64 " endpoint %s", k->id,
		         prefixes->all[rows[k->row].prefix].endpoint);
		if (add_packet(e, &p) == -1)
			return -1;
	}
	return flush(e);
}

void evidence_committed(struct evidence *e, const struct row *rows, const struct log_prefixes *prefixes)
{
	size_t done = 0;

	if (e->count > 0 && write_packets(e, rows, prefixes, &done) == -1) {
		lose(e, e->waiting + (e->count - done), strerror(errno));
		give_up_file(e);
		e->out.len = 0;
		e->waiting = 0;
	}
	e->count = e->named = 0;
	e->bytes.len = 0;
	/* A batch of a flood is no measure for the next. */
	if (e->bytes.cap > EVIDENCE_BATCH / FILES_LEAST)
		buffer_free(&e->bytes);
}
