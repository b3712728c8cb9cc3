/* Applies what a unit says of system calls, as the service manager does right before it starts a program:
 * unit_exec CALLS FAMILIES PROGRAM [ARGUMENT...]
 * CALLS: a file with a name in each line.  FAMILIES: numbers of address families, with spaces.  Whatever else is asked fails
 * with EPERM (families: EAFNOSUPPORT); memory that is written and run is refused where the kernel can. */
#include <errno.h>
#include <seccomp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#ifndef PR_SET_MDWE
#define PR_SET_MDWE 65 /* linux/prctl.h, since 6.3 */
#endif

static int allow_calls(scmp_filter_ctx filter, const char *path)
{
	FILE *file = fopen(path, "re");
	char name[64];

	if (file == NULL)
		return -1;
	while (fscanf(file, "%63s", name) == 1) {
		int number = seccomp_syscall_resolve_name(name);

		if (number != __NR_SCMP_ERROR && strcmp(name, "socket") != 0 &&
		    seccomp_rule_add(filter, SCMP_ACT_ALLOW, number, 0) != 0)
			return -1;
	}
	fclose(file);
	return 0;
}

static int allow_families(scmp_filter_ctx filter, char *numbers)
{
	for (char *word = strtok(numbers, " "); word != NULL; word = strtok(NULL, " "))
		if (seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1,
		                     SCMP_A0(SCMP_CMP_MASKED_EQ, UINT32_MAX, (uint64_t)atoi(word))) != 0)
			return -1;
	return 0;
}

int main(int argc, char **argv)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));

	if (argc < 4 || filter == NULL || allow_calls(filter, argv[1]) == -1 || allow_families(filter, argv[2]) == -1) {
		fputs("unit_exec: the unit's filter cannot be made\n", stderr);
		return 125;
	}
	(void)prctl(PR_SET_MDWE, 1UL, 0UL, 0UL, 0UL);
	if (seccomp_load(filter) != 0) {
		fputs("unit_exec: the kernel does not take the unit's filter\n", stderr);
		return 125;
	}
	execv(argv[3], argv + 3);
	perror(argv[3]);
	return 126;
}
