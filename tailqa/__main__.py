"""`python -m tailqa` is the command line."""

from tailqa.cli import main

main()
