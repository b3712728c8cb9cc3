typedef int message_stub;
