typedef int prefix_set_stub;
