typedef int parse_message_stub;
