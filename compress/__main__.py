"""``python -m compress``: the report's tables on data of one's own, and what is in files of smaller networks."""

from compress.commands import main

if __name__ == "__main__":
    main()
