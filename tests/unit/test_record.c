/* hallowd-record: from the bytes of a logged packet to the rows of audit.db. */
#include "test_record.h"

#include "core/log.h"

int main(void)
{
	log_open("test_record", LOG_LEVEL_ERROR);
	return run_packet_tests() + run_tally_tests() + run_recorder_tests() + run_coverage_tests() +
	       run_blocks_tests() + run_migration_tests() + run_endings_tests() + run_change_tests() +
	       run_fault_tests() +
	       run_evidence_tests();
}
