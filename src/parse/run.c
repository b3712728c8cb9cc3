#include "parse/parse.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <libxml/parser.h>
#include <sodium.h>

#include "core/buffer.h"
#include "core/sandbox.h"
#include "core/sandbox_asan.h"
#include "core/sandbox_calls.h"
#include "parse/minisign.h"

/* All of what is on input_fd: hashed whole, kept up to max_bytes. */
struct input {
	struct buffer bytes;
	uint64_t total;
	char sha256[crypto_hash_sha256_BYTES * 2 + 1];
};

/* What is sent when a limit ends the work: made beforehand, for a signal handler can make nothing. */
static struct last_words {
	int fd;
	struct buffer no_time, no_memory;
} last_words;

static void send_last_words(int sig)
{
	const struct buffer *words = sig == SIGXCPU ? &last_words.no_time : &last_words.no_memory;
	size_t sent = 0;

	while (sent < words->len) {
		ssize_t n = write(last_words.fd, words->data + sent, words->len - sent);

		if (n <= 0)
			_exit(1);
		sent += (size_t)n;
	}
	_exit(0);
}

static int take_input(int fd, uint64_t max, struct input *in, crypto_hash_sha256_state *hash, struct error *err)
{
	unsigned char chunk[65536];

	for (;;) {
		ssize_t n = read(fd, chunk, sizeof(chunk));

		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return error_errno(err, errno, "reading the bytes to parse");
		if (n == 0)
			return 0;
		in->total += (uint64_t)n;
		crypto_hash_sha256_update(hash, chunk, (unsigned long long)n);
		if (in->total <= max && buffer_add(&in->bytes, chunk, (size_t)n) == -1)
			return error_set(err, "no memory for %" PRIu64 " bytes", in->total);
	}
}

static int read_input(int fd, uint64_t max, struct input *in, struct error *err)
{
	unsigned char digest[crypto_hash_sha256_BYTES];
	crypto_hash_sha256_state hash;

	if (lseek(fd, 0, SEEK_SET) == -1 && errno != ESPIPE)
		return error_errno(err, errno, "going to the start of the bytes to parse");
	crypto_hash_sha256_init(&hash);
	if (take_input(fd, max, in, &hash, err) == -1)
		return -1;
	crypto_hash_sha256_final(&hash, digest);
	sodium_bin2hex(in->sha256, sizeof(in->sha256), digest, sizeof(digest));
	return 0;
}

static int encode_failure(struct buffer *out, const struct parse_request *q, const struct input *in, const char *why)
{
	struct parse_result r = { .widest4 = 255, .widest6 = 255 };
	int ret;

	r.format = q->format;
	r.bytes = in->total;
	r.sha256 = strdup(in->sha256);
	r.error = strdup(why);
	ret = r.sha256 && r.error ? parse_result_encode(out, &r) : -1;
	parse_result_free(&r);
	return ret;
}

/* libjq calls abort() without memory, or follows what it did not get; a stack may be what there is no more of. */
static int catch_faults(struct error *err)
{
	static unsigned char other_stack[65536];
	const stack_t stack = { .ss_sp = other_stack, .ss_size = sizeof(other_stack) };
	struct sigaction action = { .sa_handler = send_last_words, .sa_flags = SA_ONSTACK };

	if (sigaction(SIGXCPU, &action, NULL) == -1 || sigaction(SIGABRT, &action, NULL) == -1)
		return error_errno(err, errno, "setting a signal handler");
	if (BUILT_WITH_ASAN) /* which tells more of a fault */
		return 0;
	if (sigaltstack(&stack, NULL) == -1 || sigaction(SIGSEGV, &action, NULL) == -1 ||
	    sigaction(SIGBUS, &action, NULL) == -1)
		return error_errno(err, errno, "setting a signal handler");
	return 0;
}

/* From here to forget_last_words a limit that is met becomes a result. */
static int prepare_last_words(int fd, const struct parse_request *q, const struct input *in, struct error *err)
{
	char no_time[160], no_memory[160];

	snprintf(no_time, sizeof(no_time), "took more than %d s of processor time%s", PARSE_CPU_SECONDS,
	         q->select[0] != '\0' ? "; is the program in select one that ends?" : "");
	snprintf(no_memory, sizeof(no_memory), "took more than %d MiB of memory, or met a fault in a library",
	         (int)(PARSE_MEMORY >> 20));
	last_words.fd = fd;
	if (encode_failure(&last_words.no_time, q, in, no_time) == -1 ||
	    encode_failure(&last_words.no_memory, q, in, no_memory) == -1)
		return error_set(err, "no memory to begin with");
	return catch_faults(err);
}

static void forget_last_words(void)
{
	signal(SIGXCPU, SIG_DFL);
	signal(SIGABRT, SIG_DFL);
	if (!BUILT_WITH_ASAN) {
		signal(SIGSEGV, SIG_DFL);
		signal(SIGBUS, SIG_DFL);
	}
	buffer_free(&last_words.no_time);
	buffer_free(&last_words.no_memory);
}

/* Before anything of it is parsed: not so long that a part is missing, and signed where it has to be. */
static int check_input(const struct parse_request *q, const struct input *in, struct error *err)
{
	if (in->total > q->max_bytes)
		return error_set(err, "is larger than %" PRIu64 " bytes", q->max_bytes);
	if (q->signed_by[0] == '\0')
		return 0;
	return minisign_verify(q->signed_by, q->signature, in->bytes.data, in->bytes.len, err);
}

static void judge(const struct parse_request *q, const struct input *in, struct parse_result *r)
{
	struct error err;

	if (check_input(q, in, &err) == 0) {
		parse_bytes(q, in->bytes.len > 0 ? (const char *)in->bytes.data : "", in->bytes.len, r);
	} else {
		*r = (struct parse_result) { .format = q->format, .widest4 = 255, .widest6 = 255 };
		r->error = strdup(err.text);
	}
	r->bytes = in->total;
	r->sha256 = strdup(in->sha256);
}

static int answer(int socket_fd, int input_fd, const struct parse_request *q, struct error *err)
{
	struct input in = { BUFFER_INIT, 0, "" };
	struct buffer out = BUFFER_INIT;
	struct parse_result r = { 0 };
	int ret = -1;

	if (read_input(input_fd, q->max_bytes, &in, err) == -1 || prepare_last_words(socket_fd, q, &in, err) == -1)
		goto out;
	judge(q, &in, &r);
	if (!r.sha256 || (!r.ok && !r.error) || parse_result_encode(&out, &r) == -1) {
		error_set(err, "no memory for the result");
		goto out;
	}
	forget_last_words();
	ret = message_send(socket_fd, &out, err);
out:
	forget_last_words();
	parse_result_free(&r);
	buffer_free(&out);
	buffer_free(&in.bytes);
	return ret;
}

static int receive_request(int socket_fd, struct parse_request *q, struct error *err)
{
	struct buffer in = BUFFER_INIT;
	struct message m;
	int ret, done = -1;

	ret = message_receive(socket_fd, MESSAGE_MAX_DEFAULT, &in, &m, err);
	if (ret == 0)
		error_set(err, "the socket was closed before a request came");
	else if (ret == 1 && m.type != MSG_PARSE_REQUEST)
		error_set(err, "message of type %d where a parse request was expected", (int)m.type);
	else if (ret == 1 && parse_request_decode(&m, q) == -1)
		error_set(err, "a parse request that is malformed");
	else if (ret == 1)
		done = 0;
	buffer_free(&in);
	return done;
}

/* The soft limit must come first: at the hard one the kernel kills without SIGXCPU. */
static int limit_cpu_softly(struct error *err)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_CPU, &limit) == -1)
		return error_errno(err, errno, "reading the limit of processor time");
	limit.rlim_cur = limit.rlim_max - 1;
	if (setrlimit(RLIMIT_CPU, &limit) == -1)
		return error_errno(err, errno, "limiting processor time");
	return 0;
}

int parse_confine(struct error *err)
{
	static char *no_environment[] = { NULL };

	if (sandbox_child(err) == -1)
		return -1;
	/* A jq program may read it, and libjq looks into $HOME.  Not clearenv(3): libjq follows its null pointer. */
	environ = no_environment;
	if (sodium_init() == -1)
		return error_set(err, "libsodium cannot start");
	xmlInitParser();
	if (sandbox_restrict(SANDBOX_NO_FILES, false, err) == -1 ||
	    sandbox_limits(PARSE_MEMORY, PARSE_CPU_SECONDS + 1, err) == -1)
		return -1;
	if (limit_cpu_softly(err) == -1)
		return -1;
	return sandbox_calls("hallowd-parse", err);
}

int parse_run(int socket_fd, int input_fd, struct error *err)
{
	struct parse_request q = { 0 };
	int ret;

	if (parse_confine(err) == -1 || receive_request(socket_fd, &q, err) == -1)
		return -1;
	ret = answer(socket_fd, input_fd, &q, err);
	parse_request_free(&q);
	return ret;
}
