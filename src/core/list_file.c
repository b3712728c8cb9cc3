typedef int list_file_stub;
