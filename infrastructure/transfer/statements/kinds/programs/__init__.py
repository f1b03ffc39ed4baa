"""What trading programs write of what they did."""
