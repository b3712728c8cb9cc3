/* What tallies say against the rows, for those who must see that they fit.  Inside src/audit only. */
#ifndef HALLOWD_AUDIT_SUMS_SQL_H
#define HALLOWD_AUDIT_SUMS_SQL_H

/* Table `sums` (endpoint, verdict, recorded, aggregated): how many packets more the tallies, and the pools that become
 * tallies, say were recorded and aggregated than there are rows for.  `rows` selects how many rows of `connection` there
 * are of each decision.  Exact at every commit: a row is counted in the transaction that writes it.  Where version 1 had
 * deleted rows without a word, event `migrated` says how many. */
#define SUMS(rows) \
	"WITH rows (decision, count) AS MATERIALIZED (" rows ")," \
	" parts (endpoint, verdict, recorded, aggregated) AS (" \
	"SELECT endpoint, verdict, recorded, aggregated FROM tally" \
	" UNION ALL SELECT endpoint, verdict, recorded + next + late, aggregated FROM pool" \
	" UNION ALL SELECT d.endpoint, d.verdict, -r.count, 0 FROM rows r JOIN decision d ON d.id = r.decision WHERE d.via = 0" \
	" UNION ALL SELECT endpoint, 1, 0, -count FROM aggregate" \
	" UNION ALL SELECT n.id, json_extract(g.value, '$.verdict') = 'deny', -json_extract(g.value, '$.recorded')," \
	" -json_extract(g.value, '$.aggregated') FROM event v CROSS JOIN json_each(v.detail, '$.gone') g" \
	" CROSS JOIN endpoint n ON n.name = json_extract(g.value, '$.endpoint') WHERE v.kind = 'migrated')," \
	" sums AS (SELECT endpoint, verdict, sum(recorded) AS recorded, sum(aggregated) AS aggregated FROM parts GROUP BY 1, 2)"

#endif
