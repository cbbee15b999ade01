"""What runs inside user-mode Linux: servers for NFS and SMB, and the drill on their mounts."""

from __future__ import annotations

import contextlib
import os
import random
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from drill import file_systems, user_mode
from drill.bench import Bench

_CIFS = ("hmac", "md5", "sha256_generic", "sha512_generic", "cmac", "aes_generic", "ccm", "gcm",
         "ctr", "ecb", "des_generic", "nls_utf8", "seqiv", "ghash-generic", "cifs")  # fmt: skip
_SAMBA = """\
[global]
 server role = standalone server
 map to guest = Bad User
 guest account = root
 lock directory = {0}
 state directory = {0}
 cache directory = {0}
 pid directory = {0}
 private dir = {0}
 ncalrpc dir = {0}/rpc
 log file = {0}/log
 disable netbios = yes
 load printers = no
 smb ports = 445
 server min protocol = SMB2
[x]
 path = {1}
 guest ok = yes
 read only = no
 kernel oplocks = no
 hide dot files = no
 force user = root
"""


def main() -> None:
    """Run the drill on each kind of mount; ``sys.argv``: kind, folder, seed, short."""
    kind, folder, seed, short = sys.argv[1], Path(sys.argv[2]), sys.argv[3], sys.argv[4] == "1"
    work = Path("/dev/shm/work")  # noqa: S108
    work.mkdir()
    bench = Bench(work, short, random.Random(seed))  # noqa: S311
    try:
        exported = folder / "exported"
        exported.mkdir()
        if kind != "vfat":
            _run("mount", "-o", "user_xattr", "/dev/ubda", str(exported))
            exported.chmod(0o777)
        for name, mount in SERVERS[kind](folder, exported):
            with bench.trial(f"{name}: mount"), contextlib.ExitStack() as stack:
                point = _mounted(stack, folder, mount)
                if kind == "vfat":
                    place = file_systems.Place(name, point, cases=False)
                else:
                    # With nobrl, locks are not sent to the server.
                    second = None if "nobrl" in name else _mounted(stack, folder, mount)
                    place = file_systems.Place(name, point, second=second, served=True)
                file_systems.suite(bench, place)
            user_mode.save(bench, folder)
    finally:
        user_mode.save(bench, folder)


def _mounted(stack: contextlib.ExitStack, folder: Path, mount: tuple[str, ...]) -> Path:
    point = folder / uuid.uuid4().hex[:6]
    point.mkdir()
    _run(*mount, str(point))
    stack.callback(_run, "umount", str(point), check=False)
    return point


def _nfs(folder: Path, exported: Path) -> Iterator[tuple[str, tuple[str, ...]]]:
    _modules(folder, "nfsd", "nfs", "nfsv3", "nfsv4", "lockd")
    state = Path("/var/lib/nfs")
    _run("mount", "-t", "tmpfs", "state", str(state))
    for name in ("rpc_pipefs", "sm", "sm.bak", "v4recovery"):
        (state / name).mkdir()
    for name in ("etab", "rmtab", "state"):
        (state / name).touch()
    _run("mount", "-t", "rpc_pipefs", "rpc", str(state / "rpc_pipefs"))
    _run("mount", "-t", "nfsd", "nfsd", "/proc/fs/nfsd")
    _run("rpcbind", "-w", check=False)
    time.sleep(1)
    subprocess.Popen(["rpc.statd", "--no-notify"])
    _run("exportfs", "-o", "rw,no_root_squash,fsid=0,insecure", f"127.0.0.1:{exported}")
    for path in ("fs/nfsd/nfsv4gracetime", "fs/nfsd/nfsv4leasetime", "sys/fs/nfs/nlm_grace_period"):
        Path("/proc", path).write_text("10")
    _run("rpc.nfsd", "4")
    _run("rpc.mountd")
    # To the server, both mounts are one client, which it does not ask to give a delegation back.
    Path("/proc/sys/fs/leases-enable").write_text("0")
    time.sleep(11)  # no locks are given in the time of grace
    for version, source in (("4.2", "/"), ("4.0", "/"), ("3", str(exported))):
        options = f"vers={version},soft,timeo=50,nosharecache"
        yield f"NFS {version}", ("mount", "-t", "nfs", "-o", options, f"127.0.0.1:{source}")


def _smb(folder: Path, exported: Path) -> Iterator[tuple[str, tuple[str, ...]]]:
    _modules(folder, *_CIFS)
    place = Path("/dev/shm/samba")  # noqa: S108
    place.mkdir()
    (place / "rpc").mkdir()
    settings = Path("/dev/shm/smb.conf")  # noqa: S108
    settings.write_text(_SAMBA.format(place, exported))
    _run("smbd", "-D", "-s", str(settings))
    time.sleep(3)
    mounts = {
        "SMB": "guest,nosharesock",
        "SMB, nobrl": "guest,nosharesock,nobrl",
        "SMB, cache=none": "guest,nosharesock,cache=none",
        "SMB 2.1, no inode numbers": "guest,nosharesock,vers=2.1,noserverino",
    }
    for name, options in mounts.items():
        yield name, ("mount", "-t", "cifs", "-o", options, "//127.0.0.1/x")


def _vfat(folder: Path, _: Path) -> Iterator[tuple[str, tuple[str, ...]]]:
    _modules(folder, "vfat", "nls_cp437", "nls_iso8859_1", "nls_ascii", "nls_utf8")
    for name, options in {"vfat": "utf8", "vfat, utf8=0": "shortname=mixed"}.items():
        yield name, ("mount", "-t", "vfat", "-o", options, "/dev/ubda")


SERVERS: Mapping[str, Callable[[Path, Path], Iterator[tuple[str, tuple[str, ...]]]]] = {
    "vfat": _vfat,
    "nfs": _nfs,
    "smb": _smb,
}


def _modules(folder: Path, *names: str) -> None:
    for name in names:
        _run("modprobe", "-d", str(folder / "modules"), name, check=False)


def _run(*argv: str, check: bool = True) -> None:
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if check and done.returncode:
        raise RuntimeError(f"{' '.join(argv)}: {done.stderr.strip()}")


if __name__ == "__main__":
    os.umask(0o022)
    main()
