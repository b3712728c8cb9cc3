typedef int file_stub;
