#!/usr/bin/env bats
# Completions of the shells, against the real hallowctl.

load lab.bash

setup() {
	DIR=$(mktemp -d "${TMPDIR:-/tmp}/hallowd-completion.XXXXXX")
	RUN=$DIR/run STATE=$DIR/state CONF=$DIR/hallowd.yaml
	mkdir -m 0700 "$RUN" "$STATE"
	{
		printf 'lists:\n  alpha: {entries: [192.0.2.1]}\n  beta: {entries: [192.0.2.2]}\nendpoints:\n'
		endpoint prod-api "$LOCAL4" 6443 '[alpha]'
		endpoint orders-db "$FORWARD4" 5432 '[beta]'
	} | config
	PATH=$LAB_BUILD:$PATH
}
teardown() { rm -rf "$DIR"; }

# completed WORD…: what bash offers for the last word, sorted, in one line.
completed() {
	bash -c '. "$1/contrib/completions/hallowctl"; shift
		COMP_WORDS=(hallowctl "$@") COMP_CWORD=$#; _hallowctl; printf "%s\n" "${COMPREPLY[@]}"' bash "$LAB_ROOT" "$@" | sort | paste -sd' '
}

# completed_zsh WORD…: the same for zsh, whose compadd is replaced by one that prints.
completed_zsh() {
	zsh -f -c 'compadd() { [[ $1 == -- ]] && shift; if [[ $1 == -a ]]; then print -l -- ${(P)2}; else print -l -- $@; fi }
		_files() { print FILES; }
		typeset -A opt_args
		root=$1; shift
		words=(hallowctl "$@"); CURRENT=$#words
		source $root/contrib/completions/_hallowctl' zsh "$LAB_ROOT" "$@" | sort | paste -sd' '
}

all_verbs() { hallowctl --help | sed -n -E 's/^  ([a-z][a-z-]*) .*/\1/p' | sort | paste -sd' '; }

@test "completion: bash: each verb, its options, formats, lists and endpoints" {
	same "$(completed re)" "$(all_verbs | tr ' ' '\n' | grep '^re' | paste -sd' ')"
	[[ " $(completed '') " == *" status "* ]]
	same "$(completed log --f)" '--follow'
	same "$(completed -c "$CONF" log --endpoint '')" 'orders-db prod-api'
	same "$(completed -c "$CONF" lists '')" 'alpha beta'
	same "$(completed -c "$CONF" history b)" 'beta'
	same "$(completed -c "$CONF" grant 192.0.2.1 p)" 'prod-api'
	same "$(completed log --verdict d)" 'deny'
	[[ " $(completed report -o '') " == *" csv "*" json "*" text "* ]]
	same "$(completed -c "$DIR/hallowd.y")" "$CONF"
}

@test "completion: zsh: the same" {
	command -v zsh >/dev/null || skip "zsh is not installed (Debian package zsh)"
	same "$(completed_zsh '')" "$(all_verbs)"
	[[ " $(completed_zsh log --) " == *" --follow "* ]]
	same "$(completed_zsh -c "$CONF" log --endpoint '')" 'orders-db prod-api'
	same "$(completed_zsh -c "$CONF" lists '')" 'alpha beta'
	same "$(completed_zsh log --verdict '')" 'allow deny'
	same "$(completed_zsh replay '')" 'FILES'
	[[ " $(completed_zsh report -o '') " == *" csv "*" json "*" text "* ]]
}
