typedef int control_stub;
