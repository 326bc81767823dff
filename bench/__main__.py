"""`./run bench [NAME ...] [--quick]`: all benchmarks, or those named. Each is a module here with `main(quick)`."""

from __future__ import annotations

import argparse
import importlib
import pkgutil

import bench
from bench import harness


def names() -> list[str]:
    modules = (module.name for module in pkgutil.iter_modules(bench.__path__))
    return sorted(
        name for name in modules if name not in ("harness", "__main__") and not name.startswith("_")
    )


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
