typedef int fetch_stub;
