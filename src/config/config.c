typedef int config_stub;
