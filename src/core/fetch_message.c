typedef int fetch_message_stub;
