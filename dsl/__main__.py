"""``python -m dsl``: build, run and show the filters of a script."""

from dsl.commands import main

if __name__ == "__main__":
    main()
