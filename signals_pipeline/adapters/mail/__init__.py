"""Mail on its way out: the message, and the transports that carry it: files, SMTP, Amazon SES."""
