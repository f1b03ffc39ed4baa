"""Files of any form as rows: lines of CSV, objects of JSON, records of a database."""
