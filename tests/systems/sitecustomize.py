"""Makes a Python on Linux behave like one on Windows where curate could notice; loaded by every process with this path.

For curate, that is: libraries are those of Linux, and find what they need. Modules that are only on POSIX cannot be
imported. Calls that Windows lacks are not there. A file below `CURATE_STRICT_FOLDER` that a process has open or mapped
can be neither removed nor renamed nor replaced, by anybody. `store.system` is told that this is Windows, and finds
locks of its kind.
"""

import contextlib
import importlib.abc
import importlib.machinery
import os
import sys
import types

GONE = ("fcntl", "grp", "pwd", "resource", "syslog", "termios", "tty", "pty", "readline")
CALLS = (
    "chown fchmod fchown fork forkpty getegid geteuid getgid getgroups getloadavg getpgid getpgrp getsid getuid killpg "
    "lchown mkfifo mknod nice openpty posix_fadvise posix_fallocate posix_spawn pread preadv pwrite pwritev "
    "sched_getaffinity sched_setaffinity sendfile setsid statvfs sync uname O_CLOEXEC O_DIRECTORY O_NOFOLLOW"
).split()
STRICT = os.environ.get("CURATE_STRICT_FOLDER", "")


class Refuse(importlib.abc.MetaPathFinder):
    """Refuses what Windows has not, and has `system` loaded as there."""

    def find_spec(self, name, path=None, target=None):
        if name in GONE and _asks() == "curate":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        if name == "curate.store.system":
            found = importlib.machinery.PathFinder.find_spec(name, path, target)
            found.loader = AsOnWindows(found.loader)
            return found
        return None


class AsOnWindows(importlib.abc.Loader):
    """Loads a module that shall take this for Windows."""

    def __init__(self, loader):
        self.loader = loader

    def create_module(self, spec):
        return self.loader.create_module(spec)

    def exec_module(self, module):
        sys.platform, before = "win32", sys.platform
        sys.modules["msvcrt"] = _msvcrt()
        try:
            self.loader.exec_module(module)
        finally:
            sys.platform = before
            del sys.modules["msvcrt"]


def _asks():
    """The package whose code wants something."""
    frame = sys._getframe(2)
    while frame.f_globals["__name__"].startswith("importlib"):
        frame = frame.f_back
    return frame.f_globals["__name__"].split(".")[0]


def _msvcrt():
    """Locks of bytes that keep others from reading them; of one process they exclude each other, too."""
    import fcntl

    def locking(handle, mode, count):
        assert mode == 2
        assert os.lseek(handle, 0, os.SEEK_CUR) >= os.fstat(handle).st_size, "who asks whose the lock is must read that"
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise PermissionError(13, "Permission denied") from None

    return types.SimpleNamespace(locking=locking, LK_NBLCK=2)


def _holders(path):
    """Who has `path`, or something below it, open or mapped."""
    below = path + os.sep
    for process in filter(str.isdigit, os.listdir("/proc")):
        for link in _open_in(f"/proc/{process}") if _is_ours(int(process)) else ():
            if link == path or link.startswith(below):
                yield process, link


def _is_ours(process):
    """Whether a process was started by the same command."""
    try:
        return os.getpgid(process) == os.getpgid(0)
    except OSError:  # it is gone
        return False


def _open_in(process):
    """Paths of files that a process has open or mapped."""
    with contextlib.suppress(OSError):  # it is gone, or somebody else's
        for handle in os.listdir(f"{process}/fd"):
            with contextlib.suppress(OSError):  # closed meanwhile
                yield os.readlink(f"{process}/fd/{handle}")
        with open(f"{process}/maps", "rb") as maps:
            yield from (line[73:].rstrip().decode(errors="replace") for line in maps if STRICT.encode() in line)


def _strict(call):
    """The call, which refuses to touch what is open."""

    def refusing(*paths, **options):
        for path in paths:
            where = options.get("dir_fd") or options.get("src_dir_fd")
            base = os.readlink(f"/proc/self/fd/{where}") if where else os.getcwd()
            full = os.path.normpath(os.path.join(base, os.fspath(path)))
            if full.startswith(STRICT):
                for process, link in _holders(full):
                    raise PermissionError(13, f"open in process {process} of {os.getpid()}: {link}", full)
        return call(*paths, **options)

    return refusing


sys.meta_path.insert(0, Refuse())
_calls = {name: vars(os).pop(name) for name in CALLS if hasattr(os, name)}


def _call(name):
    """What is left of `os` to whom."""
    if name not in _calls or _asks() == "curate":
        raise AttributeError(f"module 'os' has no attribute {name!r}")
    return _calls[name]


os.__getattr__ = _call
if STRICT:
    for _name in ("replace", "rename", "unlink", "remove", "rmdir"):
        setattr(os, _name, _strict(getattr(os, _name)))
