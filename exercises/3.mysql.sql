create table review (
    review_id bigint unsigned not null primary key,
    order_id bigint not null,
    stars tinyint not null,
    title varchar(80) character set utf8mb4 not null,
    body text character set utf8mb4 null,
    discount decimal(5, 2) null,
    written_at datetime(6) not null
)
