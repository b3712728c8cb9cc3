PRAGMA application_id = 1751215212;
PRAGMA user_version = 1;
PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE endpoint (
  id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, mode TEXT NOT NULL,
  place TEXT NOT NULL, owner TEXT NOT NULL, reason TEXT NOT NULL, lists TEXT NOT NULL, present INTEGER NOT NULL
) STRICT;
INSERT INTO endpoint VALUES(1,'api','kubernetes-api','enforce','203.0.113.10, 2001:db8:10::10 port 5432 tcp','platform','deployments','humanitec,office',1);
INSERT INTO endpoint VALUES(2,'orders','database','enforce','203.0.113.20 port 5432 tcp','','','humanitec',1);
CREATE TABLE decision (
  id INTEGER PRIMARY KEY, endpoint INTEGER NOT NULL, verdict INTEGER NOT NULL, reason TEXT NOT NULL,
  list TEXT NOT NULL, revision ANY NOT NULL, UNIQUE (endpoint, verdict, reason, list, revision)
) STRICT;
INSERT INTO decision VALUES(1,1,0,'listed','humanitec',1);
INSERT INTO decision VALUES(2,1,0,'listed','office',1);
INSERT INTO decision VALUES(3,1,1,'not-listed','humanitec,office','1,1');
INSERT INTO decision VALUES(4,2,0,'listed','humanitec',1);
INSERT INTO decision VALUES(5,2,0,'observed','humanitec',1);
INSERT INTO decision VALUES(6,1,0,'granted','grant:1','');
INSERT INTO decision VALUES(7,1,1,'not-listed','humanitec,office','2,1');
INSERT INTO decision VALUES(8,1,0,'listed','humanitec',2);
INSERT INTO decision VALUES(9,2,1,'not-listed','humanitec',2);
CREATE TABLE target (
  id INTEGER PRIMARY KEY, destination ANY NOT NULL, port INTEGER NOT NULL, protocol INTEGER NOT NULL,
  UNIQUE (destination, port, protocol)
) STRICT;
INSERT INTO target VALUES(1,1258320138,5432,6);
INSERT INTO target VALUES(2,X'20010db8001000000000000000000010',5432,6);
INSERT INTO target VALUES(3,1258320148,5432,6);
CREATE TABLE connection (
  id INTEGER PRIMARY KEY, skew INTEGER NOT NULL, source ANY NOT NULL, source_port INTEGER,
  decision INTEGER NOT NULL, target INTEGER NOT NULL
) STRICT;
INSERT INTO connection VALUES(1795680430173260,0,-1566613191,17603,1,1);
INSERT INTO connection VALUES(1795680430173351,0,-1566613191,7973,1,1);
INSERT INTO connection VALUES(1795680430173966,0,-1566613191,25625,1,1);
INSERT INTO connection VALUES(1795680430240846,0,X'20010db8000100000000000000000005',9651,2,2);
INSERT INTO connection VALUES(1795680430244740,0,X'20010db8000100000000000000000005',20769,2,2);
INSERT INTO connection VALUES(1795680430351077,0,1073742402,10237,3,1);
INSERT INTO connection VALUES(1795680430351152,0,1073742402,10457,3,1);
INSERT INTO connection VALUES(1795680430351306,0,1073742402,23303,3,1);
INSERT INTO connection VALUES(1795680430351413,0,1073742402,10407,3,1);
INSERT INTO connection VALUES(1795680430351434,0,1073742402,4595,3,1);
INSERT INTO connection VALUES(1795680430351718,0,1073742402,9411,3,1);
INSERT INTO connection VALUES(1795680430351760,0,1073742402,26431,3,1);
INSERT INTO connection VALUES(1795680430351997,0,1073742402,22723,3,1);
INSERT INTO connection VALUES(1795680430352125,0,1073742402,13735,3,1);
INSERT INTO connection VALUES(1795680430352159,0,1073742402,23471,3,1);
INSERT INTO connection VALUES(1795680431396744,0,X'20010db80bad00000000000000000066',28137,3,2);
INSERT INTO connection VALUES(1795680431396858,0,X'20010db80bad00000000000000000066',21783,3,2);
INSERT INTO connection VALUES(1795680431400475,0,X'20010db80bad00000000000000000066',17361,3,2);
INSERT INTO connection VALUES(1795680431402269,0,X'20010db80bad00000000000000000066',16199,3,2);
INSERT INTO connection VALUES(1795680431404695,0,X'20010db80bad00000000000000000066',24863,3,2);
INSERT INTO connection VALUES(1795680432468080,0,-1547285920,18629,4,3);
INSERT INTO connection VALUES(1795680432468174,0,-1547285920,10687,4,3);
INSERT INTO connection VALUES(1795680432516937,0,1073742402,19945,5,3);
INSERT INTO connection VALUES(1795680432517594,0,1073742402,20149,5,3);
INSERT INTO connection VALUES(1795680432584599,0,1073742402,6829,6,1);
INSERT INTO connection VALUES(1795680432584734,0,1073742402,13343,6,1);
INSERT INTO connection VALUES(1795680432697107,0,-1571183219,697,7,1);
INSERT INTO connection VALUES(1795680445820809,0,-1566613191,26889,8,1);
INSERT INTO connection VALUES(1795680445822831,0,-1566613191,11257,8,1);
INSERT INTO connection VALUES(1795680445822892,0,-1566613191,18185,8,1);
INSERT INTO connection VALUES(1795680445823050,0,-1566613191,21185,8,1);
INSERT INTO connection VALUES(1795680445902346,0,1073742402,10549,9,3);
INSERT INTO connection VALUES(1795680445903289,0,1073742402,3879,9,3);
CREATE TABLE aggregate (
  id INTEGER PRIMARY KEY, from_time INTEGER NOT NULL, to_time INTEGER NOT NULL, endpoint INTEGER NOT NULL,
  source ANY NOT NULL, target INTEGER NOT NULL, count INTEGER NOT NULL, kernel INTEGER NOT NULL, live INTEGER
) STRICT;
INSERT INTO aggregate VALUES(1,1795680429574927,1795680432530955,1,1073742402,1,30,30,1);
INSERT INTO aggregate VALUES(2,1795680429574927,1795680432530955,1,X'20010db80bad00000000000000000066',2,25,25,1);
CREATE TABLE revision (
  id INTEGER PRIMARY KEY, list TEXT NOT NULL, revision INTEGER NOT NULL, time INTEGER NOT NULL,
  entries INTEGER NOT NULL, added TEXT NOT NULL, removed TEXT NOT NULL, origins TEXT NOT NULL,
  decided_by TEXT NOT NULL, reason TEXT NOT NULL
) STRICT;
INSERT INTO revision VALUES(1,'humanitec',1,1795680428997153,6,'["34.89.165.141/32","34.89.188.214/32","34.141.77.162/32","34.159.97.57/32","34.159.140.35/32","35.198.74.96/32"]','[]','[{"name":"docs","state":"ok","sha256":"dc16cdcc8ac63dbc570a534075229a4e1fa80bfea54a1d4f9d815ba1a40036ad","bytes":82,"entries":6,"http_status":null,"fetched_at":"2026-11-26T08:07:08.961878Z"},{"name":"provider","state":"ok","sha256":"69e9d52b7b06657c7fab2c637f13ddd9ae878175f04b807e72b828c2a7e0578f","bytes":369,"entries":12,"http_status":null,"fetched_at":"2026-11-26T08:07:08.988123Z"}]','guards','');
INSERT INTO revision VALUES(2,'office',1,1795680428997153,2,'["198.51.100.7/32","2001:db8:1::/64"]','[]','[]','configuration','');
INSERT INTO revision VALUES(3,'humanitec',2,1795680432619770,5,'[]','["34.89.165.141/32"]','[{"name":"docs","state":"ok","sha256":"033f7aa190bbdf1e99e3d5d02bb739ef2472c50b6955bfe6a0611a20c89dbbdf","bytes":68,"entries":5,"http_status":null,"fetched_at":"2026-11-26T08:07:12.601024Z"},{"name":"provider","state":"ok","sha256":"69e9d52b7b06657c7fab2c637f13ddd9ae878175f04b807e72b828c2a7e0578f","bytes":369,"entries":12,"http_status":null,"fetched_at":"2026-11-26T08:07:12.619515Z"}]','guards','');
CREATE TABLE event (
  id INTEGER PRIMARY KEY, time INTEGER NOT NULL, kind TEXT NOT NULL, subject TEXT NOT NULL, detail TEXT NOT NULL
) STRICT;
INSERT INTO event VALUES(1,1795680428940808,'start','hallowd','{"pid":28729,"version":"0.1.0"}');
INSERT INTO event VALUES(2,1795680429012626,'refresh','humanitec','{"outcome":"applied","revision":1,"reasons":[],"origins":[{"name":"docs","state":"ok","sha256":"dc16cdcc8ac63dbc570a534075229a4e1fa80bfea54a1d4f9d815ba1a40036ad","bytes":82,"entries":6,"http_status":null,"fetched_at":"2026-11-26T08:07:08.961878Z"},{"name":"provider","state":"ok","sha256":"69e9d52b7b06657c7fab2c637f13ddd9ae878175f04b807e72b828c2a7e0578f","bytes":369,"entries":12,"http_status":null,"fetched_at":"2026-11-26T08:07:08.988123Z"}]}');
INSERT INTO event VALUES(3,1795680432533427,'granted','api','{"id":1,"source":"192.0.2.66/32","until":"2026-11-26T08:12:12Z","by":"root","reason":"incident 17: it''s urgent"}');
INSERT INTO event VALUES(4,1795680432636625,'refresh','humanitec','{"outcome":"applied","revision":2,"reasons":[],"origins":[{"name":"docs","state":"ok","sha256":"033f7aa190bbdf1e99e3d5d02bb739ef2472c50b6955bfe6a0611a20c89dbbdf","bytes":68,"entries":5,"http_status":null,"fetched_at":"2026-11-26T08:07:12.601024Z"},{"name":"provider","state":"ok","sha256":"69e9d52b7b06657c7fab2c637f13ddd9ae878175f04b807e72b828c2a7e0578f","bytes":369,"entries":12,"http_status":null,"fetched_at":"2026-11-26T08:07:12.619515Z"}]}');
INSERT INTO event VALUES(5,1795680445733098,'start','hallowd','{"pid":30776,"version":"0.1.0"}');
INSERT INTO event VALUES(6,1795680445848769,'reload','/etc/hallowd/hallowd.yaml','{"by":"root","ok":true}');
CREATE TABLE segment (
  id INTEGER PRIMARY KEY, endpoint INTEGER NOT NULL, from_time INTEGER NOT NULL, to_time INTEGER NOT NULL,
  state INTEGER NOT NULL
) STRICT;
INSERT INTO segment VALUES(1,1,1795680428997153,1795680455772727,0);
INSERT INTO segment VALUES(2,2,1795680428997153,1795680445848769,1);
INSERT INTO segment VALUES(3,2,1795680445848769,1795680455772727,0);
CREATE TABLE tally (
  hour INTEGER NOT NULL, endpoint INTEGER NOT NULL, verdict INTEGER NOT NULL, from_time INTEGER NOT NULL,
  to_time INTEGER NOT NULL, counted INTEGER NOT NULL, recorded INTEGER NOT NULL, aggregated INTEGER NOT NULL,
  lost INTEGER NOT NULL, PRIMARY KEY (hour, endpoint, verdict), CHECK (counted = recorded + aggregated + lost)
) STRICT, WITHOUT ROWID;
INSERT INTO tally VALUES(498800,1,0,1795680429574927,1795680445848355,11,11,0,0);
INSERT INTO tally VALUES(498800,1,1,1795680429574927,1795680439056691,71,16,55,0);
INSERT INTO tally VALUES(498800,2,0,1795680429574927,1795680432530955,4,4,0,0);
INSERT INTO tally VALUES(498800,2,1,1795680445848355,1795680455772727,2,2,0,0);
CREATE TABLE pool (
  endpoint INTEGER NOT NULL, verdict INTEGER NOT NULL, handle INTEGER NOT NULL, kernel INTEGER NOT NULL,
  recorded INTEGER NOT NULL, aggregated INTEGER NOT NULL, next INTEGER NOT NULL, late INTEGER NOT NULL,
  carried INTEGER NOT NULL, PRIMARY KEY (endpoint, verdict)
) STRICT, WITHOUT ROWID;
INSERT INTO pool VALUES(1,0,1,11,0,0,0,0,0);
INSERT INTO pool VALUES(1,1,3,71,0,0,0,0,0);
INSERT INTO pool VALUES(2,0,2,4,0,0,0,0,0);
INSERT INTO pool VALUES(2,1,4,2,0,0,0,0,0);
CREATE TABLE state (
  id INTEGER PRIMARY KEY CHECK (id = 1), seq INTEGER NOT NULL, nflog_socket INTEGER NOT NULL,
  nflog_seq INTEGER NOT NULL, unreported INTEGER NOT NULL, epoch TEXT NOT NULL, reading_time INTEGER NOT NULL,
  drained_time INTEGER NOT NULL, baseline INTEGER NOT NULL, last_id INTEGER NOT NULL
) STRICT;
INSERT INTO state VALUES(1,9,1923022,32,0,'78e37302-d7c5-4c98-b225-8b09b8493621:4026532453:2',1795680455772727,1795680456274478,0,1795680445903289);
CREATE INDEX connection_skewed ON connection (skew) WHERE skew < -1000000;
CREATE INDEX aggregate_live ON aggregate (live) WHERE live = 1;
CREATE INDEX revision_time ON revision (list, time);
CREATE INDEX segment_endpoint ON segment (endpoint, id);
CREATE VIEW connections (
  id, time, endpoint, verdict, reason, source, source_port, destination, destination_port, protocol, list,
  revision, packets, bytes_in, bytes_out, duration_ms
) AS SELECT
  c.id, strftime('%Y-%m-%dT%H:%M:%S', (c.id + c.skew) / 1000000, 'unixepoch') || printf('.%06dZ', (c.id + c.skew) % 1000000), e.name, CASE d.verdict WHEN 0 THEN 'allow' ELSE 'deny' END, d.reason,
  CASE typeof(c.source) WHEN 'integer' THEN ((((c.source) + 2147483648) >> 24) & 255) || '.' || ((((c.source) + 2147483648) >> 16) & 255) || '.' || ((((c.source) + 2147483648) >> 8) & 255) || '.' || ((((c.source) + 2147483648) >> 0) & 255) ELSE (SELECT CASE WHEN h LIKE '00000000000000000000ffff%' THEN '::ffff:' || ((instr('123456789abcdef', substr(h, 25, 1))) * 16 + (instr('123456789abcdef', substr(h, 26, 1)))) || '.' || ((instr('123456789abcdef', substr(h, 27, 1))) * 16 + (instr('123456789abcdef', substr(h, 28, 1)))) || '.' || ((instr('123456789abcdef', substr(h, 29, 1))) * 16 + (instr('123456789abcdef', substr(h, 30, 1)))) || '.' || ((instr('123456789abcdef', substr(h, 31, 1))) * 16 + (instr('123456789abcdef', substr(h, 32, 1)))) WHEN (h LIKE '000000000000000000000000%' AND substr(h, 25, 4) <> '0000') THEN '::' || ((instr('123456789abcdef', substr(h, 25, 1))) * 16 + (instr('123456789abcdef', substr(h, 26, 1)))) || '.' || ((instr('123456789abcdef', substr(h, 27, 1))) * 16 + (instr('123456789abcdef', substr(h, 28, 1)))) || '.' || ((instr('123456789abcdef', substr(h, 29, 1))) * 16 + (instr('123456789abcdef', substr(h, 30, 1)))) || '.' || ((instr('123456789abcdef', substr(h, 31, 1))) * 16 + (instr('123456789abcdef', substr(h, 32, 1)))) WHEN instr(s, ':0:0:0:0:0:0:0:0:') > 0 THEN ltrim(substr(s, 1, instr(s, ':0:0:0:0:0:0:0:0:') - 1), ':') || '::' || rtrim(substr(s, instr(s, ':0:0:0:0:0:0:0:0:') + 17), ':') WHEN instr(s, ':0:0:0:0:0:0:0:') > 0 THEN ltrim(substr(s, 1, instr(s, ':0:0:0:0:0:0:0:') - 1), ':') || '::' || rtrim(substr(s, instr(s, ':0:0:0:0:0:0:0:') + 15), ':') WHEN instr(s, ':0:0:0:0:0:0:') > 0 THEN ltrim(substr(s, 1, instr(s, ':0:0:0:0:0:0:') - 1), ':') || '::' || rtrim(substr(s, instr(s, ':0:0:0:0:0:0:') + 13), ':') WHEN instr(s, ':0:0:0:0:0:') > 0 THEN ltrim(substr(s, 1, instr(s, ':0:0:0:0:0:') - 1), ':') || '::' || rtrim(substr(s, instr(s, ':0:0:0:0:0:') + 11), ':') WHEN instr(s, ':0:0:0:0:') > 0 THEN ltrim(substr(s, 1, instr(s, ':0:0:0:0:') - 1), ':') || '::' || rtrim(substr(s, instr(s, ':0:0:0:0:') + 9), ':') WHEN instr(s, ':0:0:0:') > 0 THEN ltrim(substr(s, 1, instr(s, ':0:0:0:') - 1), ':') || '::' || rtrim(substr(s, instr(s, ':0:0:0:') + 7), ':') WHEN instr(s, ':0:0:') > 0 THEN ltrim(substr(s, 1, instr(s, ':0:0:') - 1), ':') || '::' || rtrim(substr(s, instr(s, ':0:0:') + 5), ':') ELSE trim(s, ':') END FROM (SELECT h, ':' || coalesce(nullif(ltrim(substr(h, 1, 4), '0'), ''), '0') || ':' || coalesce(nullif(ltrim(substr(h, 5, 4), '0'), ''), '0') || ':' || coalesce(nullif(ltrim(substr(h, 9, 4), '0'), ''), '0') || ':' || coalesce(nullif(ltrim(substr(h, 13, 4), '0'), ''), '0') || ':' || coalesce(nullif(ltrim(substr(h, 17, 4), '0'), ''), '0') || ':' || coalesce(nullif(ltrim(substr(h, 21, 4), '0'), ''), '0') || ':' || coalesce(nullif(ltrim(substr(h, 25, 4), '0'), ''), '0') || ':' || coalesce(nullif(ltrim(substr(h, 29, 4), '0'), ''), '0') || ':' AS s FROM (SELECT lower(hex(c.source)) AS h))) END, c.source_port + 32768,
  CASE typeof(t.destination) WHEN 'integer' THEN ((((t.destination) + 2147483648) >> 24) & 255) || '.' || ((((t.destination) + 2147483648) >> 16) & 255) || '.' || ((((t.destination) + 2147483648) >> 8) & 255) || '.' || ((((t.destination) + 2147483648) >> 0) & 255) ELSE (SELECT CASE WHEN h LIKE '00000000000000000000ffff%' THEN '::ffff:' || ((instr('123456789abcdef', substr(h, 25, 1))) * 16 + (instr('123456789abcdef', substr(h, 26, 1)))) || '.' || ((instr('123456789abcdef', substr(h, 27, 1))) * 16 + (instr('123456789abcdef', substr(h, 28, 1)))) || '.' || ((instr('123456789abcdef', substr(h, 29, 1))) * 16 + (instr('123456789abcdef', substr(h, 30, 1)))) || '.' || ((instr('123456789abcdef', substr(h, 31, 1))) * 16 + (instr('123456789abcdef', substr(h, 32, 1)))) WHEN (h LIKE '000000000000000000000000%' AND substr(h, 25, 4) <> '0000') THEN '::' || ((instr('123456789abcdef', substr(h, 25, 1))) * 16 + (instr('123456789abcdef', substr(h, 26, 1)))) || '.' || ((instr('123456789abcdef', substr(h, 27, 1))) * 16 + (instr('123456789abcdef', substr(h, 28, 1)))) || '.' || ((instr('123456789abcdef', substr(h, 29, 1))) * 16 + (instr('123456789abcdef', substr(h, 30, 1)))) || '.' || ((instr('123456789abcdef', substr(h, 31, 1))) * 16 + (instr('123456789abcdef', substr(h, 32, 1)))) WHEN instr(s, ':0:0:0:0:0:0:0:0:') > 0 THEN ltrim(substr(s, 1, instr(s, ':0:0:0:0:0:0:0:0:') - 1), ':') || '::' || rtrim(substr(s, instr(s, ':0:0:0:0:0:0:0:0:') + 17), ':') WHEN instr(s, ':0:0:0:0:0:0:0:') > 0 THEN ltrim(substr(s, 1, instr(s, ':0:0:0:0:0:0:0:') - 1), ':') || '::' || rtrim(substr(s, instr(s, ':0:0:0:0:0:0:0:') + 15), ':') WHEN instr(s, ':0:0:0:0:0:0:') > 0 THEN ltrim(substr(s, 1, instr(s, ':0:0:0:0:0:0:') - 1), ':') || '::' || rtrim(substr(s, instr(s, ':0:0:0:0:0:0:') + 13), ':') WHEN instr(s, ':0:0:0:0:0:') > 0 THEN ltrim(substr(s, 1, instr(s, ':0:0:0:0:0:') - 1), ':') || '::' || rtrim(substr(s, instr(s, ':0:0:0:0:0:') + 11), ':') WHEN instr(s, ':0:0:0:0:') > 0 THEN ltrim(substr(s, 1, instr(s, ':0:0:0:0:') - 1), ':') || '::' || rtrim(substr(s, instr(s, ':0:0:0:0:') + 9), ':') WHEN instr(s, ':0:0:0:') > 0 THEN ltrim(substr(s, 1, instr(s, ':0:0:0:') - 1), ':') || '::' || rtrim(substr(s, instr(s, ':0:0:0:') + 7), ':') WHEN instr(s, ':0:0:') > 0 THEN ltrim(substr(s, 1, instr(s, ':0:0:') - 1), ':') || '::' || rtrim(substr(s, instr(s, ':0:0:') + 5), ':') ELSE trim(s, ':') END FROM (SELECT h, ':' || coalesce(nullif(ltrim(substr(h, 1, 4), '0'), ''), '0') || ':' || coalesce(nullif(ltrim(substr(h, 5, 4), '0'), ''), '0') || ':' || coalesce(nullif(ltrim(substr(h, 9, 4), '0'), ''), '0') || ':' || coalesce(nullif(ltrim(substr(h, 13, 4), '0'), ''), '0') || ':' || coalesce(nullif(ltrim(substr(h, 17, 4), '0'), ''), '0') || ':' || coalesce(nullif(ltrim(substr(h, 21, 4), '0'), ''), '0') || ':' || coalesce(nullif(ltrim(substr(h, 25, 4), '0'), ''), '0') || ':' || coalesce(nullif(ltrim(substr(h, 29, 4), '0'), ''), '0') || ':' AS s FROM (SELECT lower(hex(t.destination)) AS h))) END, nullif(t.port, -1), CASE t.protocol WHEN 6 THEN 'tcp' WHEN 17 THEN 'udp' WHEN 132 THEN 'sctp' ELSE CAST(t.protocol AS TEXT) END,
  nullif(d.list, ''), nullif(d.revision, ''), NULL, NULL, NULL, NULL
FROM connection c CROSS JOIN decision d ON d.id = c.decision CROSS JOIN endpoint e ON e.id = d.endpoint
  CROSS JOIN target t ON t.id = c.target;
CREATE VIEW aggregates (
  from_time, to_time, endpoint, source, destination, destination_port, protocol, count
) AS SELECT
  strftime('%Y-%m-%dT%H:%M:%S', (a.from_time) / 1000000, 'unixepoch') || printf('.%06dZ', (a.from_time) % 1000000), strftime('%Y-%m-%dT%H:%M:%S', (a.to_time) / 1000000, 'unixepoch') || printf('.%06dZ', (a.to_time) % 1000000), e.name, CASE typeof(a.source) WHEN 'integer' THEN ((((a.source) + 2147483648) >> 24) & 255) || '.' || ((((a.source) + 2147483648) >> 16) & 255) || '.' || ((((a.source) + 2147483648) >> 8) & 255) || '.' || ((((a.source) + 2147483648) >> 0) & 255) ELSE (SELECT CASE WHEN h LIKE '00000000000000000000ffff%' THEN '::ffff:' || ((instr('123456789abcdef', substr(h, 25, 1))) * 16 + (instr('123456789abcdef', substr(h, 26, 1)))) || '.' || ((instr('123456789abcdef', substr(h, 27, 1))) * 16 + (instr('123456789abcdef', substr(h, 28, 1)))) || '.' || ((instr('123456789abcdef', substr(h, 29, 1))) * 16 + (instr('123456789abcdef', substr(h, 30, 1)))) || '.' || ((instr('123456789abcdef', substr(h, 31, 1))) * 16 + (instr('123456789abcdef', substr(h, 32, 1)))) WHEN (h LIKE '000000000000000000000000%' AND substr(h, 25, 4) <> '0000') THEN '::' || ((instr('123456789abcdef', substr(h, 25, 1))) * 16 + (instr('123456789abcdef', substr(h, 26, 1)))) || '.' || ((instr('123456789abcdef', substr(h, 27, 1))) * 16 + (instr('123456789abcdef', substr(h, 28, 1)))) || '.' || ((instr('123456789abcdef', substr(h, 29, 1))) * 16 + (instr('123456789abcdef', substr(h, 30, 1)))) || '.' || ((instr('123456789abcdef', substr(h, 31, 1))) * 16 + (instr('123456789abcdef', substr(h, 32, 1)))) WHEN instr(s, ':0:0:0:0:0:0:0:0:') > 0 THEN ltrim(substr(s, 1, instr(s, ':0:0:0:0:0:0:0:0:') - 1), ':') || '::' || rtrim(substr(s, instr(s, ':0:0:0:0:0:0:0:0:') + 17), ':') WHEN instr(s, ':0:0:0:0:0:0:0:') > 0 THEN ltrim(substr(s, 1, instr(s, ':0:0:0:0:0:0:0:') - 1), ':') || '::' || rtrim(substr(s, instr(s, ':0:0:0:0:0:0:0:') + 15), ':') WHEN instr(s, ':0:0:0:0:0:0:') > 0 THEN ltrim(substr(s, 1, instr(s, ':0:0:0:0:0:0:') - 1), ':') || '::' || rtrim(substr(s, instr(s, ':0:0:0:0:0:0:') + 13), ':') WHEN instr(s, ':0:0:0:0:0:') > 0 THEN ltrim(substr(s, 1, instr(s, ':0:0:0:0:0:') - 1), ':') || '::' || rtrim(substr(s, instr(s, ':0:0:0:0:0:') + 11), ':') WHEN instr(s, ':0:0:0:0:') > 0 THEN ltrim(substr(s, 1, instr(s, ':0:0:0:0:') - 1), ':') || '::' || rtrim(substr(s, instr(s, ':0:0:0:0:') + 9), ':') WHEN instr(s, ':0:0:0:') > 0 THEN ltrim(substr(s, 1, instr(s, ':0:0:0:') - 1), ':') || '::' || rtrim(substr(s, instr(s, ':0:0:0:') + 7), ':') WHEN instr(s, ':0:0:') > 0 THEN ltrim(substr(s, 1, instr(s, ':0:0:') - 1), ':') || '::' || rtrim(substr(s, instr(s, ':0:0:') + 5), ':') ELSE trim(s, ':') END FROM (SELECT h, ':' || coalesce(nullif(ltrim(substr(h, 1, 4), '0'), ''), '0') || ':' || coalesce(nullif(ltrim(substr(h, 5, 4), '0'), ''), '0') || ':' || coalesce(nullif(ltrim(substr(h, 9, 4), '0'), ''), '0') || ':' || coalesce(nullif(ltrim(substr(h, 13, 4), '0'), ''), '0') || ':' || coalesce(nullif(ltrim(substr(h, 17, 4), '0'), ''), '0') || ':' || coalesce(nullif(ltrim(substr(h, 21, 4), '0'), ''), '0') || ':' || coalesce(nullif(ltrim(substr(h, 25, 4), '0'), ''), '0') || ':' || coalesce(nullif(ltrim(substr(h, 29, 4), '0'), ''), '0') || ':' AS s FROM (SELECT lower(hex(a.source)) AS h))) END,
  CASE typeof(t.destination) WHEN 'integer' THEN ((((t.destination) + 2147483648) >> 24) & 255) || '.' || ((((t.destination) + 2147483648) >> 16) & 255) || '.' || ((((t.destination) + 2147483648) >> 8) & 255) || '.' || ((((t.destination) + 2147483648) >> 0) & 255) ELSE (SELECT CASE WHEN h LIKE '00000000000000000000ffff%' THEN '::ffff:' || ((instr('123456789abcdef', substr(h, 25, 1))) * 16 + (instr('123456789abcdef', substr(h, 26, 1)))) || '.' || ((instr('123456789abcdef', substr(h, 27, 1))) * 16 + (instr('123456789abcdef', substr(h, 28, 1)))) || '.' || ((instr('123456789abcdef', substr(h, 29, 1))) * 16 + (instr('123456789abcdef', substr(h, 30, 1)))) || '.' || ((instr('123456789abcdef', substr(h, 31, 1))) * 16 + (instr('123456789abcdef', substr(h, 32, 1)))) WHEN (h LIKE '000000000000000000000000%' AND substr(h, 25, 4) <> '0000') THEN '::' || ((instr('123456789abcdef', substr(h, 25, 1))) * 16 + (instr('123456789abcdef', substr(h, 26, 1)))) || '.' || ((instr('123456789abcdef', substr(h, 27, 1))) * 16 + (instr('123456789abcdef', substr(h, 28, 1)))) || '.' || ((instr('123456789abcdef', substr(h, 29, 1))) * 16 + (instr('123456789abcdef', substr(h, 30, 1)))) || '.' || ((instr('123456789abcdef', substr(h, 31, 1))) * 16 + (instr('123456789abcdef', substr(h, 32, 1)))) WHEN instr(s, ':0:0:0:0:0:0:0:0:') > 0 THEN ltrim(substr(s, 1, instr(s, ':0:0:0:0:0:0:0:0:') - 1), ':') || '::' || rtrim(substr(s, instr(s, ':0:0:0:0:0:0:0:0:') + 17), ':') WHEN instr(s, ':0:0:0:0:0:0:0:') > 0 THEN ltrim(substr(s, 1, instr(s, ':0:0:0:0:0:0:0:') - 1), ':') || '::' || rtrim(substr(s, instr(s, ':0:0:0:0:0:0:0:') + 15), ':') WHEN instr(s, ':0:0:0:0:0:0:') > 0 THEN ltrim(substr(s, 1, instr(s, ':0:0:0:0:0:0:') - 1), ':') || '::' || rtrim(substr(s, instr(s, ':0:0:0:0:0:0:') + 13), ':') WHEN instr(s, ':0:0:0:0:0:') > 0 THEN ltrim(substr(s, 1, instr(s, ':0:0:0:0:0:') - 1), ':') || '::' || rtrim(substr(s, instr(s, ':0:0:0:0:0:') + 11), ':') WHEN instr(s, ':0:0:0:0:') > 0 THEN ltrim(substr(s, 1, instr(s, ':0:0:0:0:') - 1), ':') || '::' || rtrim(substr(s, instr(s, ':0:0:0:0:') + 9), ':') WHEN instr(s, ':0:0:0:') > 0 THEN ltrim(substr(s, 1, instr(s, ':0:0:0:') - 1), ':') || '::' || rtrim(substr(s, instr(s, ':0:0:0:') + 7), ':') WHEN instr(s, ':0:0:') > 0 THEN ltrim(substr(s, 1, instr(s, ':0:0:') - 1), ':') || '::' || rtrim(substr(s, instr(s, ':0:0:') + 5), ':') ELSE trim(s, ':') END FROM (SELECT h, ':' || coalesce(nullif(ltrim(substr(h, 1, 4), '0'), ''), '0') || ':' || coalesce(nullif(ltrim(substr(h, 5, 4), '0'), ''), '0') || ':' || coalesce(nullif(ltrim(substr(h, 9, 4), '0'), ''), '0') || ':' || coalesce(nullif(ltrim(substr(h, 13, 4), '0'), ''), '0') || ':' || coalesce(nullif(ltrim(substr(h, 17, 4), '0'), ''), '0') || ':' || coalesce(nullif(ltrim(substr(h, 21, 4), '0'), ''), '0') || ':' || coalesce(nullif(ltrim(substr(h, 25, 4), '0'), ''), '0') || ':' || coalesce(nullif(ltrim(substr(h, 29, 4), '0'), ''), '0') || ':' AS s FROM (SELECT lower(hex(t.destination)) AS h))) END, nullif(t.port, -1), CASE t.protocol WHEN 6 THEN 'tcp' WHEN 17 THEN 'udp' WHEN 132 THEN 'sctp' ELSE CAST(t.protocol AS TEXT) END, a.count
FROM aggregate a CROSS JOIN endpoint e ON e.id = a.endpoint CROSS JOIN target t ON t.id = a.target
WHERE a.count > 0;
CREATE VIEW list_revisions (
  list, revision, time, added, removed, origins, decided_by, reason, entries
) AS SELECT list, revision, strftime('%Y-%m-%dT%H:%M:%S', (time) / 1000000, 'unixepoch') || printf('.%06dZ', (time) % 1000000), added, removed, origins, decided_by, reason, entries FROM revision;
CREATE VIEW events (time, kind, subject, detail) AS
SELECT strftime('%Y-%m-%dT%H:%M:%S', (time) / 1000000, 'unixepoch') || printf('.%06dZ', (time) % 1000000), kind, subject, detail FROM event;
CREATE VIEW coverage (endpoint, from_time, to_time, state) AS SELECT
  e.name, strftime('%Y-%m-%dT%H:%M:%S', (s.from_time) / 1000000, 'unixepoch') || printf('.%06dZ', (s.from_time) % 1000000), strftime('%Y-%m-%dT%H:%M:%S', (s.to_time) / 1000000, 'unixepoch') || printf('.%06dZ', (s.to_time) % 1000000),
  CASE s.state WHEN 0 THEN 'enforced' WHEN 1 THEN 'observed' ELSE 'unprotected' END
FROM segment s CROSS JOIN endpoint e ON e.id = s.endpoint;
CREATE VIEW tallies (endpoint, verdict, from_time, to_time, counted, recorded, aggregated, lost) AS SELECT
  e.name, CASE t.verdict WHEN 0 THEN 'allow' ELSE 'deny' END, strftime('%Y-%m-%dT%H:%M:%S', (t.from_time) / 1000000, 'unixepoch') || printf('.%06dZ', (t.from_time) % 1000000), strftime('%Y-%m-%dT%H:%M:%S', (t.to_time) / 1000000, 'unixepoch') || printf('.%06dZ', (t.to_time) % 1000000),
  t.counted, t.recorded, t.aggregated, t.lost
FROM tally t CROSS JOIN endpoint e ON e.id = t.endpoint;
CREATE VIEW endpoints (name, kind, mode, place, owner, reason, lists, present) AS
SELECT name, kind, mode, place, owner, reason, lists, present FROM endpoint WHERE kind <> '';
COMMIT;
