#!/bin/sh
# Starts vpo as the user and group that PUID and PGID name, with UMASK, where the container itself
# is started as root; where it is started as a user (-u), it stays that user.
set -eu

umask "${UMASK:-022}"
if [ "$(id -u)" != 0 ]; then
  exec vpo "$@"
fi
user=${PUID:-1000} group=${PGID:-1000}
for number in "$user" "$group"; do
  case $number in
    '' | *[!0-9]*)
      echo "error: PUID and PGID must be numbers, such as 1000; see: id" >&2
      exit 2
      ;;
  esac
done
mkdir -p "$XDG_DATA_HOME/vpo"
chown "$user:$group" "$XDG_DATA_HOME" "$XDG_DATA_HOME/vpo"
# The groups of devices such as /dev/dri/renderD128: without them, its user cannot open them.
groups=$group
for device in /dev/dri/* /dev/nvidia*; do
  [ -c "$device" ] && groups="$groups,$(stat -c %g "$device")"
done
exec setpriv --reuid "$user" --regid "$group" --groups "$groups" -- vpo "$@"
