/* Numbers as they are stored to text, in SQL alone, for the views and for those who must see what the views show.  Inside
 * src/audit only. */
#ifndef HALLOWD_AUDIT_VIEW_SQL_H
#define HALLOWD_AUDIT_VIEW_SQL_H

#define TIME(t) "strftime('%Y-%m-%dT%H:%M:%S', (" t ") / 1000000, 'unixepoch') || printf('.%06dZ', (" t ") % 1000000)"

#define OCTET(n, shift) "((((" n ") + 2147483648) >> " shift ") & 255)"
#define IPV4(n) OCTET(n, "24") " || '.' || " OCTET(n, "16") " || '.' || " OCTET(n, "8") " || '.' || " OCTET(n, "0")

/* RFC 5952, as inet_ntop(3) has it: each group without leading zeros, in lower case; the longest run of two or more
 * zero groups, the first of equals, as '::'; the last four bytes of an IPv4-mapped or -compatible address in decimal.
 * `h` is the address in hexadecimal, `s` its groups, each between colons. */
#define GROUP(at) "coalesce(nullif(ltrim(substr(h, " at ", 4), '0'), ''), '0')"
#define GROUPS \
	"':' || " GROUP("1") " || ':' || " GROUP("5") " || ':' || " GROUP("9") " || ':' || " GROUP("13") " || ':' || " \
	GROUP("17") " || ':' || " GROUP("21") " || ':' || " GROUP("25") " || ':' || " GROUP("29") " || ':'"
#define RUN(zeros, length) \
	"WHEN instr(s, '" zeros "') > 0 THEN ltrim(substr(s, 1, instr(s, '" zeros "') - 1), ':') || '::' ||" \
	" rtrim(substr(s, instr(s, '" zeros "') + " length "), ':') "
#define DIGIT(at) "(instr('123456789abcdef', substr(h, " at ", 1)))"
#define BYTE(high, low) "(" DIGIT(high) " * 16 + " DIGIT(low) ")"
#define MAPPED "h LIKE '00000000000000000000ffff%'"
#define COMPATIBLE "(h LIKE '000000000000000000000000%' AND substr(h, 25, 4) <> '0000')"
#define LAST_FOUR \
	BYTE("25", "26") " || '.' || " BYTE("27", "28") " || '.' || " BYTE("29", "30") " || '.' || " BYTE("31", "32")
#define IPV6(a) \
	"(SELECT CASE WHEN " MAPPED " THEN '::ffff:' || " LAST_FOUR " WHEN " COMPATIBLE " THEN '::' || " LAST_FOUR " " \
	RUN(":0:0:0:0:0:0:0:0:", "17") RUN(":0:0:0:0:0:0:0:", "15") RUN(":0:0:0:0:0:0:", "13") RUN(":0:0:0:0:0:", "11") \
	RUN(":0:0:0:0:", "9") RUN(":0:0:0:", "7") RUN(":0:0:", "5") "ELSE trim(s, ':') END " \
	"FROM (SELECT h, " GROUPS " AS s FROM (SELECT lower(hex(" a ")) AS h)))"

#define ADDRESS(a) "CASE typeof(" a ") WHEN 'integer' THEN " IPV4(a) " ELSE " IPV6(a) " END"
#define PROTOCOL(p) \
	"CASE " p " WHEN 6 THEN 'tcp' WHEN 17 THEN 'udp' WHEN 132 THEN 'sctp' ELSE CAST(" p " AS TEXT) END"
#define VERDICT(v) "CASE " v " WHEN 0 THEN 'allow' ELSE 'deny' END"
#define VIA(v) "CASE " v " WHEN 0 THEN 'kernel' ELSE 'mirror' END"

#endif
