"""What an error says, on one line."""


def one_line(error: Exception) -> str:
    """Give the first line of what an error says, with its name where the line alone would mean little."""
    text = next((line for line in str(error).splitlines() if line.strip()), "")
    known = isinstance(error, (OSError, TypeError, ValueError, RuntimeError)) and text
    return text if known else f"{type(error).__name__}: {text}"
