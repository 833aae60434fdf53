#!/bin/sh
# For macOS: a double click in the Finder opens this in Terminal. The work is done by start.sh.
exec /bin/sh "$(dirname -- "$0")/start.sh" "$@"
