typedef int policy_stub;
