"""`python -m overdrive` is the command `overdrive`."""

from .cli import main

main()
