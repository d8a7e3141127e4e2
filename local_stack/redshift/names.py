"""What the stack's parts call each other's things."""

REGION = "eu-west-1"
BUCKET = "order-he-lake"
PREFIX = "order-he"
