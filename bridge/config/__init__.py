"""One YAML file -> frozen settings; every problem is named by file, line and key path."""
