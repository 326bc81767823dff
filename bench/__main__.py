"""`./run bench [NAME ...] [--quick]`: all benchmarks, or those named. Each is a module here with `main(quick)`."""

from __future__ import annotations

import argparse
import importlib
import pkgutil
from pathlib import Path

import bench
from bench import harness


def names() -> list[str]:
    """The modules that measure something; the others help them."""
    found = (module.name for module in pkgutil.iter_modules(bench.__path__))
    return sorted(name for name in found if "\ndef main(*, quick" in _source(name))


def _source(name: str) -> str:
    return (Path(bench.__path__[0]) / f"{name}.py").read_text()


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("name", nargs="*", choices=[*names(), []], help="default: all")
    parser.add_argument("--quick", action="store_true", help="a tenth of the size: rough figures soon")
    arguments = parser.parse_args()
    with harness.server():
        print(harness.machine())
        for name in arguments.name or names():
            importlib.import_module(f"bench.{name}").main(quick=arguments.quick)


if __name__ == "__main__":
    main()
