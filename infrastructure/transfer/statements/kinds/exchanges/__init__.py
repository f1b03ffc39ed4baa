"""Files of exchanges: exports of their websites, and saved answers of their APIs; a folder for who has several."""
