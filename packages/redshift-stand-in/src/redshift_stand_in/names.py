"""What the stack's parts call each other's things."""

from dataclasses import dataclass

REGION = "eu-west-1"
# The name of the one policy that every identity has.
POLICY = "own"
WORKGROUP = "local"


@dataclass(frozen=True)
class Names:
    """What a project calls its own things. prefix: below it lies what may be read and written; empty: the whole bucket.

    copy_role: of the role by which COPY reads there.
    """

    bucket: str = "lake"
    prefix: str = ""
    copy_role: str = "redshift-copy"

    @property
    def url(self) -> str:
        return f"s3://{self.bucket}/{self.prefix}".rstrip("/")

    @property
    def objects(self) -> str:
        """Every object that may be read and written, as a policy names them."""
        return f"arn:aws:s3:::{self.bucket}/{self.prefix}/*".replace("//", "/")


USUAL = Names()
