"""The treasurer's desk: pages that bring people, books and rounds together. It owns no tables."""
