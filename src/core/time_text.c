typedef int time_text_stub;
