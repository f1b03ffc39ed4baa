"""Files of any form as rows: cells of CSV, objects of JSON, records of a database."""
