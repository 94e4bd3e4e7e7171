"""`python -m a3c` is the command `a3c`."""

from a3c.cli.main import main

if __name__ == "__main__":
    main()
