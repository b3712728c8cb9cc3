typedef int error_stub;
