"""Files of exchanges: exports of their websites, and saved answers of their APIs; who has several has a folder."""
