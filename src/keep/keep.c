typedef int keep_stub;
