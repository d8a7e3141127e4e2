"""Exercise 4: put rows into `note (id int primary key, who varchar(40), text varchar(200))`.

`rows` are dictionaries with the keys id, who and text; text may be None, which is not the same as ''. The loop below
breaks on a name with a quote in it, stores 'None' for None, and asks the server 5,000 times. Ask it at most 50 times.

Then: make check-exercise N=4

연습 문제 4: `note`에 행을 넣으세요. `rows`는 id, who, text를 키로 가진 딕셔너리들입니다.
text는 None일 수 있고, None은 ''와 다릅니다. 아래 반복문은 이름에 따옴표가 있으면
깨지고, None 대신 'None'을 저장하고, 서버에 5,000번 묻습니다. 많아도 50번만 물으세요.
그다음: make check-exercise N=4 ARGS="--lang ko"
"""


def load(connection, rows: list[dict]) -> None:
    with connection.cursor() as cursor:
        for row in rows:
            cursor.execute(f"insert into note values ({row['id']}, '{row['who']}', '{row['text']}')")
    connection.commit()
