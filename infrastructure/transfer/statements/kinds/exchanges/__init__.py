"""What exchanges hand out: exports of their websites, and answers of their interfaces that were saved."""
