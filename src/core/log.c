typedef int log_stub;
