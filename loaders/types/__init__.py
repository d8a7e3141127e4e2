"""Which types a column has at the source, in the lake and in raw, and how its values are printed and hashed."""
