typedef int sandbox_stub;
