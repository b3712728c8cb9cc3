/* What hallowd counts and knows, as metrics: the text of OpenMetrics 1.0, or the older one of Prometheus (text format
 * 0.0.4), which node_exporter's textfile collector and promtool read.  The names are the same. */
#ifndef HALLOWD_METRICS_METRICS_H
#define HALLOWD_METRICS_METRICS_H

#include <jansson.h>
#include <stdio.h>

#include "core/error.h"

/* METRICS_JSON is an array of {name, type, help, samples}, each sample {labels, value}, for programs that have no reader
 * of the others; the names are those of METRICS_OPENMETRICS. */
enum metrics_form { METRICS_OPENMETRICS, METRICS_PROMETHEUS, METRICS_JSON };

#define METRICS_OPENMETRICS_TYPE "application/openmetrics-text; version=1.0.0; charset=utf-8"
#define METRICS_PROMETHEUS_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* Writes the result of `status` (interface: hallowctl(1)) as metrics.  Where `audit` is not an object the audit log could
 * not be read, and its metrics are left out.  0, or -1 where `out` cannot be written or memory ran out. */
int metrics_write(FILE *out, const json_t *status, enum metrics_form form);

/* The program hallowd-metrics: answers GET /metrics on the listening socket.  For each it asks hallowd through the other
 * socket (MSG_METRICS_ASK, answered by MSG_METRICS_STATUS with the result of `status` as JSON text), and adds the sums of
 * audit.db in the working directory.  Returns when hallowd is gone: 0, or -1 with *err. */
int metrics_serve(int socket_fd, int listen_fd, struct error *err);

#endif
