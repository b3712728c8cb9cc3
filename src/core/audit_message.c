typedef int audit_message_stub;
