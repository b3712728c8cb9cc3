typedef int audit_stub;
