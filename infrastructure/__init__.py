"""Storage, and the interfaces to exchanges, files and other databases; imports domain and projections."""
