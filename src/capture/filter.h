/* Filters of packets in libpcap's language, pcap-filter(7). */
#ifndef HALLOWD_CAPTURE_FILTER_H
#define HALLOWD_CAPTURE_FILTER_H

#include <pcap/pcap.h>

#include "core/error.h"

#define FILTER_SNAPLEN 65535

/* For frames of this link type (DLT_*); "" lets all through.  0 with *program (pcap_freecode), or -1 with *err.
 * Names of hosts and services in it are looked up. */
int filter_compile(struct bpf_program *program, const char *filter, int link, struct error *err);

#endif
