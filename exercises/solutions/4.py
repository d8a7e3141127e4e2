def load(connection, rows: list[dict]) -> None:
    with connection.cursor() as cursor:
        cursor.executemany("insert into note values (%(id)s, %(who)s, %(text)s)", rows)
    connection.commit()
