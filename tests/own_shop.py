"""A shop of somebody else's: 13 tables and a view, with all that a schema can declare, in Korean local time."""

from pathlib import Path

TABLES = (
    "create table grade (code char(2) primary key comment 'A, B', label varchar(20) not null)",
    "create table member (member_id int auto_increment primary key, `name` varchar(50) not null comment '이름; it''s "
    "personal', email varchar(100) unique, grade char(2), referrer_id int, state enum('active','휴면','left') not null "
    "default 'active', prefs json, joined_at datetime not null comment 'KST local time', deleted_at datetime, "
    "updated_at timestamp null, foreign key (grade) references grade (code), "
    "foreign key (referrer_id) references member (member_id)) comment '회원 {{ 1 }} 50% \\\\ \"all\"'",
    "create table address (address_id int primary key, member_id int not null, `order` int not null, line varchar(90), "
    "foreign key (member_id) references member (member_id))",
    "create table category (category_id int primary key, parent_id int, label varchar(30) not null, "
    "foreign key (parent_id) references category (category_id))",
    "create table item (item_id int primary key, category_id int not null, title varchar(60) not null, "
    "price decimal(10,2) not null, kind enum('plain','it''s') not null, is_deleted tinyint(1) not null default 0, "
    "foreign key (category_id) references category (category_id))",
    "create table stock (warehouse int, item_id int, pieces int not null, primary key (warehouse, item_id), "
    "foreign key (item_id) references item (item_id))",
    "create table purchase (purchase_id bigint primary key, member_id int not null, status enum('new','paid') "
    "not null, bought_at datetime not null, updated_at datetime, "
    "foreign key (member_id) references member (member_id))",
    "create table purchase_line (purchase_id bigint, line_no int, item_id int not null, pieces int not null, "
    "primary key (purchase_id, line_no), foreign key (purchase_id) references purchase (purchase_id), "
    "foreign key (item_id) references item (item_id))",
    "create table parcel (parcel_id int primary key, purchase_id bigint not null, line_no int not null, "
    "sent_at datetime, foreign key (purchase_id, line_no) references purchase_line (purchase_id, line_no))",
    "create table payment (payment_id int primary key, purchase_id bigint, paid decimal(12,2), "
    "foreign key (purchase_id) references purchase (purchase_id))",
    "create table review (review_id int primary key, item_id int not null, stars tinyint unsigned, body text, "
    "foreign key (item_id) references item (item_id))",
    "create table coupon (code varchar(12) primary key, percent int not null)",
    "create table visit_log (said varchar(50), at datetime(6))",
    "create view sales as select member_id, count(*) as times from purchase group by member_id",
)
ROWS = (
    "insert into grade values ('A', 'gold'), ('B', 'silver')",
    "insert into member values (1, '김', 'k@example.com', 'A', null, '휴면', '{\"sms\": true}', "
    "'2026-01-01 08:30:00', null, now())",
    "insert into member values (2, 'Lee', null, null, 1, 'active', null, '2026-01-02 00:00:00', '2026-02-01', now())",
    "insert into address values (1, 1, 1, '서울')",
    "insert into category values (1, null, 'food'), (2, 1, 'tea')",
    "insert into item values (1, 2, '녹차', 12.50, 'it''s', 0), (2, 2, 'old tea', 1.00, 'plain', 1)",
    "insert into stock values (1, 1, 5), (2, 1, 0)",
    "insert into purchase values (1, 1, 'paid', '2026-03-01 08:59:59', now()), (2, 2, 'new', '2026-03-02', now())",
    "insert into purchase_line values (1, 1, 1, 2), (1, 2, 2, 1), (2, 1, 1, 1)",
    "insert into parcel values (1, 1, 2, null)",
    "insert into payment values (1, 1, 26.00)",
    "insert into review values (1, 1, 5, 'good')",
    "insert into coupon values ('SPRING', 10)",
    "insert into visit_log values ('x', now()), ('x', null)",
)
MARTS = {
    "purchase_mart": (
        """
with purchases as (
    select * from {{ ref('stg_mall__purchase') }}
),

lines as (
    select * from {{ ref('stg_mall__purchase_line') }}
),

summed as (
    select
        purchase_id,
        sum(pieces) as pieces
    from lines
    group by purchase_id
),

joined as (
    select
        purchases.purchase_id,
        purchases.status,
        purchases.bought_at,
        summed.pieces
    from purchases
    left join summed on purchases.purchase_id = summed.purchase_id
)

select * from joined
""",
        """models:
  - name: purchase_mart
    description: A row per purchase.
    columns:
      - {name: purchase_id, description: Its number., data_tests: [unique, not_null]}
      - {name: pieces, description: Pieces of all its lines., data_tests: [not_null]}
""",
    ),
    "member_mart": (
        """
with members as (
    select * from {{ ref('stg_mall__member') }}
)

select
    member_id,
    state,
    joined_at
from members
""",
        """models:
  - name: member_mart
    description: A row per member.
    config: {contract: {enforced: true}}
    columns:
      - {name: member_id, data_type: integer, description: The number., data_tests: [unique, not_null]}
      - name: state
        data_type: varchar
        description: Where they are.
        data_tests: [{accepted_values: {arguments: {values: [active, 휴면, left]}}}]
      - {name: joined_at, data_type: timestamp, description: Since when.}
""",
    ),
    "stock_mart": (
        """
with stocks as (
    select * from {{ ref('stg_mall__stock') }}
)

select
    item_id,
    sum(pieces) as pieces
from stocks
group by item_id
""",
        """models:
  - name: stock_mart
    description: A row per item.
    columns:
      - {name: item_id, description: The item., data_tests: [unique, not_null]}
      - {name: pieces, description: In all warehouses., data_tests: [not_null]}
""",
    ),
}


def write_marts(project: Path) -> None:
    """Marts of the shop's, each with its YAML, in the folder for them."""
    for name, (sql, yml) in MARTS.items():
        (project / f"models/own/{name}.sql").write_text(sql.lstrip(), encoding="utf-8")
        (project / f"models/own/{name}.yml").write_text(yml, encoding="utf-8")
