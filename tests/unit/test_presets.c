/* Each preset that ships: one line of configuration, and the entries that its publisher's form of answer comes to.
 * The samples in tests/data/presets have the publishers' form; the addresses are few. */
#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "config/config.h"
#include "core/file.h"
#include "core/paths.h"
#include "parse/parse.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct {
	const char *name, *url, *sample, *entries;
} presets[] = {
	{ "atlassian", "https://ip-ranges.atlassian.com/", "atlassian.json",
	  "13.52.5.96/28 104.192.136.0/21 2401:1d80:3000::/36" },
	{ "aws", "https://ip-ranges.amazonaws.com/ip-ranges.json", "aws.json",
	  "3.4.12.4/32 52.192.0.0/11 2600:1ff2:4000::/40 2a05:d07a:a000::/40" },
	{ "cloudflare", "https://api.cloudflare.com/client/v4/ips", "cloudflare.json",
	  "104.16.0.0/13 104.24.0.0/14 172.64.0.0/13 173.245.48.0/20 2400:cb00::/32 2a06:98c0::/29" },
	{ "cloudflare-v4", "https://www.cloudflare.com/ips-v4", "cloudflare-v4.txt",
	  "104.16.0.0/13 104.24.0.0/14 172.64.0.0/13 173.245.48.0/20" },
	{ "cloudflare-v6", "https://www.cloudflare.com/ips-v6", "cloudflare-v6.txt", "2400:cb00::/32 2a06:98c0::/29" },
	{ "digitalocean", "https://www.digitalocean.com/geo/google.csv", "digitalocean.csv",
	  "5.101.96.0/21 24.144.64.0/22 2400:6180:0:d0::/64 2a03:b0c0:3:d0::/64" },
	{ "fastly", "https://api.fastly.com/public-ip-list", "fastly.json",
	  "23.235.32.0/20 151.101.0.0/16 199.232.0.0/16 2a04:4e40::/32 2a04:4e42::/32" },
	{ "github", "https://api.github.com/meta", "github.json",
	  "140.82.112.0/20 143.55.64.0/20 185.199.108.0/22 192.30.252.0/22 2606:50c0::/32 2a0a:a440::/29" },
	{ "github-actions", "https://api.github.com/meta", "github.json",
	  "4.148.0.0/16 4.149.0.0/18 2603:1030:401:27f::/64" },
	{ "google-cloud", "https://www.gstatic.com/ipranges/cloud.json", "google-cloud.json",
	  "34.1.208.0/20 35.184.0.0/13 2600:1900:8000::/44" },
	{ "linode", "https://geoip.linode.com/", "linode.csv", "45.33.0.0/17 172.104.128.0/19 2600:3c00::/32" },
	{ "oracle-cloud", "https://docs.oracle.com/en-us/iaas/tools/public_ip_ranges.json", "oracle-cloud.json",
	  "129.146.0.0/21 130.61.0.128/25 134.70.8.0/21" },
	{ "zscaler", "https://config.zscaler.com/api/zscaler.net/cenr/json", "zscaler.json",
	  "147.161.164.0/23 165.225.10.0/23 2a03:eec0:1411::/48" },
	{ "zscalerone", "https://config.zscaler.com/api/zscalerone.net/cenr/json", "zscaler.json",
	  "147.161.164.0/23 165.225.10.0/23 2a03:eec0:1411::/48" },
	{ "zscalerthree", "https://config.zscaler.com/api/zscalerthree.net/cenr/json", "zscaler.json",
	  "147.161.164.0/23 165.225.10.0/23 2a03:eec0:1411::/48" },
	{ "zscalertwo", "https://config.zscaler.com/api/zscalertwo.net/cenr/json", "zscaler.json",
	  "147.161.164.0/23 165.225.10.0/23 2a03:eec0:1411::/48" },
	{ "zscloud", "https://config.zscaler.com/api/zscloud.net/cenr/json", "zscaler.json",
	  "147.161.164.0/23 165.225.10.0/23 2a03:eec0:1411::/48" },
};

/* The origin `origin` of a list with `more` beside; fails with the errors where there are any. */
static struct config *read_config(const char *origin, const char *more)
{
	struct buffer text = BUFFER_INIT, errors = BUFFER_INIT;
	struct config *c = NULL;

	assert_int_equal(buffer_printf(&text, "version: 1\nlists: {l: {origins: {o: {%s}}%s}}\n", origin, more), 0);
	if (config_parse("test", text.data, text.len, &c, &errors) == -1)
		fail_msg("%s", buffer_str(&errors));
	buffer_free(&text);
	buffer_free(&errors);
	return c;
}

static void assert_refused(const char *origin, const char *message)
{
	struct buffer text = BUFFER_INIT, errors = BUFFER_INIT;
	struct config *c = NULL;

	assert_int_equal(buffer_printf(&text, "version: 1\nlists: {l: {origins: {o: {%s}}}}\n", origin), 0);
	assert_int_equal(config_parse("test", text.data, text.len, &c, &errors), -1);
	if (strstr(buffer_str(&errors), message) == NULL)
		assert_string_equal(buffer_str(&errors), message);
	buffer_free(&text);
	buffer_free(&errors);
}

static int show_prefix(void *ctx, const struct prefix *p)
{
	struct buffer *out = ctx;
	char text[PREFIX_TEXT_MAX];

	return buffer_printf(out, "%s%s", out->len > 0 ? " " : "", prefix_format(p, text));
}

static void parse_sample(const struct origin_config *o, const char *sample, struct parse_result *r)
{
	static char none[] = "";
	struct parse_request q = { .format = (uint8_t)o->format, .select = o->select, .content_type = none, .name = none,
	                           .max_bytes = 1 << 20, .max_entries = 1000 };
	struct buffer data = BUFFER_INIT;
	char path[4096];

	snprintf(path, sizeof(path), "%s/tests/data/presets/%s", SOURCE_DIR, sample);
	assert_int_equal(file_read(AT_FDCWD, path, 1 << 20, &data, NULL), 0);
	parse_bytes(&q, (const char *)data.data, data.len, r);
	buffer_free(&data);
}

static void samples(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(presets); i++) {
		char origin[80];
		struct buffer shown = BUFFER_INIT;
		struct parse_result r;
		struct config *c;
		const struct origin_config *o;

		snprintf(origin, sizeof(origin), "preset: %s", presets[i].name);
		c = read_config(origin, "");
		o = &c->lists[0].origins[0];
		assert_int_equal(o->kind, ORIGIN_URL);
		assert_string_equal(o->where, presets[i].url);
		parse_sample(o, presets[i].sample, &r);
		if (!r.ok)
			fail_msg("%s: %s", presets[i].name, r.error);
		assert_int_equal(r.bad, 0);
		assert_int_equal(prefix_set_each(&r.set, show_prefix, &shown), 0);
		assert_string_equal(buffer_str(&shown), presets[i].entries);
		/* What its publisher publishes is within the guards that it brings along. */
		assert_true(r.widest4 >= (o->min_prefix4 > 0 ? o->min_prefix4 : c->lists[0].guard.min_prefix4));
		assert_true(r.widest6 >= (o->min_prefix6 > 0 ? o->min_prefix6 : c->lists[0].guard.min_prefix6));
		buffer_free(&shown);
		parse_result_free(&r);
		config_free(c);
	}
}

/* The table above misses none that ships. */
static void all_of_them(void **state)
{
	char folder[4096];
	struct dirent *entry;
	size_t count = 0;
	DIR *dir;

	(void)state;
	snprintf(folder, sizeof(folder), "%s/presets", path_rules());
	dir = opendir(folder);
	assert_non_null(dir);
	while ((entry = readdir(dir)) != NULL)
		count += entry->d_name[0] != '.';
	closedir(dir);
	assert_int_equal(count, COUNT(presets));
}

/* An error page, or another form than the publisher's, is no list and not a shorter one. */
static void other_answers(void **state)
{
	static const struct {
		const char *preset, *sample;
	} wrong[] = {
		{ "cloudflare", "fastly.json" }, { "aws", "google-cloud.json" }, { "google-cloud", "aws.json" },
		{ "oracle-cloud", "aws.json" }, { "fastly", "cloudflare.json" }, { "github", "zscaler.json" },
		{ "cloudflare-v4", "aws.json" }, { "atlassian", "github.json" }, { "linode", "github.json" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(wrong); i++) {
		char origin[80];
		struct parse_result r;
		struct config *c;

		snprintf(origin, sizeof(origin), "preset: %s", wrong[i].preset);
		c = read_config(origin, "");
		parse_sample(&c->lists[0].origins[0], wrong[i].sample, &r);
		if (r.ok)
			fail_msg("%s made a list of %s", wrong[i].preset, wrong[i].sample);
		parse_result_free(&r);
		config_free(c);
	}
}

static void own_keys(void **state)
{
	struct config *c = read_config("preset: github, select: '.web[]', max_size: 1M, timeout: 5s", "");
	struct origin_config *o = &c->lists[0].origins[0];

	(void)state;
	assert_string_equal(o->preset, "github");
	assert_string_equal(o->select, ".web[]");
	assert_int_equal(o->max_size, 1 << 20);
	assert_int_equal(o->timeout, 5);
	config_free(c);
	assert_refused("preset: github, format: json", "'format' has no meaning for an origin with 'preset'");
	assert_refused("preset: cloudflare-v4, select: '.a'", "'select' has no meaning for format text");
	assert_refused("preset: github, url: 'https://a.org/'", "this origin has 'preset' and 'url'");
	assert_refused("preset: cloudflair", "2:35: no preset 'cloudflair'; expected the name of a file in ");
	assert_refused("preset: cloudflair", "did you mean 'cloudflare'?");
	assert_refused("preset: ../lists/humanitec", "is no name");
}

static void guards(void **state)
{
	struct config *c = read_config("preset: cloudflare", "");
	const struct list_config *l = &c->lists[0];

	(void)state;
	assert_int_equal(l->origins[0].min_prefix4, 12);
	assert_int_equal(l->origins[0].min_prefix6, 29);
	assert_int_equal(l->guard.min_prefix4, 16);
	config_free(c);
	/* What the list says itself comes first. */
	c = read_config("preset: cloudflare", ", guard: {min_prefix4: 16}");
	assert_int_equal(c->lists[0].origins[0].min_prefix4, 0);
	assert_int_equal(c->lists[0].origins[0].min_prefix6, 29);
	config_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(samples),
		cmocka_unit_test(all_of_them),
		cmocka_unit_test(other_answers),
		cmocka_unit_test(own_keys),
		cmocka_unit_test(guards),
	};

	return cmocka_run_group_tests_name("presets", tests, NULL, NULL);
}
