"""What a run of the suites found, for people: a page, a summary for the README, tables for the documentation."""
