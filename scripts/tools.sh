#!/bin/sh
# Install ffmpeg and mkvtoolnix where they are missing, and a browser for the tests of the pages.
set -eu

packages=
for tool in ffmpeg ffprobe; do
    command -v $tool >/dev/null || packages="ffmpeg"
done
for tool in mkvmerge mkvpropedit; do
    command -v $tool >/dev/null || { packages="$packages mkvtoolnix"; break; }
done
command -v chromium >/dev/null || command -v google-chrome >/dev/null || packages="$packages chromium"
[ -n "$packages" ] || exit 0

give_up() {
    echo "Missing: $packages. $1" >&2
    exit 1
}

command -v apt-get >/dev/null || give_up "Install with your package manager (Homebrew: brew install $packages)."
if [ "$(id -u)" -eq 0 ]; then
    as_root=env
elif sudo -n true 2>/dev/null; then
    as_root="sudo -n env"
else
    give_up "Install as root: apt-get install $packages"
fi
apt="$as_root DEBIAN_FRONTEND=noninteractive apt-get -qq -o Acquire::Retries=3 -o DPkg::Lock::Timeout=300"
echo "Installing $packages"
$apt update
# shellcheck disable=SC2086  # a list of words
$apt install -y --no-install-recommends $packages >/dev/null
