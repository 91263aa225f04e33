"""``python -m filters``: the filters on image files."""

from filters.commands import main

if __name__ == "__main__":
    main()
