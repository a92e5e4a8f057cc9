"""What an operator does by command: back up, look whether a backup holds, verify the books."""
