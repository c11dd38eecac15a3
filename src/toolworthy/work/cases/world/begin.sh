# Read by every bash of a world before anything else.
enable -n kill
command_not_found_handle() { "$WORLD/bin/unknown" "$@"; }
