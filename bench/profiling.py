"""Where the time of a page goes, by a profile of many answers in one process.

It counts what functions take by themselves; a profile makes small functions look dearer than
they are.
"""

import cProfile
import json
import pstats
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from wsgiref.util import setup_testing_defaults

from bench.rounds import FORWARDED, Page

ROOT = Path(__file__).resolve().parent.parent
SECONDS, MOST = 3, 5
PROFILED = """What dominates, by a profile in one process: of the time that functions take by
themselves, the part of each package, with what it calls that is built in; then the functions."""
Shares = list[list[tuple[str, float]]]  # of packages, and of functions, the greatest first


def profile(page: Page, environment: Mapping[str, str]) -> str:
    """Two sentences: the shares of packages, and the functions that take most by themselves."""
    asked = json.dumps([page.port, page.path, page.headers, page.status])
    done = subprocess.run(
        [sys.executable, "-m", "bench.profiling", asked],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return in_words(json.loads(done.stdout.splitlines()[-1]))


def in_words(shares: Shares) -> str:
    packages, functions = map(_told, shares)
    return f"{packages};\n  {functions}."


def _told(shares: list[tuple[str, float]]) -> str:
    return ", ".join(f"{name} {share:.0%}" for name, share in shares)


def of_site(port: int, path: str, headers: list[tuple[str, str]], status: int) -> Shares:
    """Of the answers that a worker at this port would give."""
    from django.core.wsgi import get_wsgi_application

    site = get_wsgi_application()
    where, _, query = path.partition("?")
    environ = {"PATH_INFO": where, "QUERY_STRING": query}
    environ["HTTP_HOST"] = f"127.0.0.1:{port}"  # stored pages and their ETags are a host's own
    for name, value in (*FORWARDED, *headers):
        environ[f"HTTP_{name.upper().replace('-', '_')}"] = value
    setup_testing_defaults(environ)

    def answer() -> None:
        response = site(dict(environ), lambda status, headers: statuses.append(status))
        list(response)
        response.close()

    statuses: list[str] = []
    shares = of_calls(answer)
    if {said.split()[0] for said in statuses} != {str(status)}:
        sys.exit(f"{path} answers {set(statuses)}, not {status}")
    return shares


def of_calls(call: Callable[[], object]) -> Shares:
    """Of as many calls as SECONDS hold, after a first one."""
    call()
    profiler, end = cProfile.Profile(), time.monotonic() + SECONDS
    while time.monotonic() < end:
        profiler.runcall(call)
    return _shares(pstats.Stats(profiler).stats)


def of_call(call: Callable[[], object]) -> Shares:
    """Of one call that takes long."""
    profiler = cProfile.Profile()
    profiler.runcall(call)
    return _shares(pstats.Stats(profiler).stats)


def _shares(stats: dict) -> Shares:
    """Of all the time that functions take by themselves; what is built in counts where it is
    called from."""
    packages, functions, every = Counter(), Counter(), 0.0
    for (file, _line, name), (_cc, _nc, own, _cumulative, callers) in stats.items():
        every += own
        functions[_called(file, name)] += own
        if file != "~":
            packages[_package(file)] += own
        for (caller, *_), (_cc, _nc, within, _cumulative) in callers.items() if file == "~" else ():
            packages[_package(caller)] += within
    return [
        [(name, own / every) for name, own in counter.most_common(MOST)]
        for counter in (packages, functions)
    ]


def _package(file: str) -> str:
    """«django.template», «timeline»; «python» is its standard library."""
    path = Path(file)
    if path.is_relative_to(ROOT) and ".venv" not in path.parts:
        return path.relative_to(ROOT).parts[0]
    if "site-packages" in path.parts:
        inside = path.parts[path.parts.index("site-packages") + 1 : -1]
        return ".".join(inside[:2]) or path.stem
    return "python"


def _called(file: str, name: str) -> str:
    """«`django.template.base.render`»; of what is built in, its name and its type's."""
    if file != "~":
        path = Path(file).with_suffix("")
        root = next((p for p in path.parents if p == ROOT or p.name == "site-packages"), None)
        inside = path.relative_to(root).parts if root else [path.name]
        return f"`{'.'.join([*inside, name])}`"
    method = re.fullmatch(r"<method '(\w+)' of '([\w.]+)' objects>", name)
    if method:
        return f"`{method[2]}.{method[1]}`"
    plain = re.sub(r"^<(built-in method |function )?|( of type object)? at 0x\w+>$|>$", "", name)
    return f"`{plain}`"


if __name__ == "__main__":
    print(json.dumps(of_site(*json.loads(sys.argv[1]))))
