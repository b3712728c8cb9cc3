#!/usr/bin/env python3
"""What a unit file says, for tests that apply it.

usage: unit.py UNIT value KEY       its last value
       unit.py UNIT calls           the system calls that SystemCallFilter= leaves, one a line
       unit.py UNIT families        the numbers of the address families that are left, on one line"""
import socket
import subprocess
import sys


def lines(path, key):
    with open(path) as unit:
        return [line.split("=", 1)[1].strip() for line in unit if line.startswith(key + "=")]


def expand(name):
    """A set of systemd's, whole: sets hold sets."""
    if not name.startswith("@"):
        return {name}
    text = subprocess.run(["systemd-analyze", "syscall-filter", "--no-pager", name], check=True, capture_output=True, text=True).stdout
    found = set()
    for line in text.splitlines()[1:]:
        word = line.strip()
        if word and not word.startswith("#"):
            found |= expand(word)
    return found


def calls(path):
    left = set()
    for value in lines(path, "SystemCallFilter"):
        names = set().union(*(expand(name) for name in value.lstrip("~").split()))
        left = left - names if value.startswith("~") else left | names
    # A filter of systemd's lets these through whatever it says.
    return left | expand("@default") | {"execve", "exit", "exit_group", "rt_sigreturn", "sigreturn"}


def main():
    path, what = sys.argv[1:3]
    if what == "value":
        print(lines(path, sys.argv[3])[-1])
    elif what == "calls":
        print("\n".join(sorted(calls(path))))
    else:
        print(*(int(getattr(socket, name)) for value in lines(path, "RestrictAddressFamilies") for name in value.split()))


main()
