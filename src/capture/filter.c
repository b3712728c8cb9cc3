#include "capture/filter.h"

#include <errno.h>

int filter_compile(struct bpf_program *program, const char *filter, int link, struct error *err)
{
	pcap_t *dead = pcap_open_dead(link, FILTER_SNAPLEN);
	int result = 0;

	if (dead == NULL)
		return error_errno(err, ENOMEM, "the filter");
	if (pcap_compile(dead, program, filter, 1, PCAP_NETMASK_UNKNOWN) == -1)
		result = error_set(err, "the filter '%s' is none: %s; expected one of pcap-filter(7), such as 'tcp port 6443'",
		                   filter, pcap_geterr(dead));
	pcap_close(dead);
	return result;
}
