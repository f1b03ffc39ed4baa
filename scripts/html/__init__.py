"""HTML pages and their charts; a page is one file that needs no server and no network."""
