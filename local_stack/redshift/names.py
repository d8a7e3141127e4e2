"""What the stack's parts call each other's things."""

REGION = "eu-west-1"
BUCKET = "order-he-lake"
PREFIX = "order-he"
# The role by which COPY reads the lake, and the name of the one policy that every identity has.
COPY_ROLE = "order-he-copy"
POLICY = "own"
WORKGROUP = "local"
