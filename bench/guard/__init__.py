"""What has become slower; see bench/README.md."""
