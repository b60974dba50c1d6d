"""`python -m lsr`."""

from lsr.cli.main import main

if __name__ == "__main__":
    raise SystemExit(main())
