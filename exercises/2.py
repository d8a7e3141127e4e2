"""Exercise 2: how many orders are there of each status?

The function below fails. Run `make check-exercise N=2`, read what MySQL says (error 1064), and mend the one word that
it is about. loaders/common/quoting.py knows how.

연습 문제 2: 상태마다 주문이 몇 건 있을까요?

아래 함수는 실패합니다. `make check-exercise N=2 ARGS="--lang ko"`를 실행해 MySQL의 말(오류
1064)을 읽고, 그 말이 가리키는 단어 하나를 고치세요. 방법은 loaders/common/quoting.py에
있습니다.
"""


def orders_per_status(connection) -> dict[str, int]:
    with connection.cursor() as cursor:
        cursor.execute("select status, count(*) from order group by status")
        return dict(cursor.fetchall())
