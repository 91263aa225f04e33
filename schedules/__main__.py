"""``python -m schedules``: look at schedules, and search for better ones."""

from schedules.commands import main

if __name__ == "__main__":
    main()
