#include "ctl/ctl.h"

int main(int argc, char **argv)
{
	static const struct verb *const verbs[] = {
		&verb_init,
		&verb_doctor,
		&verb_check,
		&verb_plan,
		&verb_refresh,
		&verb_lists,
		&verb_history,
		&verb_approve,
		&verb_reject,
		&verb_rollback,
		&verb_unpin,
		&verb_explain,
		&verb_grant,
		&verb_revoke,
		&verb_grants,
		&verb_reload,
		&verb_confirm,
		&verb_teardown,
		&verb_status,
		&verb_log,
		&verb_simulate,
		&verb_metrics,
		&verb_replay,
		&verb_report,
		&verb_export,
		&verb_evidence,
		&verb_verify,
		&verb_prove,
		&verb_check_proof,
		&verb_checkpoint,
		&verb_rotate_key,
		NULL,
	};

	return ctl_main(verbs, argc, argv);
}
