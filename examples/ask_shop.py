"""A question to the shop's database, by an account that may only read: python -m examples.ask_shop "select 1"."""

import sys
from contextlib import closing

import pandas as pd
import pymysql

from loaders.common import settings
from loaders.common.errors import Failure, run_command
from loaders.source import log_in, mysql_url


def answer(question: str) -> str:
    """The rows as a table; NULL is written NULL, an empty text as nothing."""
    url = mysql_url.parse(settings.required_source_url(settings.read()), "SOURCE_URL")
    with closing(log_in.connect(url, "SOURCE_URL")) as connection, connection.cursor() as cursor:
        try:
            cursor.execute(question)
        except pymysql.MySQLError as error:
            raise Failure(f"MySQL: {error.args[-1]}", "correct the question") from None
        rows = pd.DataFrame(cursor.fetchall(), columns=[column[0] for column in cursor.description], dtype=object)
    return rows.where(rows.notna(), "NULL").to_string(index=False)


def main() -> None:
    if len(sys.argv) != 2:
        raise Failure("one question is wanted", 'write it in quotes: python -m examples.ask_shop "select 1"')
    print(answer(sys.argv[1]))


if __name__ == "__main__":
    sys.exit(run_command(main))
