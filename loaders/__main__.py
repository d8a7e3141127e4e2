"""`order-he …`, or `python -m loaders …`"""

import sys

from loaders.common.errors import ctrl_c_ends_silently, run_command


class WithoutPandas:
    """A finder of modules that finds no pandas.

    PyArrow and DuckDB would import it at the first value. Nothing here needs it, it takes 50 MB and most of a second,
    and an import in the middle of a run can swallow a Ctrl-C.
    """

    @staticmethod
    def find_spec(name: str, _path: object = None, _target: object = None) -> None:
        if name == "pandas":
            raise ModuleNotFoundError("the loaders do without pandas", name=name)


def main() -> None:
    with ctrl_c_ends_silently():
        sys.meta_path.insert(0, WithoutPandas)

        from loaders import cli
        from loaders.common.memory import keep_little

        keep_little()

    sys.exit(run_command(cli.main))


if __name__ == "__main__":
    main()
