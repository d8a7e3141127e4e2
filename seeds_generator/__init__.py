"""Fills the demo shop's database with a believable shop, and lets days pass in it. Same seed, same rows."""
