"""What websites of exchanges export in CSV where their interface answers otherwise."""
