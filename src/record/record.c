typedef int record_stub;
