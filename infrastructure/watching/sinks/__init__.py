"""The sinks, which notices are sent to: a webhook, a Telegram chat, a program, a log."""
