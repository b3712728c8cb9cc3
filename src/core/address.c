typedef int address_stub;
