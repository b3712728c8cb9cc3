#!/usr/bin/env bats
# rules/reference.nft is what rules/examples/hallowd.yaml comes to.

load lab.bash

setup() { lab_up; }
teardown() { lab_down; }

# The example, with the folders of this lab and the publishers' answers as they are shipped.
example() {
	sed "/^version:/d; /^state_dir:/d; /^run_dir:/d; s|/etc/hallowd/|$LAB_ROOT/rules/examples/|" \
		"$LAB_ROOT/rules/examples/hallowd.yaml" | config
}

# without_comments FILE
without_comments() { sed '/^#/d' "$1"; }

@test "reference: the ruleset is what the example comes to, line by line" {
	example
	ctl plan --nft >"$LAB_DIR/planned.nft"
	diff -u <(without_comments "$LAB_ROOT/rules/reference.nft") "$LAB_DIR/planned.nft"
	# And what is in force once hallowd runs, as nft reads it: the same lines.
	hallowd_start
	same "$(on_gate nft -s list table inet hallowd | sed 's/ # progname.*//; /^	flags/d' | grep . | sort)" \
		"$(grep -v 'packets 0 bytes 0' "$LAB_DIR/planned.nft" | grep . | sort)"
}

@test "reference: nft takes it, and then it does what hallowd would do" {
	on_gate nft -f "$LAB_ROOT/rules/reference.nft"
	lab_serve "$GATE" "db:6443@$LOCAL4" "db:6443@$LOCAL6"
	same "$(dial "${BOTH[0]}" $LOCAL4 6443) $(dial "${PROVIDER_ONLY[0]}" $LOCAL4 6443) $(dial $STRANGER4 $LOCAL4 6443)" "1 0 0 0 1 0 0 1 0"
	same "$(dial $OFFICE6 $LOCAL6 6443) $(dial $STRANGER6 $LOCAL6 6443)" "1 0 0 0 1 0"
}
