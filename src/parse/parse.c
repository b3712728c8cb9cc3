typedef int parse_stub;
