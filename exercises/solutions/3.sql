create table mine.review (
    review_id decimal(20, 0),
    order_id bigint,
    stars smallint,
    title varchar(320),
    body varchar(65535),
    discount decimal(5, 2),
    written_at timestamp
);
