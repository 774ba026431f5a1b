"""What an operator writes, and what reads it."""
