"""Sends ICMP echo requests; prints how many were answered.

usage: echo_request.py SOURCE DESTINATION [COUNT]

Each goes out once, and is waited for a second at most, all together.
"""
import socket
import struct
import sys
import time


def checksum(data):
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total > 0xffff:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def main():
    source, destination = sys.argv[1:3]
    count = int(sys.argv[3]) if len(sys.argv) > 3 else 1
    v6 = ":" in destination
    s = socket.socket(socket.AF_INET6 if v6 else socket.AF_INET, socket.SOCK_RAW,
                      socket.IPPROTO_ICMPV6 if v6 else socket.IPPROTO_ICMP)
    s.bind((source, 0))
    request, reply = (128, 129) if v6 else (8, 0)
    for number in range(count):
        head = struct.pack("!BBHHH", request, 0, 0, 4711, number)
        packet = head[:2] + struct.pack("!H", 0 if v6 else checksum(head)) + head[4:]
        s.sendto(packet, (destination, 0))
    answered = 0
    end = time.monotonic() + 1
    while answered < count and time.monotonic() < end:
        s.settimeout(max(0.01, end - time.monotonic()))
        try:
            data, sender = s.recvfrom(2048)
        except socket.timeout:
            break
        at = 0 if v6 else (data[0] & 15) * 4
        answered += sender[0] == destination and data[at] == reply and data[at + 4:at + 6] == struct.pack("!H", 4711)
    print(answered)


main()
