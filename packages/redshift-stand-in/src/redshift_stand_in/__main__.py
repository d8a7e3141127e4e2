"""`python -m redshift_stand_in`."""

import sys

from redshift_stand_in.command import main

if __name__ == "__main__":
    sys.exit(main())
