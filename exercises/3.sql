-- Exercise 3: the shop gets reviews. exercises/3.mysql.sql is the table in MySQL; this should be the same table in
-- Redshift. It is accepted there, and would cut, round or refuse values. docs/types.md says what each type becomes;
-- mind that Redshift counts bytes, and what a bare varchar and a bare decimal mean there.
--
-- Then: make check-exercise N=3
create table mine.review (
    review_id bigint,
    order_id bigint,
    stars smallint,
    title varchar(80),
    body varchar,
    discount decimal,
    written_at timestamp
);
