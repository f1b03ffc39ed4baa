"""HTML pages that can be opened as files: their charts, and how they are written."""
