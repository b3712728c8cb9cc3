typedef int prefix_stub;
