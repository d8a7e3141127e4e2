def orders_per_status(connection) -> dict[str, int]:
    with connection.cursor() as cursor:
        cursor.execute("select status, count(*) from `order` group by status")
        return dict(cursor.fetchall())
