"""What brings a database to this version."""
