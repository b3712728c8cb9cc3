typedef int kernel_stub;
