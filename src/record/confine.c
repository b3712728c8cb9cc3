#include "core/sandbox.h"
#include "core/sandbox_calls.h"
#include "record/record.h"

int record_confine(struct error *err)
{
	if (sandbox_child(err) == -1 || sandbox_restrict(SANDBOX_WORKING_FOLDER, false, err) == -1)
		return -1;
	return sandbox_calls("hallowd-record", err);
}
