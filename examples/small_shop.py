"""A shop as dictionaries: python -m seeds_generator load examples/small_shop.py. None is NULL, "" an empty text."""

THEN = "2024-01-01 00:00:00"


def _person(customer_id: int, name: str, country: str, loyalty_level: str) -> dict:
    contact = {"email": f"{name.lower()}@example.com", "phone": "010-0000-0000", "address": "1 Example Street"}
    known = {"customer_id": customer_id, "name": name, "country": country, "loyalty_level": loyalty_level}
    return known | contact | {"created_at": THEN, "updated_at": THEN}


customer = [_person(1, "Kim", "Korea", "Gold"), _person(2, "Smith", "UK", "Bronze")]

product = [
    {
        "product_id": 1,
        "product_name": "Cup",
        "category": "Kitchen",
        "price": "12.50",
        "weight_kg": "0.30",
        "seller_company": "Example Ltd",
        "created_at": THEN,
        "updated_at": THEN,
    }
]

order = [
    {
        "order_id": order_id,
        "customer_id": customer_id,
        "product_id": 1,
        "order_date": THEN,
        "quantity": 1,
        "amount": 13,
        "delivery_id": f"DLV{order_id}",
        "delivery_fee": "3.00",
        "shipping_date": shipping_date,
        "status": "shipped" if shipping_date is None else "delivered",
        "request": request,
        "created_at": THEN,
        "updated_at": THEN,
    }
    for order_id, customer_id, shipping_date, request in (
        (1, 1, "2024-01-03 10:00:00", "문 앞에 놓아 주세요"),
        (2, 1, "2024-01-04 10:00:00", ""),
        (3, 2, None, None),
    )
]
