"""Exercise 4: put rows into `note (id int primary key, who varchar(40), text varchar(200))`.

`rows` are dictionaries with the keys id, who and text; text may be None, which is not the same as ''. The loop below
breaks on a name with a quote in it, stores 'None' for None, and asks the server 5,000 times. Ask it at most 50 times.

Then: make check-exercise N=4
"""


def load(connection, rows: list[dict]) -> None:
    with connection.cursor() as cursor:
        for row in rows:
            cursor.execute(f"insert into note values ({row['id']}, '{row['who']}', '{row['text']}')")
    connection.commit()
