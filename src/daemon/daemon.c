typedef int daemon_stub;
