#!/usr/bin/env python3
"""As much of a service manager as hallowd.service asks for: starts hallowd as a user of its own with ambient CAP_NET_ADMIN,
keeps the sockets that it leaves (FDSTORE), and starts it again with them whenever it is killed.

usage: manager.py LOG USER GROUP PROGRAM ARGUMENT...
Writes to LOG a line for each thing that happens: "started PID", "ready", "stored NAME", "ended STATUS".  SIGTERM stops
hallowd and this."""
import array
import os
import select
import signal
import socket
import sys
import tempfile

log = open(sys.argv[1], "a", buffering=1)
user, group, command = sys.argv[2], sys.argv[3], sys.argv[4:]
folder = tempfile.mkdtemp(prefix="hallowd-manager.")
os.chmod(folder, 0o711)
notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
notify.bind(folder + "/notify")
os.chmod(folder + "/notify", 0o666)
stored = {}
stopping = False


def start():
    pid = os.fork()
    if pid != 0:
        log.write(f"started {pid}\n")
        return pid
    names = sorted(stored)
    for place, name in enumerate(names, 3):
        fd = os.dup(stored[name])
        # Far away first, so that one does not land on another.
        far = 100 + place
        os.dup2(fd, far)
    for place in range(3, 3 + len(names)):
        os.dup2(100 + place, place, inheritable=True)
    os.closerange(3 + len(names), 256)
    environment = {"PATH": os.environ["PATH"], "NOTIFY_SOCKET": folder + "/notify"}
    if names:
        environment.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(names)), LISTEN_FDNAMES=":".join(names))
    os.execvpe("setpriv", ["setpriv", f"--reuid={user}", f"--regid={group}", "--clear-groups", "--no-new-privs",
                           "--inh-caps=+net_admin", "--ambient-caps=+net_admin", "--bounding-set=-all,+net_admin"] + command,
               environment)


def told():
    text, control, _, _ = notify.recvmsg(4096, socket.CMSG_SPACE(16))
    words = dict(line.split("=", 1) for line in text.decode().splitlines() if "=" in line)
    for level, kind, data in control:
        fds = array.array("i")
        fds.frombytes(data[: len(data) - len(data) % fds.itemsize])
        if "FDSTORE" in words:
            stored[words["FDNAME"]] = fds[0]
            log.write(f"stored {words['FDNAME']}\n")
    if "FDSTOREREMOVE" in words and words.get("FDNAME") in stored:
        os.close(stored.pop(words["FDNAME"]))
    if words.get("READY") == "1":
        log.write("ready\n")


def stop(*_):
    global stopping
    stopping = True
    os.kill(child, signal.SIGTERM)


child = start()
signal.signal(signal.SIGTERM, stop)
while True:
    ready, _, _ = select.select([notify], [], [], 0.05)
    if ready:
        told()
        continue
    ended, status = os.waitpid(child, os.WNOHANG)
    if ended == 0:
        continue
    log.write(f"ended {status}\n")
    if stopping or os.WIFEXITED(status):
        break
    child = start()
os.unlink(folder + "/notify")
os.rmdir(folder)
