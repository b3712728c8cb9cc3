"""A daemon that answers what it is told to, well or badly: for tests of hallowctl's side of the control socket.

usage: answer.py RUN_DIR ANSWERS

Listens on RUN_DIR/control.sock.  Each line that comes is added to ANSWERS/asked; the answer is the file ANSWERS/VERB, byte by
byte.  While ANSWERS/VERB.wait exists, the answer is held back, for at most 20 seconds.  Where there is no such file, the
connection is closed without an answer.  Ends on SIGTERM, and in any case after two minutes.
"""
import os
import signal
import socket
import sys
import time


def serve(listener, answers):
    connection, _ = listener.accept()
    with connection:
        line = b""
        while not line.endswith(b"\n"):
            piece = connection.recv(65536)
            if not piece:
                return
            line += piece
        with open(os.path.join(answers, "asked"), "ab") as asked:
            asked.write(line)
        verb = line.split()[0].decode()
        end = time.monotonic() + 20
        while os.path.exists(os.path.join(answers, verb + ".wait")) and time.monotonic() < end:
            time.sleep(0.02)
        try:
            with open(os.path.join(answers, verb), "rb") as answer:
                connection.sendall(answer.read())
        except (FileNotFoundError, BrokenPipeError):
            pass


def main():
    run_dir, answers = sys.argv[1], os.path.abspath(sys.argv[2])
    signal.alarm(120)
    # A socket's name has room for 107 bytes, the folder's may be longer.
    os.chdir(run_dir)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind("control.sock")
    listener.listen(16)
    open(os.path.join(answers, "ready"), "w").close()
    while True:
        serve(listener, answers)


main()
