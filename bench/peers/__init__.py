"""lanewise beside other runtimes; see README.md."""
