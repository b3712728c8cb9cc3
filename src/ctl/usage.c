#include "ctl/usage.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "config/suggest.h"

#define OWN_OPTION 256 /* getopt_long's value for the first option of the verb's own */
#define VERBS_MAX 64
#define LONG_OPTIONS_MAX (OPTIONS_MAX + 3)

static const struct option global_options[] = {
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ NULL, 0, NULL, 0 },
};

#define LEFT_WIDTH 29
#define LEFT_NONE "                               " /* two columns and LEFT_WIDTH */

void usage_all(FILE *out, const struct verb *const *verbs)
{
	char left[64];

	fputs("usage: hallowctl [-c FILE] [-o FORMAT] VERB ...\n\n", out);
	for (; *verbs != NULL; verbs++) {
		snprintf(left, sizeof(left), "%s %s", (*verbs)->name, (*verbs)->words);
		fprintf(out, "  %-*s%s%s\n", LEFT_WIDTH, left, strlen(left) < LEFT_WIDTH ? "" : "\n" LEFT_NONE, (*verbs)->summary);
	}
	fprintf(out,
	        "\n"
	        "  -c FILE      the configuration (%s)\n"
	        "  -o FORMAT    text, or json for programs; report also writes html, markdown and csv,\n"
	        "               export csv, jsonl, ocsf and ecs\n"
	        "  --version    print the version\n"
	        "\n"
	        "hallowctl VERB --help tells more, with examples.\n"
	        "Exit status: 0 done; 1 failed; 2 usage or configuration; 3 held, a person must decide;\n"
	        "4 an origin gave no list; 5 enforcement is not in place; 6 the audit log\n"
	        "does not verify.\n",
	        CONFIG_DEFAULT_PATH);
}

void usage_verb(FILE *out, const struct verb *verb)
{
	const struct verb_option *o;
	char left[64];

	fprintf(out, "usage: hallowctl [-c FILE] [-o FORMAT] %s%s%s%s\n\n%s\n", verb->name,
	        *verb->words != '\0' ? " " : "", verb->words,
	        verb->options != NULL && strstr(verb->words, "--") == NULL ? " [options]" : "", verb->about);
	for (o = verb->options; o != NULL && o->name != NULL; o++) {
		snprintf(left, sizeof(left), "--%s %s", o->name, o->value != NULL ? o->value : "");
		fprintf(out, "  %-22s %s\n", left, o->help);
	}
	fprintf(out, "  %-22s %s\n", "-o FORMAT", verb->formats);
	fprintf(out, "  %-22s the configuration (%s)\n", "-c FILE", CONFIG_DEFAULT_PATH);
	fprintf(out, "\nExamples:\n%s", verb->examples);
}

/* The option that getopt_long just complained of; a short one may stand among others in one word. */
static const char *option_text(char **argv, char letter[3])
{
	const char *word = argv[optind - 1];

	if (optopt == 0 || optopt >= OWN_OPTION || strncmp(word, "--", 2) == 0)
		return word;
	letter[0] = '-';
	letter[1] = (char)optopt;
	letter[2] = '\0';
	return letter;
}

/* getopt's own messages are replaced, so that each says what to do. */
static int bad_option(char **argv, int code, const struct option *options, const char *help)
{
	char letter[3];
	const char *text = option_text(argv, letter);
	struct suggestion s;

	if (code == ':')
		return ctl_fail(EXIT_USAGE, "option %s needs a value; see %s", text, help);
	suggest_begin(&s, text + strspn(text, "-"));
	for (; options->name != NULL; options++)
		suggest_consider(&s, options->name);
	if (s.best != NULL)
		return ctl_fail(EXIT_USAGE, "there is no option '%s'; did you mean '--%s'? See %s", text, s.best, help);
	return ctl_fail(EXIT_USAGE, "there is no option '%s' here; see %s", text, help);
}

int usage_parse_global(struct ctl *ctl, const struct verb *const *verbs, int argc, char **argv, int *next,
                       const char **format)
{
	int code;

	opterr = 0;
	optind = 0;
	/* '+': the first word that is no option is the verb. */
	while ((code = getopt_long(argc, argv, "+:hVc:o:", global_options, NULL)) != -1) {
		switch (code) {
		case 'h':
			usage_all(stdout, verbs);
			return EXIT_DONE;
		case 'V':
			puts("hallowctl " PACKAGE_VERSION);
			return EXIT_DONE;
		case 'c':
			ctl->config_path = optarg;
			break;
		case 'o':
			*format = optarg;
			break;
		default:
			return bad_option(argv, code, global_options, "hallowctl --help");
		}
	}
	if (optind < argc) {
		*next = optind;
		return -1;
	}
	usage_all(stderr, verbs);
	return EXIT_USAGE;
}

/* The verb's own options, and the global ones behind them. */
static void make_options(const struct verb *verb, struct option options[LONG_OPTIONS_MAX])
{
	int i = 0;

	for (; verb->options != NULL && verb->options[i].name != NULL; i++) {
		options[i] = (struct option){ .name = verb->options[i].name, .val = OWN_OPTION + i };
		options[i].has_arg = verb->options[i].value != NULL ? required_argument : no_argument;
	}
	memcpy(&options[i], global_options, sizeof(global_options));
}

static int check_words(const struct verb *verb, const struct arguments *args)
{
	if (args->count < verb->min)
		return ctl_fail(EXIT_USAGE, "%s needs %s; see hallowctl %s --help", verb->name, verb->words,
		                verb->name);
	if (args->count > verb->max)
		return ctl_fail(EXIT_USAGE, "'%s' is one argument too many for %s; see hallowctl %s --help",
		                args->words[verb->max], verb->name, verb->name);
	return -1;
}

int usage_parse_verb(struct ctl *ctl, const struct verb *verb, int argc, char **argv, struct arguments *args,
                     const char **format)
{
	struct option options[LONG_OPTIONS_MAX];
	char help[64];
	int code;

	snprintf(help, sizeof(help), "hallowctl %s --help", verb->name);
	make_options(verb, options);
	optind = 0;
	while ((code = getopt_long(argc, argv, ":hVc:o:", options, NULL)) != -1) {
		if (code >= OWN_OPTION && args->option[code - OWN_OPTION] != NULL)
			return ctl_fail(EXIT_USAGE, "option --%s is given twice",
			                verb->options[code - OWN_OPTION].name);
		if (code >= OWN_OPTION) {
			args->option[code - OWN_OPTION] = optarg != NULL ? optarg : "";
			continue;
		}
		switch (code) {
		case 'h':
			usage_verb(stdout, verb);
			return EXIT_DONE;
		case 'V':
			puts("hallowctl " PACKAGE_VERSION);
			return EXIT_DONE;
		case 'c':
			ctl->config_path = optarg;
			break;
		case 'o':
			*format = optarg;
			break;
		default:
			return bad_option(argv, code, options, help);
		}
	}
	args->words = argv + optind;
	args->count = (size_t)(argc - optind);
	return check_words(verb, args);
}

static const struct {
	const char *name;
	enum output format;
} formats[] = {
	{ "text", OUTPUT_TEXT }, { "json", OUTPUT_JSON },         { "csv", OUTPUT_CSV },
	{ "html", OUTPUT_HTML }, { "markdown", OUTPUT_MARKDOWN }, { "md", OUTPUT_MARKDOWN },
	{ "ocsf", OUTPUT_OCSF }, { "jsonl", OUTPUT_JSONL },       { "ecs", OUTPUT_ECS },
};

/* Whether "text, json" names it. */
static bool writes(const struct verb *verb, const char *format)
{
	size_t len = strlen(format);

	for (const char *at = verb->formats; *at != '\0'; at += strspn(at, ", ")) {
		size_t word = strcspn(at, ", ");

		if (word == len && strncmp(at, format, len) == 0)
			return true;
		at += word;
	}
	return false;
}

int usage_set_format(struct ctl *ctl, const struct verb *verb, const char *format)
{
	ctl->format = OUTPUT_TEXT;
	if (format == NULL)
		return -1;
	for (size_t i = 0; i < sizeof(formats) / sizeof(*formats); i++) {
		if (strcmp(formats[i].name, format) != 0 || !writes(verb, format))
			continue;
		ctl->format = formats[i].format;
		return -1;
	}
	return ctl_fail(EXIT_USAGE, "%s does not write '%s'; it writes %s", verb->name, format, verb->formats);
}

const struct verb *usage_find_verb(const struct verb *const *verbs, const char *name)
{
	const char *names[VERBS_MAX];
	size_t count = 0;

	for (; *verbs != NULL; verbs++) {
		if (strcmp((*verbs)->name, name) == 0)
			return *verbs;
		if (count < VERBS_MAX)
			names[count++] = (*verbs)->name;
	}
	ctl_unknown("verb", name, names, count);
	return NULL;
}
