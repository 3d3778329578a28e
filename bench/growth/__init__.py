"""How time grows with the work; see bench/README.md."""
