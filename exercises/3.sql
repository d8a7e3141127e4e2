-- Exercise 3: the shop gets reviews. exercises/3.mysql.sql is the table in MySQL; this should be the same table in
-- Redshift. It is accepted there, and would cut, round or refuse values. docs/types.md says what each type becomes;
-- mind that Redshift counts bytes, and what a bare varchar and a bare decimal mean there.
--
-- Then: make check-exercise N=3
--
-- 연습 문제 3: 쇼핑몰에 리뷰가 생겼습니다. exercises/3.mysql.sql이 MySQL의 테이블이고,
-- 아래는 Redshift의 같은 테이블이어야 합니다. Redshift는 이대로도 받아들이지만 값을
-- 자르거나 반올림하거나 거부하게 됩니다. 타입마다 무엇이 되는지는 docs/types.ko.md에
-- 있습니다. Redshift는 바이트를 센다는 것, 길이 없는 varchar와 자릿수 없는 decimal의 뜻에
-- 주의하세요.
-- 그다음: make check-exercise N=3 ARGS="--lang ko"
create table mine.review (
    review_id bigint,
    order_id bigint,
    stars smallint,
    title varchar(80),
    body varchar,
    discount decimal,
    written_at timestamp
);
