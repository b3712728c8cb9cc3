typedef int buffer_stub;
