/* From a captured frame to the IP packet in it. */
#ifndef HALLOWD_CAPTURE_FRAME_H
#define HALLOWD_CAPTURE_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Whether frames of this link type (DLT_*, pcap/dlt.h) can be read: Ethernet, Linux cooked (both versions), raw IP, BSD
 * loopback. */
bool frame_link_known(int link);

/* The IP packet in the frame, behind up to eight VLAN tags (802.1Q, 802.1ad).  0 with *ip and *ip_len, in the caller's
 * bytes; -1 where there is none, as in a frame of ARP or one that was cut off. */
int frame_ip(int link, const uint8_t *data, size_t len, const uint8_t **ip, size_t *ip_len);

#endif
