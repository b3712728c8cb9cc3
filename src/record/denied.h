/* Denied packets that the kernel counted in its dynamic set because there were too many to log: exact aggregates.
 * Each element grows; what it grew by goes into a row of `aggregate`, one for each element and hour. */
#ifndef HALLOWD_RECORD_DENIED_H
#define HALLOWD_RECORD_DENIED_H

#include "record/tally.h"

#define ELEMENT_LIFE (3600 * US_PER_SECOND) /* the kernel drops an element so long after its last packet */

struct element {
	struct address source, destination;
	uint16_t port;
	uint8_t protocol;
	int64_t endpoint;
	uint64_t kernel;   /* the element's count when it was last read */
	int64_t row;       /* of aggregate, the newest of this element */
	time_us grown_at;  /* the reading that found it grown */
};

struct elements {
	struct element *all; /* sorted; owned */
	size_t count;
};

void elements_free(struct elements *e); /* makes it empty; a zeroed struct is empty */

/* Each returns 0, or -1 with store->err. */
int elements_load(struct elements *e, struct store *s);
int elements_drop(struct elements *e, struct store *s); /* the set they were in is gone */

/* Takes in the elements of a reading, which it sorts; what they grew by since the last, at `from`, is added to the
 * pools. */
int elements_settle(struct elements *e, struct store *s, struct pools *pools, struct audit_reading *reading,
                    time_us from);

#endif
